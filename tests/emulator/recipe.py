"""Starts and stops an emulator for the tests, with nothing but what is written here."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
ROLE = "arn:aws:iam::000000000000:role/emulator-tests"
EARLY_SERVICES = ("dynamodb", "kinesis", "lambda", "sqs", "s3", "iam", "sts", "logs")
START_SECONDS = 60


def wait_for(what: str, look: Callable[[], T | None], seconds: float = 20) -> T:
    """The first true value that `look` returns; fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s in vain: {what}")
        time.sleep(0.05)
    return found


@dataclass(frozen=True)
class Emulator:
    """An emulator that the tests started. run_dir holds all it writes, its log among it."""

    endpoint: str
    pid: int
    run_dir: Path

    @property
    def log(self) -> str:
        return (self.run_dir / "log").read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """The emulator and all it has started."""
        emulator = psutil.Process(self.pid)
        return [emulator, *emulator.children(recursive=True)]

    def health(self) -> dict[str, str]:
        """State of each service, an empty dict while nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_localstack/health", timeout=5) as answer:
                return dict(json.load(answer)["services"])
        except (OSError, ValueError):
            return {}

    def wait_for_services(self) -> None:
        wait_for(
            "the early services to run",
            lambda: {self.health().get(name) for name in EARLY_SERVICES} == {"running"},
            START_SECONDS,
        )


def start_emulator(run_dir: Path) -> Emulator:
    """The recipe: the emulator's Python runs LocalStack with this environment and nothing else of ours.

    STOCKROOM_TEST_EMULATOR_HOME names an installed emulator; without it that of this checkout is used.
    """
    home = Path(os.environ.get("STOCKROOM_TEST_EMULATOR_HOME") or ROOT / ".stockroom" / "emulator")
    python = home / "python" / "bin" / "python"
    if not python.exists():
        pytest.fail(f"no emulator is installed in {home}: run `invoke infra-up` once, or set STOCKROOM_TEST_ENDPOINT")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    run_dir.mkdir(parents=True)
    environment = {
        "PATH": os.defpath,
        "HOME": str(run_dir),
        "GATEWAY_LISTEN": address,
        "LOCALSTACK_HOST": address,
        "FILESYSTEM_ROOT": str(run_dir / "filesystem"),
        "OVERRIDE_IN_DOCKER": "0",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        "LS_LOG": "warn",
        "SQS_ENDPOINT_STRATEGY": "path",
        "SQS_DISABLE_CLOUDWATCH_METRICS": "1",
        "DYNAMODB_IN_MEMORY": "1",
        "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.1",
        "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",
        "STOCKROOM_EMULATOR_HOME": str(home),
        "STOCKROOM_EMULATOR_RUN_DIR": str(run_dir),
        "STOCKROOM_EMULATOR_SERVICES": ",".join(EARLY_SERVICES),
    }
    with (run_dir / "log").open("wb") as log:
        process = subprocess.Popen(
            [python, "-m", "localstack.runtime.main"],
            cwd=run_dir,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    emulator = Emulator(f"http://{address}", process.pid, run_dir)

    def answers() -> bool:
        if process.poll() is not None:
            pytest.fail(f"the emulator ended with status {process.returncode}:\n{emulator.log[-4000:]}")
        return bool(emulator.health())

    wait_for("the emulator to answer", answers, START_SECONDS)
    return emulator


def stop_emulator(pid: int) -> None:
    try:
        process = psutil.Process(pid)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    except psutil.TimeoutExpired:
        process.kill()
    except psutil.NoSuchProcess:
        pass
