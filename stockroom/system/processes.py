"""Processes of the machine: pid files that heal themselves, who holds a port, what still runs in a folder."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psutil

from stockroom.errors import StockroomError

_LOOK_PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class PidFile:
    """A pid with when its process began, so that a reused pid is not mistaken."""

    path: Path

    def write(self, pid: int) -> None:
        content = {"pid": pid, "began": _began(pid)}
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps(content))
        temporary.replace(self.path)

    def process(self) -> psutil.Process | None:
        """The running process, or None; a stale or damaged file is removed."""
        try:
            content = json.loads(self.path.read_text())
            process = psutil.Process(int(content["pid"]))
            if _is_the_same(process, content) and is_running(process):
                return process
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, OverflowError, psutil.Error):
            pass
        self.remove()
        return None

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def _is_the_same(process: psutil.Process, content: dict[str, Any]) -> bool:
    if "began" in content:
        return bool(content["began"] == _began(process.pid))
    # Written by an older version, whose process may still run.
    return abs(process.create_time() - float(content["started"])) < 1


def _began(pid: int) -> str:
    """When a process began, in words that stay the same however the machine's clock is set. Raises psutil.Error."""
    stat, boot = Path(f"/proc/{pid}/stat"), Path("/proc/sys/kernel/random/boot_id")
    if stat.exists() and boot.exists():
        # psutil adds these clock ticks since the boot to its time, which moves when the clock is put right.
        return f"{boot.read_text().strip()} {_fields_of(stat)[19]}"
    return f"{psutil.Process(pid).create_time():.2f}"


def _fields_of(stat: Path) -> list[str]:
    """What follows the name of the program in /proc/<pid>/stat, whose third field is the first here."""
    return stat.read_text().rpartition(")")[2].split()


@dataclass(frozen=True)
class PortHolder:
    """Who listens on a port; pid and command are None where the system does not tell."""

    pid: int | None
    command: str | None

    def __str__(self) -> str:
        if self.pid is None:
            return "another process"
        return f"process {self.pid} ({self.command or 'unknown command'})"


def is_running(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def port_answers(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as connection:
        connection.settimeout(1)
        return connection.connect_ex((host, port)) == 0


def port_holder(port: int) -> PortHolder | None:
    """Who listens on the port of this machine's loopback, or None if nobody does."""
    pid: int | None = None
    found = False
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                found, pid = True, connection.pid or pid
    if not found and not port_answers("127.0.0.1", port):
        return None
    if pid is None:
        return PortHolder(None, None)
    command = None
    with contextlib.suppress(psutil.Error):
        command = " ".join(psutil.Process(pid).cmdline())[:120] or psutil.Process(pid).name()
    return PortHolder(pid, command)


def check_port_is_free(port: int) -> None:
    """Raises StockroomError that names who listens on the port."""
    if holder := port_holder(port):
        raise StockroomError(f"port {port} is taken by {holder}", "stop it, or set STOCKROOM_PORT to a free port")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def processes_in(folder: Path) -> Iterator[psutil.Process]:
    """Processes that work in the folder: their current directory is in it, or their command line names it.

    Not among them is what has a terminal: ours never do, so that is a user's shell, editor or `tail`.
    """
    # The whole name, since beside `run` there may be a platform in `run2`; a removed folder gets " (deleted)".
    named = re.compile(rf"(?<![\w.~-]){re.escape(str(folder))}(?=$|[/:;,'\"\s])")
    own = {psutil.Process().pid, *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        with contextlib.suppress(psutil.Error, OSError):
            works_here = named.match(process.cwd()) or any(map(named.search, process.cmdline()))
            if works_here and not has_terminal(process):
                yield process


def has_terminal(process: psutil.Process) -> bool:
    """Whether the process belongs to a terminal, as everything that a user starts by hand does."""
    stat = Path(f"/proc/{process.pid}/stat")
    if stat.exists():
        # psutil looks once which terminals there are and does not learn of one that is opened later.
        return int(_fields_of(stat)[4]) != 0
    return process.terminal() is not None


def stop(processes: list[psutil.Process], patience: float) -> None:
    """Ask the processes to end, wait `patience` seconds for all of them, then end the rest."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    for process in _alive_after(patience, processes):
        with contextlib.suppress(psutil.Error):
            process.kill()
    _alive_after(5, processes)


def _alive_after(seconds: float, processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run after so many seconds; returns as soon as none does.

    psutil waits until a process is gone. That depends on its parent, who may take seconds to ask what became of it, or
    never ask: a container's first process, or what became the parent when the real one had ended.
    """
    deadline = monotonic() + seconds
    while True:
        _, there = psutil.wait_procs(processes, timeout=0)  # asks for those that are our own children
        alive = list(filter(is_running, there))
        if not alive or monotonic() > deadline:
            return alive
        sleep(_LOOK_PAUSE_SECONDS)
