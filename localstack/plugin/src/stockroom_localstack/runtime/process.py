"""One process of an execution environment: AWS's runtime client for Python with the function's handler."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path

import psutil

from . import client
from .api import Answer, Event, Initialisation, RuntimeApi
from .environment import Places
from .output import Output
from .runtimes import Interpreter
from .tcp_peers import Address, is_held_by

CHUNK = 64 * 1024
LARGEST_PIPE = 2**20


class RuntimeProcess:
    """The process of one execution environment. It runs from the constructor until `kill`, or until it ends by
    itself."""

    def __init__(
        self,
        interpreter: Interpreter,
        handler: str,
        environment: Callable[[str], Mapping[str, str]],
        places: Places,
    ) -> None:
        """environment: the variables of the process, given the address of its Runtime API."""
        self._api = RuntimeApi()
        try:
            self._process = client.start(interpreter, handler, environment(self._api.address), places)
        except BaseException:
            self._api.give_up()
            raise
        self._api.serve(self._is_own)
        self._peak_memory = 0
        self._output = Output()
        self._output_lock = threading.Lock()
        # Between two invocations, when the environment is frozen on AWS, what is printed waits in the pipe.
        self._is_read = threading.Event()
        self._is_read.set()
        os.set_blocking(self._process.stdout.fileno(), False)
        self._watcher = threading.Thread(target=self._watch, name="lambda-runtime-process", daemon=True)
        self._watcher.start()

    @property
    def initialised(self) -> Future[Initialisation]:
        """How the initialisation went, once it is over."""
        return self._api.initialised

    def is_running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.is_running()

    def send(self, event: Event) -> Future[Answer]:
        """Give the event to the function; the future tells how it answered, or that the process ended."""
        self._is_read.set()
        return self._api.send(event)

    def drain_output(self) -> bytes:
        """What the process has printed since the last call, up to this very moment."""
        self._is_read.clear()
        with self._output_lock:
            # One that goes on printing, such as a child of the function, would never let this end.
            for _ in range(LARGEST_PIPE // CHUNK):
                if not self._read():
                    break
            return self._output.drain()

    def peak_memory(self) -> int:
        """The most memory the process has had, in whole megabytes."""
        self._peak_memory = max(self._peak_memory, _peak_memory_bytes(self._process.pid))
        return -(-self._peak_memory // 2**20)

    def kill(self) -> None:
        """End the process and all that it started, and wait until its output is complete."""
        self._is_read.set()
        self._process.kill()
        self._watcher.join()

    def _is_own(self, peer: Address, ours: Address) -> bool:
        pid = self._process.pid
        return pid is not None and is_held_by(pid, peer, ours)

    def _watch(self) -> None:
        poll = select.poll()  # takes no file descriptor of its own
        poll.register(self._process.stdout, select.POLLIN)
        more = True
        while more:
            poll.poll()
            self._is_read.wait()
            with self._output_lock:
                more = self._read() is not False
        self._api.process_ended(self._process.wait())

    def _read(self) -> bool | None:
        """True: something came. None: nothing at the moment. False: nothing will come any more."""
        try:
            chunk = os.read(self._process.stdout.fileno(), CHUNK)
        except BlockingIOError:
            return None
        self._output.add(chunk)
        return bool(chunk)


def _peak_memory_bytes(pid: int | None) -> int:
    """0 when the process is gone."""
    if pid is None:
        return 0
    try:
        with Path(f"/proc/{pid}/status").open() as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return 0
    except OSError:
        pass
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
