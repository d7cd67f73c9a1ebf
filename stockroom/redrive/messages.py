"""What dead letters say, and the events that an event source mapping would send of their records. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef


@dataclass(frozen=True)
class FailedBatch:
    """Records of one shard that a function did not take, as Lambda's message tells; ends are sequence numbers.

    `service` is "kinesis" or "dynamodb"; `function_arn` is None in messages of the emulator about calls that
    never reached the function; `condition` is Lambda's word for why it gave up, such as "RetryAttemptsExhausted".
    """

    service: str
    stream_arn: str
    shard_id: str
    first: str
    last: str
    size: int
    function_arn: str | None
    condition: str

    @property
    def region(self) -> str:
        return self.stream_arn.split(":")[3]


def parse_failed_batch(body: str) -> FailedBatch | None:
    """Lambda's message about a failed batch of a stream; None for any other text."""
    try:
        message = json.loads(body)
        service = "kinesis" if "KinesisBatchInfo" in message else "dynamodb"
        batch = message["KinesisBatchInfo" if service == "kinesis" else "DDBStreamBatchInfo"]
        request = message.get("requestContext") or {}
        found = FailedBatch(
            service=service,
            stream_arn=batch["streamArn"],
            shard_id=batch["shardId"],
            first=batch["startSequenceNumber"],
            last=batch["endSequenceNumber"],
            size=int(batch["batchSize"]),
            function_arn=request.get("functionArn"),
            condition=request.get("condition") or "unknown",
        )
        in_order = int(found.first) <= int(found.last)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if in_order and found.stream_arn.count(":") >= 5 else None


def describe_body(body: str) -> str:
    """By what a person knows a queue's message: its ids or its object, and not all that it says."""
    try:
        message = json.loads(body)
    except ValueError:
        return "not JSON"
    if not isinstance(message, dict):
        return "not an object"
    ids = [f"{name} {value}" for name, value in message.items() if name == "id" or name.endswith("_id")][:1]
    with suppress(KeyError, TypeError):
        ids.append(f"object {message['detail']['object']['key']}")
    return ", ".join(ids) or "without an id"


def kinesis_event(batch: FailedBatch, records: Iterable[Mapping[str, Any]], role: str) -> dict[str, Any]:
    """The event of a Kinesis event source: `records` as GetRecords returns them, `role` is the function's."""
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": record["PartitionKey"],
                    "sequenceNumber": record["SequenceNumber"],
                    "data": record["Data"],
                    "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{batch.shard_id}:{record['SequenceNumber']}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": role,
                "awsRegion": batch.region,
                "eventSourceARN": batch.stream_arn,
            }
            for record in records
        ]
    }


def dynamodb_event(batch: FailedBatch, records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The event of a DynamoDB stream: `records` as GetRecords returns them."""

    def event(record: Mapping[str, Any]) -> dict[str, Any]:
        who = record.get("userIdentity")
        deleted_by = {"userIdentity": {"type": who["Type"], "principalId": who["PrincipalId"]}} if who else {}
        return {
            "eventID": record["eventID"],
            "eventName": record["eventName"],
            "eventVersion": record.get("eventVersion", "1.1"),
            "eventSource": "aws:dynamodb",
            "awsRegion": batch.region,
            "dynamodb": record["dynamodb"],
            "eventSourceARN": batch.stream_arn,
            **deleted_by,
        }

    return {"Records": [event(record) for record in records]}


def payload(event: Mapping[str, Any]) -> bytes:
    """The event as Lambda hands it over: bytes as base64, times as seconds since 1970."""

    def encode(value: Any) -> Any:
        return value.timestamp() if isinstance(value, datetime) else base64.b64encode(value).decode()

    return json.dumps(event, default=encode).encode()


def first_failed(answer: Any, numbers: list[str]) -> str | None:
    """The lowest sequence number that a function's answer reports as failed, or None.

    As for Lambda, a report that is no sequence number of the batch makes all of it fail.
    """
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if not failures:
        return None
    try:
        reported = [failure["itemIdentifier"] for failure in failures]
    except (TypeError, KeyError):
        return numbers[0]
    return min(reported, key=int) if set(reported) <= set(numbers) else numbers[0]


def in_order(messages: Iterable[MessageTypeDef]) -> list[MessageTypeDef]:
    """The messages in the order of their records, shard by shard; those that tell of no records last."""

    def place(message: MessageTypeDef) -> tuple[bool, str, str, int]:
        batch = parse_failed_batch(message["Body"])
        return (False, batch.stream_arn, batch.shard_id, int(batch.first)) if batch else (True, "", "", 0)

    return sorted(messages, key=place)


def sent_at(message: MessageTypeDef) -> datetime:
    """When SQS got it."""
    return datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)


def function_name(arn: str) -> str:
    """The name in a function's ARN, which may end with a version or alias."""
    return ":".join(arn.split(":")[6:7])


def sequence_number(record: Mapping[str, Any]) -> str:
    """The sequence number of a record of either kind of stream."""
    return str(record["SequenceNumber"] if "SequenceNumber" in record else record["dynamodb"]["SequenceNumber"])


def records_of(batch: FailedBatch, records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The batch's own of these records, which are in the order of the stream; reads no further than its end."""
    found: list[Mapping[str, Any]] = []
    last = int(batch.last)
    for record in records:
        number = int(sequence_number(record))
        if number > last:
            break
        if number >= int(batch.first):
            found.append(record)
        if number == last:
            break
    return found
