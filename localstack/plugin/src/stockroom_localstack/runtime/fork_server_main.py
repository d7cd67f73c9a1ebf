"""The fork server, run by a Lambda runtime's interpreter. See client.py for the whole picture.

Its standard input is the socket that the requests come from. A request is a header, which gives the length of the rest
and brings the file descriptors of a lifeline and of an output, and the rest: JSON with handler, environment, folder and
what it may touch of the machine. What is forked for it becomes what `python -m awslambdaric <handler>` would be, so
nothing is loaded before that depends on the function.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

# AWS's SDK, and what the runtime client uses; that itself reads the function's variables while it is imported.
PRELOADED = ("boto3", "botocore.session", "simplejson")
HEADER_BYTES = 8


def _serve(requests: socket.socket) -> None:
    """Returns in each process of a function, once it is what its request asks for; ends when nobody asks any more."""
    while True:
        header, descriptors, _, _ = socket.recv_fds(requests, HEADER_BYTES, 2)
        if not header:
            raise SystemExit
        request = json.loads(requests.recv(int.from_bytes(header), socket.MSG_WAITALL))
        lifeline, output = descriptors
        if os.fork() == 0:
            requests.close()
            return _become(request, lifeline, output)
        os.close(lifeline)
        os.close(output)


def _become(request: dict[str, Any], lifeline: int, output: int) -> None:
    """Sets this process up, which becomes the supervisor, and returns in the function's."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(nothing)
    os.close(output)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    supervise(lifeline)
    confine(**request["access"])
    sys.argv[1:] = [request["handler"]]
    sys.path[:0] = [request["folder"], *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]


from confinement_main import confine  # type: ignore[import-not-found]  # noqa: E402  # this interpreter has no plugin

sys.path[0] = str(Path(__file__).parent.parent / "lifecycle")
from supervisor_main import supervise  # type: ignore[import-not-found]  # noqa: E402

del sys.path[0], sys.modules["supervisor_main"], sys.modules["confinement_main"]
for module in PRELOADED:
    importlib.import_module(module)
gc.collect()
gc.freeze()  # or the pages of all that would not stay shared
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # how they end is what supervisors tell the emulator
_serve(socket.socket(fileno=os.dup(0)))
runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
