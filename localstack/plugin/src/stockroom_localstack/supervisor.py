"""Runs a command so that it never outlives the emulator.

`start` puts a small process of its own, the supervisor (supervisor_main.py), between the emulator and the command:

    emulator ── lifeline (a socket pair) ── supervisor ── command, in a process group of its own

The lifeline ends when the emulator closes it or dies in whatever way, kill -9 included. The supervisor then kills the
command's group and whatever left that group. When the command ends by itself, the supervisor ends in the same way (same
exit status or signal). If the supervisor itself is killed, Linux kills the command; elsewhere it stays.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

SUPERVISOR = Path(__file__).with_name("supervisor_main.py")


class SupervisedProcess:
    """A command under a supervisor. `stdout` gives its output as bytes, standard error included; `stdin` takes what it
    reads, and is None for one that reads nothing."""

    def __init__(self, process: subprocess.Popen[bytes], lifeline: socket.socket) -> None:
        self._process = process
        self._lifeline = lifeline
        self._pid: int | None = None
        assert process.stdout is not None
        self.stdout = process.stdout
        self.stdin = process.stdin

    @property
    def pid(self) -> int:
        """Process id of the command itself; of the supervisor when the command could not be started."""
        if self._pid is None:
            # The first thing on the lifeline, written right after the fork.
            line = self._lifeline.makefile("rb").readline()
            self._pid = int(line) if line else self._process.pid
        return self._pid

    def wait(self, timeout: float | None = None) -> int:
        """Exit status, or minus the signal. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        return self._process.wait(timeout)

    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Kills the command and all it started, and waits until they are gone. Safe to repeat."""
        self._lifeline.close()
        self._process.wait()


def start(
    command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, reads: bool = False
) -> SupervisedProcess:
    """Starts the command with this environment (Python may add LC_CTYPE). No file is inherited.

    reads: whether it gets a standard input.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", SUPERVISOR, str(theirs.fileno()), *map(str, command)],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C in the terminal of the emulator is not for its children
        )
    return SupervisedProcess(process, ours)
