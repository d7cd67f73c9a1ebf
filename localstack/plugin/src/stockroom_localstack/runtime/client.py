"""Starts AWS's runtime client for Python with a function's handler, in one of two ways that give the same process.

A new interpreter takes half a second of a processor to load AWS's SDK, for each environment anew. So a fork server
(fork_server_main.py) loads it, once for each interpreter, and forks:

    emulator ── requests (a socket pair) ── fork server
        └────── lifeline, output ────────── supervisor ── function        both forked; see supervisor.py

A function must not notice. Where it could, it gets a new interpreter: see `needs_new_interpreter`.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from stockroom_localstack.lifecycle import supervisor
from stockroom_localstack.lifecycle.supervisor import SupervisedProcess

from .confinement import access, confined
from .environment import LANGUAGE, Places
from .runtimes import Interpreter

FORK_SERVER = Path(__file__).with_name("fork_server_main.py")
READ_AT_START = ("PYTHON", "LANG", "LC_", "LD_", "GLIBC_", "MALLOC_")
STARTED_WITH = {"LANG": LANGUAGE}
PATHS = ("PYTHONPATH", "LD_LIBRARY_PATH")
# https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
RUN_HANDLER_OF_ENVIRONMENT = """
import os, runpy, sys
sys.argv[1:] = [os.environ["_HANDLER"]]
runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
"""


class ForkServer:
    """Forks processes of functions. It is started by the first request, and again by the first one after it has
    died."""

    def __init__(self, interpreter: Path) -> None:
        self._interpreter = interpreter
        self._lock = threading.Lock()
        self._process: SupervisedProcess | None = None
        self._requests: socket.socket | None = None

    def start(self, handler: str, environment: Mapping[str, str], places: Places) -> SupervisedProcess:
        """The process of a function, forked. environment: all of its variables. Raises OSError."""
        request = {
            "handler": handler,
            "environment": dict(environment),
            "folder": str(places.task_root),
            "access": asdict(access(places)),
        }
        body = json.dumps(request).encode()
        ours, theirs = socket.socketpair()
        output, their_output = os.pipe()
        stdout = os.fdopen(output, "rb", buffering=0)
        try:
            with self._lock:
                requests = self._running()
                socket.send_fds(requests, [len(body).to_bytes(8)], [theirs.fileno(), their_output])
                requests.sendall(body)
        finally:
            theirs.close()
            os.close(their_output)
        return SupervisedProcess(ours, stdout)

    def _running(self) -> socket.socket:
        if self._requests is None or self._process is None or not self._process.is_running():
            self._requests, theirs = socket.socketpair()
            with theirs:
                self._process = supervisor.start(
                    [self._interpreter, FORK_SERVER],
                    env={"PATH": os.defpath, **STARTED_WITH},
                    cwd=FORK_SERVER.parent,
                    stdin=theirs.fileno(),
                )
        return self._requests


# In capitals: they are no state of the emulator (state/roots.py).
FORK_SERVERS: dict[Path, ForkServer] = {}
FORK_SERVERS_LOCK = threading.Lock()


def start(interpreter: Interpreter, handler: str, environment: Mapping[str, str], places: Places) -> SupervisedProcess:
    """Start a function's process, which works in the folder of its code. environment: all of its variables."""
    if sys.platform != "linux" or needs_new_interpreter(environment, places.task_root, interpreter.site_packages):
        command = _command(interpreter, handler, environment, places)
        return supervisor.start(confined(command, access(places)), env=environment, cwd=places.task_root)
    with FORK_SERVERS_LOCK:
        server = FORK_SERVERS.setdefault(interpreter.executable, ForkServer(interpreter.executable))
    return server.start(handler, environment, places)


def _command(
    interpreter: Interpreter, handler: str, environment: Mapping[str, str], places: Places
) -> list[str | Path]:
    if wrapper := environment.get(WRAPPER):
        # It may set another handler.
        return [places.here(wrapper), interpreter.executable, "-c", RUN_HANDLER_OF_ENVIRONMENT]
    # -u is not needed: the runtime client flushes after every write.
    return [interpreter.executable, "-m", "awslambdaric", handler]


def needs_new_interpreter(environment: Mapping[str, str], folder: Path, site_packages: Path) -> bool:
    """Whether a function could notice that its interpreter was started before it.

    It could by a program that is to start it, by variables that are read at the start, by libraries for the dynamic
    linker, and by modules that have the name of one that is loaded already and are not the same.
    """
    if WRAPPER in environment or any(
        name.startswith(READ_AT_START) and name not in PATHS and value != STARTED_WITH.get(name)
        for name, value in environment.items()
    ):
        return True
    libraries = _folders(environment.get("LD_LIBRARY_PATH", ""))
    if any(next(library.glob("*.so*"), None) for library in libraries):
        return True
    loaded = sys.stdlib_module_names | {_module(entry) for entry in site_packages.iterdir()}
    return any(
        _module(entry) in loaded and not _is_same(entry, site_packages / entry.name)
        for root in (folder, *_folders(environment.get("PYTHONPATH", "")))
        if root.is_dir()
        for entry in root.iterdir()
    )


def _folders(path: str) -> list[Path]:
    return [Path(folder) for folder in path.split(os.pathsep) if folder]


def _module(entry: Path) -> str:
    return entry.name.partition(".")[0]


def _is_same(entry: Path, loaded: Path) -> bool:
    return loaded.exists() and _sources(entry) == _sources(loaded)


def _sources(module: Path) -> dict[str, bytes]:
    """Of a file or a package; the text of each file of it by its name below the module."""
    files = [module] if module.is_file() else module.rglob("*.py")
    return {str(file.relative_to(module)): file.read_bytes() for file in files}
