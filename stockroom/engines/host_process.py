"""What engines share that are processes of this machine: start, wait until ready, stop, status, log."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from time import time

import psutil

from stockroom.engines import Capabilities, EngineStatus
from stockroom.engines.health import read_health, wait_for_health
from stockroom.engines.logs import follow, last_lines
from stockroom.environments import LOCAL, local_process_environment, read_environment
from stockroom.errors import StockroomError
from stockroom.settings import Settings
from stockroom.system.files import PRIVATE_UMASK
from stockroom.system.installation import check_free_space
from stockroom.system.processes import PidFile, check_port_is_free, is_running, processes_in, stop

NEEDED_MB = 300


class HostProcessEngine(ABC):
    """A process in its own session; its data, temporary files and log live in `engine_dir`."""

    name: str
    emulator: str
    capabilities = Capabilities()
    _title: str

    def __init__(self, settings: Settings) -> None:
        self.endpoint = settings.local_endpoint
        self._port = settings.port
        self._folder = settings.engine_dir
        self._timeout = settings.start_timeout
        self._log_level = settings.log_level
        self._allowed_origins = settings.allowed_origins or ()
        self._pid_file = PidFile(self._folder / "pid")
        self._log = self._folder / f"{self.name}.log"
        self._process: psutil.Process | None = None
        self._started: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _install(self, say: Callable[[str], None]) -> None:
        """Install what is missing."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The command line of what is installed."""

    @abstractmethod
    def _variables(self) -> dict[str, str]:
        """The engine's own variables, besides those of every local process."""

    def _prepare(self) -> None:  # noqa: B027 # most begin with nothing
        """Put into the empty `engine_dir` what the process is to find there."""

    def _complete(self) -> None:  # noqa: B027 # most begin with nothing
        """Put into `engine_dir` what the process, which has started, is waiting for."""

    def check(self) -> None:
        if not self.is_running():
            check_port_is_free(self._port)
            check_free_space(self._folder, NEEDED_MB)

    def start(self, say: Callable[[str], None] = lambda _: None) -> bool:
        if process := self._pid_file.process():
            self._process = process
            return False
        self.check()
        self._install(say)
        say(f"starting {self._title}")
        # What a dead emulator left: its children, and data that nothing refers to any more.
        stop(list(processes_in(self._folder)), patience=2)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, mode=0o700)
        self._prepare()
        with self._log.open("wb") as log:
            self._started = subprocess.Popen(
                self._command(),
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=PRIVATE_UMASK,
            )
        self._process = psutil.Process(self._started.pid)
        self._pid_file.write(self._started.pid)
        self._complete()
        return True

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
        own = {"HOME": str(self._folder), "PYTHONUNBUFFERED": "1"} | self._variables()
        return local_process_environment(inherited, self.endpoint, read_environment(LOCAL).region, own)

    def wait_until_ready(self, watch: Callable[[], None] | None = None) -> None:
        def give_up() -> StockroomError | None:
            if watch:
                watch()
            return None if self.is_running() else self._obituary()

        wait_for_health(self.endpoint, self._timeout, give_up)

    def _obituary(self) -> StockroomError:
        """Why what was started by this object has ended before it was ready."""
        status = self._started.wait() if self._started else None
        return self._error_of_status(status)(
            "the emulator ended while it was starting",
            f"the whole log is in {self._log}",
            "\n".join(last_lines(self._log, 15)),
        )

    def _error_of_status(self, status: int | None) -> type[StockroomError]:
        """What the process's exit status tells, which is None where another command had started it."""
        return StockroomError

    def stop(self) -> bool:
        process = self._pid_file.process()
        if process:
            stop([process], patience=10)
        leftovers = list(processes_in(self._folder))
        stop(leftovers, patience=2)
        self._pid_file.remove()
        self._process = None
        return bool(process or leftovers)

    def is_running(self) -> bool:
        process = self._process or self._pid_file.process()
        return process is not None and is_running(process)

    def status(self) -> EngineStatus:
        process = self._pid_file.process()
        if process is None:
            return EngineStatus(self.name, "stopped", self.endpoint)
        health = read_health(self.endpoint)
        return EngineStatus(
            self.name,
            "running" if health else "starting",
            self.endpoint,
            pid=process.pid,
            version=health.version if health else None,
            memory_mb=_memory_mb(process),
            uptime_seconds=int(time() - process.create_time()),
        )

    def log_lines(self, follow_log: bool, lines: int) -> Iterator[str]:
        if follow_log:
            return follow(self._log, lines)
        if not self._log.exists():
            raise StockroomError("there is no log yet", "start the emulator with `invoke infra-up`")
        return iter(last_lines(self._log, lines))


def _memory_mb(process: psutil.Process) -> int:
    """Resident memory of the process and everything it started, in MB."""
    total = 0
    with contextlib.suppress(psutil.Error):
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += one.memory_info().rss
    return total // 2**20
