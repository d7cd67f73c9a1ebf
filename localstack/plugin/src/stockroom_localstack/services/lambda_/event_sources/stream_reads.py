"""Reads records of streams from where they are held, for event source mappings.

They look at each shard several times a second, also when nothing happens. LocalStack's way there and back, through a
whole AWS client and the gateway, and records as objects, costs more than all else that an event source does.
"""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from localstack.aws.api import ServiceException
from localstack.services.dynamodb.utils import get_ddb_access_key
from localstack.utils.aws.arns import parse_arn
from urllib3 import BaseHTTPResponse

from stockroom_localstack.services.dynamodbstreams import provider as table_streams
from stockroom_localstack.services.kinesis import iterators
from stockroom_localstack.services.kinesis import store as kinesis
from stockroom_localstack.state.running import provider

Record = dict[str, Any]


class Read(NamedTuple):
    """Records in the JSON of the stream's API, and the iterator behind them, None at the end of a closed shard."""

    records: list[Record]
    iterator: str | None


class KinesisReader:
    """Reads shards of Kinesis streams."""

    def read(self, iterator: str, limit: int) -> Read:
        """Raises ClientError."""
        try:
            place = iterators.decode(iterator)
            with kinesis.LOCK:
                batch = kinesis.stream_at(place).read(place.shard, place.after, limit)
        except ServiceException as error:
            raise ClientError({"Error": {"Code": error.code, "Message": str(error)}}, "GetRecords") from error
        records = [
            {
                "SequenceNumber": str(record.number),
                "ApproximateArrivalTimestamp": record.arrival,
                "Data": base64.b64encode(record.data).decode(),
                "PartitionKey": record.key,
            }
            for record in batch.records
        ]
        following = None if batch.after is None else iterators.encode(place._replace(after=batch.after))
        return Read(records, following)

    def place(self, iterator: str) -> tuple[str, str]:
        """Type and argument of an iterator at the same place that can be made at any time."""
        return "AFTER_SEQUENCE_NUMBER", str(iterators.decode(iterator).after)


class TableStreamReader:
    """client: of LocalStack, which knows the regions in which the records of global tables are."""

    def __init__(self, stream_arn: str, client: Any) -> None:
        arn = parse_arn(stream_arn)
        self._client = client
        access_key = get_ddb_access_key(arn["account"], arn["region"])
        credential = f"{access_key}/20000101/{arn['region']}/dynamodb/aws4_request"
        self._headers = {
            "Content-Type": "application/x-amz-json-1.0",
            # DynamoDB Local looks at access key and region, and checks no signature.
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
            "X-Amz-Date": "20000101T000000Z",
        }

    def read(self, iterator: str, limit: int) -> Read:
        """Raises ClientError."""
        # As LocalStack does it: iterators begin with an ARN, and DynamoDB Local knows its own account and region only.
        streams = provider("dynamodbstreams")
        local = streams.modify_stream_arn_for_ddb_local(iterator)
        if local in streams.shard_to_region:
            answer = self._client.get_records(ShardIterator=iterator, Limit=limit)
            return Read([_as_json(record) for record in answer["Records"]], answer.get("NextShardIterator"))
        return _result(table_streams.read(self._headers, {"ShardIterator": local, "Limit": limit}))

    def place(self, iterator: str) -> tuple[str, str]:
        """Type and argument of an iterator at the same place that can be made at any time."""
        return "AT_SEQUENCE_NUMBER", table_streams.sequence_number_at(iterator)


def _as_json(record: Record) -> Record:
    changed = record["dynamodb"]
    created = changed["ApproximateCreationDateTime"].timestamp()
    return record | {"dynamodb": changed | {"ApproximateCreationDateTime": created}}


def _result(answer: BaseHTTPResponse) -> Read:
    content = json.loads(table_streams.as_aws_tells(answer.data))
    if answer.status != 200:
        code = str(content.get("__type", "InternalFailure")).rpartition("#")[2]
        message = content.get("message") or content.get("Message") or ""
        raise ClientError({"Error": {"Code": code, "Message": message}}, "GetRecords")
    return Read(content["Records"], content.get("NextShardIterator"))
