"""Reads records of streams from the backends that hold them, for event source mappings.

They look at each shard several times a second, also when nothing happens. LocalStack's way there and back, through a
whole AWS client and the gateway, and records as objects, costs more than all else that an event source does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from localstack.services.dynamodb.utils import get_ddb_access_key
from localstack.utils.aws.arns import parse_arn

from ..backend_proxy import connections_to
from ..dynamodb_local import DynamoDBLocalServer
from ..state.roots import provider

Record = dict[str, Any]


class Read(NamedTuple):
    """Records in the JSON of the stream's API, and the iterator behind them, None at the end of a closed shard."""

    records: list[Record]
    iterator: str | None


class KinesisReader:
    def __init__(self, stream_arn: str) -> None:
        arn = parse_arn(stream_arn)
        self._account, self._arn = arn["account"], stream_arn
        self._headers = _headers("Kinesis_20131202", "kinesis", "test", arn["region"])

    def read(self, iterator: str, limit: int) -> Read:
        """Raises ClientError."""
        url = provider("kinesis").get_forward_url(self._account, "")
        return _read(url, self._headers, {"StreamARN": self._arn, "ShardIterator": iterator, "Limit": limit})


class TableStreamReader:
    """client: of LocalStack, which knows the regions in which the records of global tables are."""

    def __init__(self, stream_arn: str, client: Any) -> None:
        arn = parse_arn(stream_arn)
        self._client = client
        access_key = get_ddb_access_key(arn["account"], arn["region"])
        self._headers = _headers("DynamoDBStreams_20120810", "dynamodb", access_key, arn["region"])

    def read(self, iterator: str, limit: int) -> Read:
        """Raises ClientError."""
        # As LocalStack does it: iterators begin with an ARN, and DynamoDB Local knows its own account and region only.
        streams = provider("dynamodbstreams")
        local = streams.modify_stream_arn_for_ddb_local(iterator)
        if local in streams.shard_to_region:
            answer = self._client.get_records(ShardIterator=iterator, Limit=limit)
            return Read([_as_json(record) for record in answer["Records"]], answer.get("NextShardIterator"))
        return _read(DynamoDBLocalServer.get().url, self._headers, {"ShardIterator": local, "Limit": limit})


def _as_json(record: Record) -> Record:
    changed = record["dynamodb"]
    created = changed["ApproximateCreationDateTime"].timestamp()
    return record | {"dynamodb": changed | {"ApproximateCreationDateTime": created}}


def _headers(target: str, service: str, access_key: str, region: str) -> dict[str, str]:
    credential = f"{access_key}/20000101/{region}/{service}/aws4_request"
    return {
        "Content-Type": "application/x-amz-json-1.1" if service == "kinesis" else "application/x-amz-json-1.0",
        "X-Amz-Target": f"{target}.GetRecords",
        # The backends look at account and region, and check no signature.
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
        "X-Amz-Date": "20000101T000000Z",
    }


def _read(url: str, headers: Mapping[str, str], request: Mapping[str, Any]) -> Read:
    body = json.dumps(request).encode()
    answer = connections_to(url).request("POST", "/", body=body, headers=headers, retries=False)
    content = json.loads(answer.data)
    if answer.status != 200:
        code = str(content.get("__type", "InternalFailure")).rpartition("#")[2]
        message = content.get("message") or content.get("Message") or ""
        raise ClientError({"Error": {"Code": code, "Message": message}}, "GetRecords")
    return Read(content["Records"], content.get("NextShardIterator"))
