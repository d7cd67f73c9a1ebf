"""Dead letters: what is in a dead-letter queue, and handing it over once more after the cause is mended.

The messages of a queue go back to it (SQS moves them). For a stream Lambda leaves messages that only say which
records failed; these are read again from the stream, and the function is called with them as the stream would.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from time import sleep
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from stockroom.aws import error_code
from stockroom.console import Step, Steps
from stockroom.deployed.outputs import Outputs, find, published
from stockroom.errors import StockroomError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_ALIAS = "live"
_LONGEST_CALL_SECONDS = 900  # of a Lambda function; as long a message is held while its records are handed over
_LOOK_SECONDS = 30  # how long `--list` hides a message at most; it gives each back at once
_LISTED = 100
_PAUSE_SECONDS = 0.5
_EMPTY_ANSWERS = 20  # after as many there is nothing more: a stream's answers may be empty in between
_RUNNING = frozenset({"RUNNING", "CANCELLING"})

# How streams say that they no longer hold the record to begin with: those of AWS, DynamoDB Local, our Kinesis.
_EXPIRED = frozenset({"TrimmedDataAccessException", "ValidationException", "InvalidArgumentException"})

# What orders, restock requests and sales events are known by.
_IDS = ("order_id", "request_id", "event_id")


@dataclass(frozen=True)
class Queue:
    """A dead-letter queue: its short name as in the outputs, and the ARNs of the queues whose messages it takes."""

    name: str
    url: str
    arn: str
    sources: list[str]


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


class KeptError(Exception):
    """Why a message stays in its dead-letter queue, in words."""


# What messages say


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
    ids = [f"{name} {message[name]}" for name in _IDS if name in message]
    with suppress(KeyError, TypeError):
        ids.append(f"object {message['detail']['object']['key']}")
    return ", ".join(ids) or "without an id"


# What the event source mapping would send


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


# Queues


def find_queue(session: boto3.Session, outputs: Outputs, name: str) -> Queue:
    """The dead-letter queue by the name of what it is for, as `outputs.find` takes it. Raises StockroomError."""
    key, url = find(outputs, "dead_letter_queue_urls", name, "dead-letter queue")
    sqs = session.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sources = [
        sqs.get_queue_attributes(QueueUrl=source, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        for source in sqs.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"]
    ]
    return Queue(key.name, url, arn, sources)


@contextmanager
def _received(sqs: SQSClient, url: str, seconds: int, most: int | None = None) -> Iterator[dict[str, MessageTypeDef]]:
    """The queue's messages by id, hidden from others; those that the block leaves in the dict are given back."""
    messages: dict[str, MessageTypeDef] = {}
    try:
        while most is None or len(messages) < most:
            answer = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=seconds,
                WaitTimeSeconds=1,
                MessageSystemAttributeNames=["All"],
            )
            found = {message["MessageId"]: message for message in answer.get("Messages", [])}
            nothing_new = found.keys() <= messages.keys()
            messages |= found
            if nothing_new:
                break
        yield messages
    finally:
        left = iter(list(messages.values()))
        while some := list(islice(left, 10)):
            sqs.change_message_visibility_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                    for number, message in enumerate(some)
                ],
            )


def _count(sqs: SQSClient, url: str) -> tuple[int, int]:
    """About how many messages can be received, and how many others hold at the moment."""
    attributes = sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]), int(attributes["ApproximateNumberOfMessagesNotVisible"])


def _sent(message: MessageTypeDef) -> datetime:
    return datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)


# invoke redrive QUEUE --list


def list_letters(session: boto3.Session, outputs: Outputs, name: str) -> Group:
    """What is in a dead-letter queue: how many, since when, and of each what it is about."""
    queue = find_queue(session, outputs, name)
    sqs = session.client("sqs")
    waiting, held = _count(sqs, queue.url)
    with _received(sqs, queue.url, _LOOK_SECONDS, most=_LISTED) as received:
        messages = sorted(received.values(), key=_sent)
    if not messages:
        return Group(_empty_words(queue, held))
    heading = f"{max(waiting, len(messages))} in the dead-letter queue of {queue.name}"
    table = letter_table(messages)
    more = waiting - len(messages)
    return Group(f"{heading}, the oldest since {_sent(messages[0]):%Y-%m-%d %H:%M:%S} UTC", table,
                 *([f"and about {more} more"] if more > 0 else []))  # fmt: skip


def letter_table(messages: Iterable[MessageTypeDef]) -> Table:
    """A line for each message: when it was sent, its id, and what it is about."""
    table = Table("since (UTC)", "message", "about", box=None, pad_edge=False, header_style="dim")
    for message in messages:
        about = describe_body(message["Body"])
        if batch := parse_failed_batch(message["Body"]):
            function = _function_name(batch.function_arn) if batch.function_arn else "an unknown function"
            about = f"{batch.condition}: {batch.size} records of {batch.shard_id} for {function}, from {batch.first}"
        table.add_row(f"{_sent(message):%m-%d %H:%M:%S}", message["MessageId"], escape(about))
    return table


def _empty_words(queue: Queue, held: int) -> str:
    if held:
        return f"nothing to see in the dead-letter queue of {queue.name}: {held} are held by somebody else; try again"
    return f"the dead-letter queue of {queue.name} is empty"


# invoke redrive QUEUE


def redrive(session: boto3.Session, outputs: Outputs, name: str, steps: Steps) -> str:
    """Hand over once more what is in a dead-letter queue; returns what was done.

    Raises StockroomError for an unknown queue, for a move that fails, and when messages are kept.
    """
    queue = find_queue(session, outputs, name)
    with steps.step("redrive") as step:
        if queue.sources:
            return _move(session.client("sqs"), queue, step)
        return _hand_over(session, outputs, queue, steps, step)


def _move(sqs: SQSClient, queue: Queue, step: Step) -> str:
    """Let SQS move the messages to where they came from, and follow it to the end."""
    latest = _latest_move(sqs, queue)
    ours = latest.get("Status") not in _RUNNING
    handle = None
    if ours:
        # Named where there is only one, since SQS does not know where a message came from that was sent here.
        where: dict[str, Any] = {"DestinationArn": queue.sources[0]} if len(queue.sources) == 1 else {}
        handle = sqs.start_message_move_task(SourceArn=queue.arn, **where)["TaskHandle"]
    earlier = latest.get("StartedTimestamp") if ours else None
    try:
        while True:
            move = _latest_move(sqs, queue)
            if move and move.get("StartedTimestamp") != earlier:
                moved = move.get("ApproximateNumberOfMessagesMoved") or 0
                step.say(f"{moved:,} of {max(moved, move.get('ApproximateNumberOfMessagesToMove') or 0):,} moved")
                if move["Status"] not in _RUNNING:
                    break
            sleep(_PAUSE_SECONDS)
    except KeyboardInterrupt:
        if handle:
            from botocore.exceptions import ClientError

            # What was moved is moved; it may just have ended.
            with suppress(ClientError):
                sqs.cancel_message_move_task(TaskHandle=handle)
        raise
    if move["Status"] != "COMPLETED":
        raise StockroomError(
            f"SQS moved {moved:,} messages, then ended with {move['Status']}: {move.get('FailureReason', 'no reason')}",
            "run the command again to move the rest",
        )
    if not moved:
        return _empty_words(queue, _count(sqs, queue.url)[1])
    targets = ", ".join(source.rpartition(":")[2] for source in queue.sources)
    return f"{moved:,} messages moved back to {targets}; what fails again returns here"


def _latest_move(sqs: SQSClient, queue: Queue) -> dict[str, Any]:
    results = sqs.list_message_move_tasks(SourceArn=queue.arn, MaxResults=1).get("Results", [])
    return dict(results[0]) if results else {}


def _hand_over(session: boto3.Session, outputs: Outputs, queue: Queue, steps: Steps, step: Step) -> str:
    """Call the functions with the records of every message; a message goes when its function took them all."""
    sqs = session.client("sqs")
    source = _Source(session, set(published(outputs, "function_names").values()))
    step.say("receiving")
    taken = kept = 0
    with _received(sqs, queue.url, _LONGEST_CALL_SECONDS) as messages:
        if not messages:
            step.say("nothing to hand over")
            return _empty_words(queue, _count(sqs, queue.url)[1])
        letters = in_order(messages.values())
        for number, message in enumerate(letters, start=1):
            step.say(f"message {number:,} of {len(letters):,}, {taken:,} records handed over")
            _hold(sqs, queue, message)
            try:
                taken += source.hand_over(message["Body"])
            except KeptError as reason:
                kept += 1
                steps.note(f"kept {message['MessageId']}: {reason}")
                continue
            sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
            del messages[message["MessageId"]]
        done = f"{taken:,} records of {len(letters) - kept:,} messages handed over"
        step.say(done)
    if kept:
        raise StockroomError(
            f"{kept:,} of {len(letters):,} messages are still in the dead-letter queue of {queue.name}",
            "mend what their reasons name, then run the command again; `invoke logs` may tell more",
        )
    return done


def in_order(messages: Iterable[MessageTypeDef]) -> list[MessageTypeDef]:
    """The messages in the order of their records, shard by shard; those that tell of no records last."""

    def place(message: MessageTypeDef) -> tuple[bool, str, str, int]:
        batch = parse_failed_batch(message["Body"])
        return (False, batch.stream_arn, batch.shard_id, int(batch.first)) if batch else (True, "", "", 0)

    return sorted(messages, key=place)


def _hold(sqs: SQSClient, queue: Queue, message: MessageTypeDef) -> None:
    from botocore.exceptions import ClientError

    # It may be visible again by now; that somebody else hands over the same records does no harm.
    with suppress(ClientError):
        sqs.change_message_visibility(
            QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=_LONGEST_CALL_SECONDS
        )


class _Source:
    """Reads failed batches again from their streams and hands them to their functions, those named `functions`."""

    def __init__(self, session: boto3.Session, functions: set[str]) -> None:
        from botocore.config import Config

        self._functions = functions
        self._streams: dict[str, Any] = {
            "kinesis": session.client("kinesis"),
            "dynamodb": session.client("dynamodbstreams"),
        }
        # A call that takes long must not be given up and made again.
        once = Config(read_timeout=_LONGEST_CALL_SECONDS + 10, retries={"total_max_attempts": 1})
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
        if int(_number(records[0])) != int(batch.first):
            raise KeptError(
                f"{max(batch.size - len(records), 1)} of its {batch.size} records have expired from the stream; "
                "the function took the others"
            )
        return len(records)

    def _function(self, batch: FailedBatch) -> str:
        """The name of the function that the batch was for. Raises KeptError when it is none of the platform's."""
        arns = {batch.function_arn} if batch.function_arn else self._consumers(batch)
        names = {_function_name(arn) for arn in arns}
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
                return _within(batch, answers)
            except ClientError as error:
                if error_code(error) not in _EXPIRED:
                    raise
                # Others may still be there.
                answers = self._answers(stream, stream.get_shard_iterator(**where, ShardIteratorType="TRIM_HORIZON"))
                return _within(batch, answers)
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
                sleep(_PAUSE_SECONDS / 2)

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
            words = f"{error.get('errorType', done['FunctionError'])}: {error.get('errorMessage', '')}"
            raise KeptError(f"its function fails again: {' '.join(words.split())[:300]}")
        if (failed := first_failed(answer, [_number(record) for record in records])) is not None:
            raise KeptError(f"its function fails again from record {failed} on")


def _function_name(arn: str) -> str:
    """The name in a function's ARN, which may end with a version or alias."""
    return ":".join(arn.split(":")[6:7])


def _number(record: Mapping[str, Any]) -> str:
    """The sequence number of a record of either kind of stream."""
    return str(record["SequenceNumber"] if "SequenceNumber" in record else record["dynamodb"]["SequenceNumber"])


def _within(batch: FailedBatch, records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The batch's own of these records, which are in the order of the stream; reads no further than its end."""
    found: list[Mapping[str, Any]] = []
    last = int(batch.last)
    for record in records:
        number = int(_number(record))
        if number > last:
            break
        if number >= int(batch.first):
            found.append(record)
        if number == last:
            break
    return found
