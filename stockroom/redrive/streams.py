"""Failed batches of streams: read again from where they came, and handed to their functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from time import sleep
from typing import TYPE_CHECKING, Any

from stockroom.aws import error_code
from stockroom.redrive.messages import (
    FailedBatch,
    describe_body,
    dynamodb_event,
    first_failed,
    function_name,
    kinesis_event,
    parse_failed_batch,
    payload,
    records_of,
    sequence_number,
)

if TYPE_CHECKING:
    import boto3

_ALIAS = "live"
LONGEST_CALL_SECONDS = 900  # of a Lambda function
_PAUSE_SECONDS = 0.25
_EMPTY_ANSWERS = 20  # after as many there is nothing more: a stream's answers may be empty in between

# How streams say that they no longer hold the record to begin with: those of AWS, DynamoDB Local, our Kinesis.
_EXPIRED = frozenset({"TrimmedDataAccessException", "ValidationException", "InvalidArgumentException"})


class KeptError(Exception):
    """Why a message stays in its dead-letter queue, in words."""


class FailedBatches:
    """Reads failed batches again from their streams and hands them to their functions, those named `functions`."""

    def __init__(self, session: boto3.Session, functions: set[str]) -> None:
        from botocore.config import Config

        self._functions = functions
        self._streams: dict[str, Any] = {
            "kinesis": session.client("kinesis"),
            "dynamodb": session.client("dynamodbstreams"),
        }
        # A call that takes long must not be given up and made again.
        once = Config(read_timeout=LONGEST_CALL_SECONDS + 10, retries={"total_max_attempts": 1})
        self._lambda: Any = session.client("lambda", config=once)

    def hand_over(self, body: str) -> int:
        """Hand over the records that the message tells of; returns how many. Raises KeptError."""
        from botocore.exceptions import BotoCoreError, ClientError

        batch = parse_failed_batch(body)
        if batch is None:
            raise KeptError(f"it tells of no failed records ({describe_body(body)})")
        try:
            function = self._function(batch)
            records = self._read(batch)
            if not records:
                raise KeptError(f"all of its {batch.size} records have expired from the stream")
            self._call(function, batch, records)
        except (BotoCoreError, ClientError) as error:
            raise KeptError(" ".join(str(error).split())) from None
        # A stream expires from its oldest record on, so with the first all are there.
        if int(sequence_number(records[0])) != int(batch.first):
            raise KeptError(
                f"{max(batch.size - len(records), 1)} of its {batch.size} records have expired from the stream; "
                "the function took the others"
            )
        return len(records)

    def _function(self, batch: FailedBatch) -> str:
        """The name of the function that the batch was for. Raises KeptError when it is none of the platform's."""
        arns = {batch.function_arn} if batch.function_arn else self._consumers(batch)
        names = {function_name(arn) for arn in arns}
        if len(names) != 1 or not names <= self._functions:
            raise KeptError(f"the platform has no one function that it is for ({', '.join(sorted(names)) or 'none'})")
        return names.pop()

    def _consumers(self, batch: FailedBatch) -> set[str]:
        mappings = self._lambda.list_event_source_mappings(EventSourceArn=batch.stream_arn)["EventSourceMappings"]
        return {mapping["FunctionArn"] for mapping in mappings}

    def _read(self, batch: FailedBatch) -> list[Mapping[str, Any]]:
        """Those of the batch's records that are still in the stream, in their order."""
        from botocore.exceptions import ClientError

        stream = self._streams[batch.service]
        of_kinesis = batch.service == "kinesis"
        where = {"StreamARN" if of_kinesis else "StreamArn": batch.stream_arn, "ShardId": batch.shard_id}
        start = {"StartingSequenceNumber" if of_kinesis else "SequenceNumber": batch.first}
        try:
            try:
                answers = self._answers(
                    stream, stream.get_shard_iterator(**where, ShardIteratorType="AT_SEQUENCE_NUMBER", **start)
                )
                return records_of(batch, answers)
            except ClientError as error:
                if error_code(error) not in _EXPIRED:
                    raise
                # Others may still be there.
                answers = self._answers(stream, stream.get_shard_iterator(**where, ShardIteratorType="TRIM_HORIZON"))
                return records_of(batch, answers)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            raise KeptError(f"its shard {batch.shard_id} has expired, or its stream is another one now") from None

    def _answers(self, stream: Any, start: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The records from an iterator on, until there are no more now."""
        iterator, empty = start["ShardIterator"], 0
        while iterator and empty < _EMPTY_ANSWERS:
            answer = stream.get_records(ShardIterator=iterator)
            yield from answer["Records"]
            iterator = answer.get("NextShardIterator")
            if answer["Records"]:
                empty = 0
            elif answer.get("MillisBehindLatest") == 0:
                return
            else:
                empty += 1
                sleep(_PAUSE_SECONDS)

    def _call(self, function: str, batch: FailedBatch, records: list[Mapping[str, Any]]) -> None:
        if batch.service == "kinesis":
            role = self._lambda.get_function_configuration(FunctionName=function)["Role"]
            event = kinesis_event(batch, records, role)
        else:
            event = dynamodb_event(batch, records)
        done = self._lambda.invoke(FunctionName=function, Qualifier=_ALIAS, Payload=payload(event))
        answer = json.loads(done["Payload"].read() or b"null")
        if done.get("FunctionError"):
            error = answer if isinstance(answer, dict) else {}
            reason = f"{error.get('errorType', done['FunctionError'])}: {error.get('errorMessage', '')}"
            raise KeptError(f"its function fails again: {' '.join(reason.split())[:300]}")
        if (failed := first_failed(answer, [sequence_number(record) for record in records])) is not None:
            raise KeptError(f"its function fails again from record {failed} on")
