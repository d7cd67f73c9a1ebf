"""What goes wrong while a command runs. Each is a block that the command runs in, and is given its process."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil

from tests.kills.world import World

Command = Callable[[], subprocess.Popen[bytes]]
Fault = Callable[[World, Command, random.Random], int]
"""Runs the command and returns its exit status."""

LONGEST_SECONDS = 600
LEFT_KB = (0, 64, 1_000, 4_000, 9_000, 12_000, 21_000)


def none(world: World, command: Command, draw: random.Random) -> int:
    return command().wait(LONGEST_SECONDS)


def toolkit_killed(world: World, command: Command, draw: random.Random) -> int:
    process = command()
    _sleep_or_end(process, draw)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    return process.wait(LONGEST_SECONDS)


def emulator_killed(world: World, command: Command, draw: random.Random) -> int:
    process = command()
    _sleep_or_end(process, draw)
    _kill_emulators(world)
    return process.wait(LONGEST_SECONDS)


def all_killed(world: World, command: Command, draw: random.Random) -> int:
    """As when the machine loses its power, but for what the system has not written."""
    process = command()
    _sleep_or_end(process, draw)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    _kill_emulators(world)
    return process.wait(LONGEST_SECONDS)


def interrupted(world: World, command: Command, draw: random.Random) -> int:
    process = command()
    _sleep_or_end(process, draw)
    process.send_signal(signal.SIGINT)
    return process.wait(LONGEST_SECONDS)


def port_taken(world: World, command: Command, draw: random.Random) -> int:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", world.port))
            listener.listen()
        except OSError:  # the emulator itself listens
            pass
        return command().wait(LONGEST_SECONDS)


def disk_full(world: World, command: Command, draw: random.Random) -> int:
    """The file system is a small one of memory, and next to nothing of it is left."""
    ballast = world.folder / "ballast"
    left = draw.choice(LEFT_KB) << 10
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        os.posix_fallocate(file.fileno(), 0, max(shutil.disk_usage(world.folder).free - left, 1))
    try:
        return command().wait(LONGEST_SECONDS)
    finally:
        ballast.unlink()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """A file system of its own in the folder, where root may make one; tells whether there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
    mounted = os.getuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _sleep_or_end(process: subprocess.Popen[bytes], draw: random.Random) -> None:
    """For a random part of the time that such a command takes here, or until it has ended."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(draw.uniform(0, _TAKES.typical()))


class Takes:
    """How long commands take that nothing happens to, on this machine at this time."""

    def __init__(self) -> None:
        self._seconds = [4.0]

    @contextmanager
    def one(self) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._seconds = [*self._seconds[-4:], time.monotonic() - began]

    def typical(self) -> float:
        return max(self._seconds) * 1.1


_TAKES = Takes()


def timed() -> AbstractContextManager[None]:
    return _TAKES.one()


def _kill_emulators(world: World) -> None:
    """That of the platform, and the one that proves what it saved."""
    for file in world.folder.glob("run/**/engine/pid"):
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            psutil.Process(json.loads(file.read_text())["pid"]).kill()
