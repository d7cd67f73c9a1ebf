"""Runs a command so that it never outlives the emulator.

`start` puts a small process of its own, the supervisor (supervisor_main.py), between the emulator and the command:

    emulator ── lifeline (a socket pair) ── supervisor ── command, in a process group of its own

The lifeline ends when the emulator shuts it or dies in whatever way, kill -9 included. The supervisor then kills the
command's group and whatever left that group. When the command ends by itself, the supervisor tells so on the lifeline
and ends in the same way (same exit status or signal). If the supervisor itself is killed, Linux kills the command;
elsewhere it stays.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

SUPERVISOR = Path(__file__).with_name("supervisor_main.py")


class SupervisedProcess:
    """A command under a supervisor. `stdout` gives its output as bytes, standard error included; `stdin` takes what it
    reads, and is None for one that reads nothing."""

    def __init__(
        self,
        lifeline: socket.socket,
        stdout: IO[bytes],
        stdin: IO[bytes] | None = None,
        reap: Callable[[], object] = lambda: None,
    ) -> None:
        """reap: what is to be done when the supervisor has ended."""
        self.stdout = stdout
        self.stdin = stdin
        self._lifeline = lifeline
        self._told = lifeline.makefile("rb")
        self._reap = reap
        self._pid: int | None = None
        self._status: int | None = None
        self._pid_lock = threading.Lock()
        self._status_lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Process id of the command itself; None when the supervisor ended before there was one."""
        with self._pid_lock:
            if self._pid is None and self._status is None:
                line = self._told.readline()
                self._pid = int(line) if line else None
            return self._pid

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the command to end. Returns its exit status, or minus the signal that ended it.

        Raises subprocess.TimeoutExpired after `timeout` seconds.
        """
        _ = self.pid  # is told first
        with self._status_lock:
            if self._status is None:
                if not self._has_news(timeout):
                    raise subprocess.TimeoutExpired(str(self._pid), timeout or 0)
                last = self._told.read()
                self._status = int(last) if last else -signal.SIGKILL
                self._reap()
            return self._status

    def is_running(self) -> bool:
        """Whether the command has started and not ended yet."""
        _ = self.pid
        return self._status is None and not self._has_news(0)

    def kill(self) -> None:
        """Kill the command and all that it started, and wait until they are gone. Safe to repeat."""
        with contextlib.suppress(OSError):  # it has ended
            self._lifeline.shutdown(socket.SHUT_WR)
        self.wait()

    def _has_news(self, timeout: float | None) -> bool:
        """Whether the supervisor ends, which is the only news after the id."""
        poll = select.poll()  # select refuses file descriptors beyond 1024
        poll.register(self._lifeline, select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))


def start(
    command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, stdin: int = subprocess.DEVNULL
) -> SupervisedProcess:
    """Start the command with exactly this environment (Python may add LC_CTYPE) and without inherited files.

    stdin: as for subprocess.Popen.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", SUPERVISOR, str(theirs.fileno()), *map(str, command)],
            env=dict(env),
            cwd=cwd,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C in the terminal of the emulator is not for its children
        )
    assert process.stdout is not None
    return SupervisedProcess(ours, process.stdout, process.stdin, reap=process.wait)
