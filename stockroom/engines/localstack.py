"""The default engine: the LocalStack 4.14.0 runtime as a process of this machine, without Docker."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from time import time

import psutil

from stockroom.emulator import check_free_space, emulator_dir, install, python
from stockroom.engines import EngineStatus
from stockroom.engines.health import read_health, wait_for_health
from stockroom.engines.logs import follow, last_lines
from stockroom.environments import LOCAL, local_process_environment, read_environment
from stockroom.errors import StockroomError
from stockroom.processes import PidFile, check_port_is_free, is_running, processes_in, stop
from stockroom.settings import Settings
from stockroom.snapshots.emulator import state_folder

# What the stacks use; the emulator starts these side by side, before the first request asks for them.
EARLY_SERVICES = ["dynamodb", "kinesis", "lambda", "s3", "sqs", "iam", "sts", "logs", "kms"]

_NEEDED_MB = 300


class LocalStackEngine:
    """LocalStack as a host process in its own session; its data, temporary files and log live in `engine_dir`."""

    name = "localstack"

    def __init__(self, settings: Settings) -> None:
        self.endpoint = settings.local_endpoint
        self._port = settings.port
        self._folder = settings.engine_dir
        self._timeout = settings.start_timeout
        self._log_level = settings.log_level
        self._pid_file = PidFile(self._folder / "pid")
        self._log = self._folder / "localstack.log"
        self._process: psutil.Process | None = None

    def start(self, say: Callable[[str], None] = lambda _: None, state: Future[Path] | None = None) -> bool:
        """As of Engine; given a state, the folder of one that is being unpacked, the new world begins with that."""
        if process := self._pid_file.process():
            self._process = process
            return False
        check_port_is_free(self._port)
        check_free_space(self._folder, _NEEDED_MB)
        install(say)
        say("starting LocalStack")
        # What a dead emulator left: its children, and data that nothing refers to any more.
        stop(list(processes_in(self._folder)), patience=2)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        begin_with = state_folder(self._folder) if state else None
        if state and begin_with:
            state.result().replace(begin_with)
        with self._log.open("wb") as log:
            started = subprocess.Popen(
                [str(python()), "-m", "localstack.runtime.main"],
                cwd=self._folder,
                env=self._environment(begin_with),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._process = psutil.Process(started.pid)
        self._pid_file.write(started.pid)
        return True

    def _environment(self, state: Path | None) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
        return local_process_environment(
            inherited,
            self.endpoint,
            read_environment(LOCAL).region,
            {
                "HOME": str(self._folder),
                "PYTHONUNBUFFERED": "1",
                "GATEWAY_LISTEN": f"127.0.0.1:{self._port}",
                "LOCALSTACK_HOST": f"127.0.0.1:{self._port}",
                "FILESYSTEM_ROOT": str(self._folder / "filesystem"),
                "OVERRIDE_IN_DOCKER": "0",
                "DISABLE_EVENTS": "1",
                "SKIP_SSL_CERT_DOWNLOAD": "1",
                # Terraform accepts only URLs with the two parts account and name; every other strategy needs
                # DNS or a third part.
                "SQS_ENDPOINT_STRATEGY": "off",
                "LS_LOG": self._log_level,
                # There is no DNS of ours to serve, and port 53 may be somebody else's.
                "DNS_ADDRESS": "0",
                # Data lives as long as the emulator anyway: files make DynamoDB Local ten times slower, and Kinesis
                # Mock would write all of its records again every five seconds.
                "DYNAMODB_IN_MEMORY": "1",
                "KINESIS_PERSISTENCE": "0",
                # The defaults leave seconds between two looks at a queue or a stream.
                "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.1",
                "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",
                "STOCKROOM_EMULATOR_HOME": str(emulator_dir()),
                "STOCKROOM_EMULATOR_RUN_DIR": str(self._folder),
                "STOCKROOM_EMULATOR_SERVICES": ",".join(EARLY_SERVICES),
                **({"STOCKROOM_EMULATOR_STATE": str(state)} if state else {}),
            },
        )

    def wait_until_ready(self, watch: Callable[[], None] | None = None) -> None:
        def give_up() -> StockroomError | None:
            if watch:
                watch()
            if not self.died():
                return None
            return StockroomError(
                "the emulator ended while it was starting",
                f"the whole log is in {self._log}",
                "\n".join(last_lines(self._log, 15)),
            )

        wait_for_health(self.endpoint, self._timeout, give_up)

    def stop(self) -> bool:
        process = self._pid_file.process()
        if process:
            stop([process], patience=10)
        leftovers = list(processes_in(self._folder))
        stop(leftovers, patience=2)
        self._pid_file.remove()
        self._process = None
        return bool(process or leftovers)

    def died(self) -> bool:
        process = self._process or self._pid_file.process()
        return process is None or not is_running(process)

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
