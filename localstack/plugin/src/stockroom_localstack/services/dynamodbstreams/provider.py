"""Streams of DynamoDB tables: DynamoDB Local's own, told as AWS tells them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from contextlib import nullcontext
from http import HTTPStatus
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.dynamodbstreams import GetRecordsInput
from localstack.services.dynamodb.v2.provider import DynamoDBProvider, modify_context_region
from localstack.services.dynamodbstreams.v2.provider import DynamoDBStreamsProvider
from localstack.services.plugins import Service
from urllib3 import BaseHTTPResponse

from stockroom_localstack.backends.proxy import as_response, headers_of, post, result_of
from stockroom_localstack.services.dynamodb.provider import DynamoDBLocalServer
from stockroom_localstack.services.request_checks import checked

API = "DynamoDBStreams_20120810"
UUID = re.compile(rb'("eventID":")([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})"')

# DynamoDB Local notes whether an item has expired, and does not find its own note again when the record is read.
EXPIRED = b'"eventName":"UNKNOWN_TO_SDK_VERSION"'
SERVICE = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
REMOVED_BY_THE_SERVICE = b'"eventName":"REMOVE","userIdentity":' + json.dumps(SERVICE).encode()


class StockroomDynamoDBStreamsProvider(DynamoDBStreamsProvider):
    """LocalStack's provider, which takes records from DynamoDB Local as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.server = DynamoDBLocalServer.get()

    @handler("GetRecords", expand=False)
    def get_records(self, context: RequestContext, payload: GetRecordsInput) -> Any:  # type: ignore[override]
        iterator = self.modify_stream_arn_for_ddb_local(payload["ShardIterator"])
        # Of the stream of a table that LocalStack keeps in another region.
        region = self.shard_to_region.pop(iterator, None)
        with modify_context_region(context, region) if region else nullcontext():
            headers: Any = context.request.headers
            DynamoDBProvider.prepare_request_headers(headers, account_id=context.account_id, region_name=context.region)
            answer = read(headers_of(context), {**payload, "ShardIterator": iterator})
        if answer.status >= HTTPStatus.BAD_REQUEST:
            # LocalStack puts its own ARN for that of DynamoDB Local in the message of an error that it knows.
            return result_of(context, as_response(answer))
        if region and (following := json.loads(answer.data).get("NextShardIterator")):
            self.shard_to_region[following] = region
        response = as_response(answer)
        response.data = as_aws_tells(answer.data)
        return response


def read(headers: Mapping[str, str], request: Mapping[str, Any]) -> BaseHTTPResponse:
    """DynamoDB Local's answer to GetRecords. headers: with the credentials of the table's account and region.

    It counts the records of all tables together, and fails at an iterator that is older than the oldest record of its
    shard, as though something were gone between the two: of an empty shard, once something was written there and to
    another table. Iterators live for 15 minutes and records for a day, so nothing is gone.
    """
    answer = _post("GetRecords", headers, request)
    if answer.status < HTTPStatus.BAD_REQUEST or b"TrimmedDataAccessException" not in answer.data:
        return answer
    stream, _, place = str(request["ShardIterator"]).rsplit("|", 2)
    shard = base64.b64decode(place).decode().partition("|")[0]
    begin = {"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    oldest = _post("GetShardIterator", headers, begin)
    if oldest.status >= HTTPStatus.BAD_REQUEST:
        return answer
    return _post("GetRecords", headers, {**request, "ShardIterator": json.loads(oldest.data)["ShardIterator"]})


def sequence_number_at(iterator: str) -> str:
    """The number that the next record behind an iterator has or exceeds."""
    return base64.b64decode(iterator.rpartition("|")[2]).decode().split("|")[1]


def as_aws_tells(records: bytes) -> bytes:
    """Their ids have 32 hexadecimal digits, and no hyphens; and the service itself removed what had expired.

    In what users have written the quotes of these names are escaped.
    """
    return UUID.sub(rb'\1\2\3\4\5\6"', records).replace(EXPIRED, REMOVED_BY_THE_SERVICE)


def _post(operation: str, headers: Mapping[str, str], request: Mapping[str, Any]) -> BaseHTTPResponse:
    body = json.dumps(request).encode()
    return post(DynamoDBLocalServer.get().url, body, {**headers, "X-Amz-Target": f"{API}.{operation}"})


def create() -> Service:
    """LocalStack's service with this provider."""
    return checked(Service.for_provider(StockroomDynamoDBStreamsProvider()))
