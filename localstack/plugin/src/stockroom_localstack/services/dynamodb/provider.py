"""DynamoDB on DynamoDB Local."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext, handler
from localstack.aws.api.dynamodb import TransactWriteItemsInput
from localstack.aws.forwarder import ForwardingFallbackDispatcher
from localstack.aws.protocol.parser import JSONRequestParser
from localstack.http import Response
from localstack.services.dynamodb.server import DynamodbServer
from localstack.services.dynamodb.utils import get_ddb_access_key
from localstack.services.dynamodb.v2.provider import DynamoDBProvider, ValidationException, get_store
from localstack.services.plugins import Service
from localstack.utils.objects import singleton_factory
from localstack.utils.patch import patch

from stockroom_localstack import settings
from stockroom_localstack.backends import booting
from stockroom_localstack.backends.dynamodb_local import command
from stockroom_localstack.backends.dynamodb_local.command import LOOPBACK
from stockroom_localstack.backends.process import BackendProcess, attend, wait_until
from stockroom_localstack.backends.proxy import BackendProxy
from stockroom_localstack.lifecycle.supervisor import SupervisedProcess

from . import expiry

# What DynamoDB Local answers to these LocalStack would only read and write again; and of what they are asked it would
# look at each value, though it wants to know names of tables only.
HANDED_OVER = {
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
    *("BatchGetItem", "TransactGetItems", "TransactWriteItems"),
    *("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"),
}

MISSING_STATEMENT = (
    "1 validation error detected: Value null at 'statement' failed to satisfy constraint: Member must not be null"
)
DUPLICATE = b'#DuplicateItem"'


class DynamoDBLocalServer(DynamodbServer):
    """DynamoDB Local's process, in the shape in which LocalStack manages it."""

    proxy: BackendProxy

    def __init__(self) -> None:
        self._booting = booting.claim("dynamodb")
        self._address = self._booting.address if self._booting else command.free_address()
        super().__init__(port=self._address.port, host=LOOPBACK)
        self.proxy = BackendProxy(self.url)

    @property
    def url(self) -> str:
        return self._address.url

    @staticmethod
    @singleton_factory
    def get() -> DynamoDBLocalServer:
        return DynamoDBLocalServer()

    def do_start_thread(self) -> BackendProcess:
        booting, self._booting = self._booting, None
        return attend("dynamodb-local", booting.process if booting else self._start())

    def _start(self) -> SupervisedProcess:
        temporary = Path(tempfile.gettempdir())
        return command.start_dynamodb_local(settings.current(), self._address, temporary)

    def wait_is_up(self, timeout: float | None = None) -> bool:
        self._started.wait(timeout)
        return wait_until(self.is_up, timeout)

    def wait_for_dynamodb(self) -> None:
        """LocalStack makes a client for this, which takes longer than DynamoDB Local needs to answer it."""
        self.wait_is_up()

    def save(self, folder: Path) -> None:
        """Writes all tables and streams into the folder. Raises CommandError."""
        self._process.command(f"save {folder}")

    def load(self, folder: Path | None) -> None:
        """Puts them back; None: to nothing at all. Raises CommandError."""
        self._process.command(f"load {folder}" if folder else "clear")

    def expire(self, account: str, region: str, table: str, attribute: str, oldest: int, latest: int) -> int:
        """Delete items whose attribute is between the two moments, as the service itself does, and return how many.

        Raises CommandError.
        """
        where = {"database": database_of(account, region), "table": table}
        asked = {**where, "attribute": attribute, "oldest": oldest, "latest": latest}
        return int(self._process.command(f"expire {json.dumps(asked)}"))

    def execute(self, database: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """Execute PartiQL statements, and return the answer with what they consumed; None where it is an error.

        Raises CommandError.
        """
        asked = {"database": database, "operation": operation, "request": request}
        answer: dict[str, Any] | None = self._process.command(f"execute {json.dumps(asked)}")
        return answer

    @property
    def _process(self) -> BackendProcess:
        assert isinstance(self._thread, BackendProcess)
        return self._thread


# LocalStack's `v2` providers: streams are DynamoDB Local's own. Its default ones read an item before and after each
# write and note the difference in a Kinesis stream, so that concurrent writers get wrong images in the wrong order.
class StockroomDynamoDBProvider(DynamoDBProvider):
    """LocalStack's provider, which hands requests over to DynamoDB Local as they are where it can."""

    @staticmethod
    def _new_dynamodb_server() -> DynamodbServer:
        return DynamoDBLocalServer.get()

    def forward_request(self, context: RequestContext, service_request: Any = None) -> Any:
        assert context.operation
        if service_request is not None or context.operation.name not in HANDED_OVER:
            return super().forward_request(context, service_request)
        self.check_provisioned_throughput(context.operation.name)
        return _hand_over(context)

    @handler("TransactWriteItems", expand=False)
    def transact_write_items(  # type: ignore[override]
        self, context: RequestContext, payload: TransactWriteItemsInput
    ) -> Any:
        # As LocalStack does it, but reading and writing it once: DynamoDB Local knows no ARNs, and takes what is
        # said in another order for another request.
        for item in payload["TransactItems"]:
            for write in filter(None, item.values()):
                if table := write.get("TableName"):  # type: ignore[attr-defined]
                    write["TableName"] = table.split(":table/")[-1]  # type: ignore[index]
        context.request.data = json.dumps(payload, sort_keys=True).encode()
        answer = self.forward_request(context)
        if payload.get("ReturnConsumedCapacity", "NONE") != "NONE" and isinstance(answer, Response):
            _charge_for_the_transaction(answer)
        return answer

    def delete_table(self, context: RequestContext, table_name: str, **more: Any) -> Any:
        answer = super().delete_table(context, table_name, **more)
        # Or the next table of this name would begin with it, and lose what nobody said was to be deleted.
        get_store(context.account_id, context.region).ttl_specifications.pop(table_name, None)
        return answer

    @handler("ExecuteStatement", expand=False)
    def execute_statement(self, context: RequestContext, payload: Any) -> Any:  # type: ignore[override]
        if payload.get("Statement") is None:
            raise ValidationException(MISSING_STATEMENT)
        # LocalStack refuses parameters that are none.
        counted = None if payload.get("Parameters") == [] else self._execute_counted(context, payload)
        if counted:
            return counted
        answer: Any = super().execute_statement(context, payload)
        return _with_known_error(answer)

    @handler("BatchExecuteStatement", expand=False)
    def batch_execute_statement(self, context: RequestContext, payload: Any) -> Any:  # type: ignore[override]
        return self._execute_counted(context, payload) or self.forward_request(context)

    @handler("ExecuteTransaction", expand=False)
    def execute_transaction(self, context: RequestContext, payload: Any) -> Any:  # type: ignore[override]
        return self._execute_counted(context, payload) or self.forward_request(context)

    def _execute_counted(self, context: RequestContext, payload: Mapping[str, Any]) -> Response | None:
        """Execute PartiQL statements, and tell what they consumed.

        Return None, and do nothing, where nobody asked for that and where the statements are refused.
        """
        if payload.get("ReturnConsumedCapacity") not in ("INDEXES", "TOTAL"):
            return None
        assert context.operation
        self.check_provisioned_throughput(context.operation.name)
        database = database_of(context.account_id, context.region)
        # As it came: it is not for the parser to leave out what it does not know.
        request = json.loads(context.request.data)
        answer = DynamoDBLocalServer.get().execute(database, context.operation.name, request)
        return Response(json.dumps(answer), content_type=context.request.content_type) if answer else None

    @handler("EnableKinesisStreamingDestination", expand=False)
    def enable_kinesis_streaming_destination(  # type: ignore[override]
        self, context: RequestContext, payload: Any
    ) -> Any:
        raise CommonServiceException(
            "ValidationException",
            "The local emulator does not do EnableKinesisStreamingDestination: nothing would be delivered. Read the "
            "table's own stream (StreamSpecification).",
            sender_fault=True,
        )

    def fix_consumed_capacity(self, request: Any, result: Any) -> None:
        """Nothing: DynamoDB Local tells it, and what LocalStack makes up it puts where nobody reads it."""


def _with_known_error(answer: Response) -> Response:
    """DynamoDB Local names the error of an item that is there already as no SDK knows it."""
    if answer.status_code == HTTPStatus.BAD_REQUEST and DUPLICATE in answer.data:
        answer.data = answer.data.replace(DUPLICATE, b'#DuplicateItemException"')
        answer.headers.pop("x-amz-crc32", None)
    return answer


def database_of(account: str, region: str) -> str:
    """Return the name under which DynamoDB Local keeps what belongs to an account in a region."""
    region = DynamoDBProvider.ddb_region_name(region)
    return f"{get_ddb_access_key(account, region)}_{region}"


def _charge_for_the_transaction(answer: Response) -> None:
    """A transaction writes all twice, of which DynamoDB Local counts one time."""
    told = json.loads(answer.data)
    if "ConsumedCapacity" in told:
        answer.data = json.dumps(told | {"ConsumedCapacity": doubled(told["ConsumedCapacity"])}).encode()
        # It is of the bytes that DynamoDB Local has sent.
        answer.headers.pop("x-amz-crc32", None)


def doubled(capacity: Any) -> Any:
    """All numbers in it, twice."""
    if isinstance(capacity, dict):
        return {name: doubled(value) for name, value in capacity.items()}
    if isinstance(capacity, list):
        return [doubled(value) for value in capacity]
    return capacity * 2 if isinstance(capacity, float | int) else capacity


def _hand_over(context: RequestContext) -> Response:
    headers: Any = context.request.headers
    DynamoDBProvider.prepare_request_headers(headers, account_id=context.account_id, region_name=context.region)
    return DynamoDBLocalServer.get().proxy.pass_on(context)


@cache
def leave_values_as_they_are() -> None:
    """Parse no values in requests that are handed over. LocalStack chooses a parser by the protocol alone."""

    @patch(JSONRequestParser._handle_json_body)
    def read(original: Any, self: JSONRequestParser, request: Any, shape: Any, uri_params: Any = None) -> Any:
        if self.service.service_name == "dynamodb" and shape.name.removesuffix("Input") in HANDED_OVER:
            body = self._parse_body_as_json(request)
            if isinstance(body, dict):
                return {
                    name: body.get(name) for name in shape.members if name in body or name in shape.required_members
                }
        return original(self, request, shape, uri_params)


def create() -> Service:
    """LocalStack's service with this provider."""
    leave_values_as_they_are()
    expiry.apply_patches(DynamoDBLocalServer.get().expire)
    provider = StockroomDynamoDBProvider()

    def pass_on(context: RequestContext, request: Any) -> Response:
        """As it is, what LocalStack does not do itself."""
        return BackendProxy(provider.get_forward_url(context.account_id, context.region)).pass_on(context)

    return Service.for_provider(
        provider, dispatch_table_factory=lambda _: ForwardingFallbackDispatcher(provider, pass_on)
    )
