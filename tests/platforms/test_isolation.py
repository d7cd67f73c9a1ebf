"""Local work can not reach AWS: no process of the platform sees anything of a real account."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stockroom.system.processes import free_port

from .own_platform import OwnPlatform, own_platform

REAL_LOOKING = {
    "AWS_ACCESS_KEY_ID": "AKIAREALLOOKINGKEY00",
    "AWS_SECRET_ACCESS_KEY": "real/looking/secret/key/that/must/not/leak",
    "AWS_SESSION_TOKEN": "real-looking-session-token",
    "AWS_PROFILE": "production",
    "AWS_DEFAULT_PROFILE": "production",
    "AWS_REGION": "ap-southeast-2",
    "AWS_DEFAULT_REGION": "ap-southeast-2",
    "AWS_ROLE_ARN": "arn:aws:iam::333333333333:role/real",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/real-token",
    "AWS_ENDPOINT_URL_SQS": "https://sqs.ap-southeast-2.amazonaws.com",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
    "STOCKROOM_EVIDENCE_KEY": "signs-evidence-and-must-not-leak-either",
    "STOCKROOM_SNAPSHOT_KEY": "signs-snapshots-and-must-not-leak-either",
    "LOCALSTACK_AUTH_TOKEN": "of-an-account-that-pays",
}


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[OwnPlatform]:
    with own_platform(tmp_path / "run", free_port(), REAL_LOOKING) as platform:
        yield platform


def test_every_process_sees_dummy_credentials_and_the_local_endpoint(platform: OwnPlatform) -> None:
    seen: dict[tuple[int, float], tuple[str, dict[str, str]]] = {}
    finished = threading.Event()

    def look(command_pid: int) -> None:
        """Read the environment of every process below the command and below the emulator, until it is finished.

        A copy of the command's own process is one that has not become another program yet.
        """
        itself = psutil.Process(command_pid).cmdline()
        while not finished.is_set():
            roots = [command_pid]
            with contextlib.suppress(AssertionError, psutil.Error, OSError, ValueError):
                if (platform.run_dir / "engine" / "pid").exists():
                    roots.append(platform.emulator().pid)
            for root in roots:
                with contextlib.suppress(psutil.Error):
                    parent = psutil.Process(root)
                    own = [parent] if root != command_pid else []
                    for process in [*own, *parent.children(recursive=True)]:
                        with contextlib.suppress(psutil.Error, OSError):
                            environment, command_line = process.environ(), process.cmdline()
                            if environment and command_line != itself:
                                seen[process.pid, process.create_time()] = (" ".join(command_line), environment)
            finished.wait(0.02)

    command = platform.start("infra-up")
    looking = threading.Thread(target=look, args=(command.process.pid,))
    looking.start()
    try:
        assert command.finish() == 0, command.output
        status = platform.wait_until_drained()
    finally:
        finished.set()
        looking.join()

    names = [name for name, _ in seen.values()]
    for part in (
        "terraform apply",
        "terraform-provider-aws",
        "-m stockroom_localstack",
        "dynamodb_local",
        "fork_server" if sys.platform == "linux" else "awslambdaric",
    ):
        assert any(part in name for name in names), f"{part} was never seen among {len(names)} processes"
    for name, environment in seen.values():
        leaked = {key: value for key, value in environment.items() if value in REAL_LOOKING.values()}
        assert not leaked, f"{name} sees {leaked}"
        for key, value in environment.items():
            if key.startswith("AWS_ENDPOINT_URL"):
                assert value == platform.endpoint, f"{name} has {key}={value}"
    assert status["engine"]["state"] == "running"
    # It works with the account of the emulator, so nothing else can have answered.
    assert platform.client("sts").get_caller_identity()["Account"] == "000000000000"
