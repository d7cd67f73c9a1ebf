import base64
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from stockroom.console import Steps
from stockroom.errors import StockroomError
from stockroom.redrive import queues, streams
from stockroom.redrive.command import list_letters, redrive
from stockroom.redrive.messages import (
    FailedBatch,
    describe_body,
    dynamodb_event,
    first_failed,
    in_order,
    kinesis_event,
    parse_failed_batch,
    payload,
)
from stockroom.redrive.queues import find_queue

STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/stockroom-local-sales-events"
TABLE_STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/stockroom-local-orders/stream/2026-01-01T00:00:00.000"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:stockroom-local-capture-sales"
ROLE = "arn:aws:iam::000000000000:role/stockroom-local-capture-sales"
SENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OUTPUTS = {
    "dead_letter_queue_urls": {name: f"http://sqs/{name}-dlq" for name in ("orders", "sales_events", "orders_stream")},
    "function_names": {"capture_sales": "stockroom-local-capture-sales"},
}


def _failure(first: int, last: int, size: int | None = None, function: str | None = FUNCTION, **info: str) -> str:
    """Lambda's message about the Kinesis records with these sequence numbers."""
    context = {"requestContext": {"functionArn": f"{function}:live", "condition": "RetryAttemptsExhausted"}}
    batch = {
        "batchSize": last - first + 1 if size is None else size,
        "shardId": "shardId-000000000000",
        "startSequenceNumber": str(first),
        "endSequenceNumber": str(last),
        "streamArn": STREAM,
    }
    return json.dumps({**(context if function else {}), "KinesisBatchInfo": batch | info, "version": "1.0"})


def _refused(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


class Cloud:
    """A session and its clients in one: queues with their messages, one shard of Kinesis, a function that answers."""

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self.hidden: set[str] = set()
        self.records: list[int] = []
        self.answer: Any = {"batchItemFailures": []}
        self.function_error: str | None = None
        self.calls: list[dict[str, Any]] = []
        self.called: list[tuple[str, str]] = []
        self.moves: list[dict[str, Any]] = []
        self.running: Iterator[dict[str, Any]] = iter(())
        self.started: list[dict[str, str]] = []
        self.cancelled: list[str] = []
        self.mappings: list[str] = []

    def client(self, service: str, config: object = None) -> "Cloud":
        return self

    # SQS

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: Sequence[str]) -> dict[str, Any]:  # noqa: N803
        return {
            "Attributes": {
                "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{QueueUrl.rpartition('/')[2]}",
                "ApproximateNumberOfMessages": str(len(self.messages.keys() - self.hidden)),
                "ApproximateNumberOfMessagesNotVisible": str(len(self.hidden)),
            }
        }

    def list_dead_letter_source_queues(self, QueueUrl: str) -> dict[str, Any]:  # noqa: N803
        return {"queueUrls": ["http://sqs/orders"] if QueueUrl.endswith("/orders-dlq") else []}

    def receive_message(self, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        found = [name for name in self.messages if name not in self.hidden][:MaxNumberOfMessages]
        self.hidden |= set(found)
        sent = {"SentTimestamp": str(int(SENT.timestamp() * 1000))}
        return {
            "Messages": [
                {"MessageId": name, "ReceiptHandle": name, "Body": self.messages[name], "Attributes": sent}
                for name in found
            ]
        }

    def change_message_visibility(self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803
        assert VisibilityTimeout == 900
        raise _refused("MessageNotInflight", "ChangeMessageVisibility")

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:  # noqa: N803
        assert 1 <= len(Entries) <= 10
        assert {entry["VisibilityTimeout"] for entry in Entries} == {0}
        self.hidden -= {entry["ReceiptHandle"] for entry in Entries}

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        del self.messages[ReceiptHandle]
        self.hidden.discard(ReceiptHandle)

    def list_message_move_tasks(self, SourceArn: str, MaxResults: int) -> dict[str, Any]:  # noqa: N803
        if move := next(self.running, None):
            self.moves = [move, *self.moves[1:]] if self.moves[:1] else [move]
        return {"Results": self.moves[:MaxResults]}

    def start_message_move_task(self, **words: str) -> dict[str, str]:
        self.started.append(words)
        return {"TaskHandle": "handle"}

    def cancel_message_move_task(self, TaskHandle: str) -> None:  # noqa: N803
        self.cancelled.append(TaskHandle)

    # Kinesis

    def get_shard_iterator(self, ShardIteratorType: str, StartingSequenceNumber: str = "0", **_: str) -> dict[str, str]:  # noqa: N803
        if ShardIteratorType == "AT_SEQUENCE_NUMBER" and int(StartingSequenceNumber) not in self.records:
            raise _refused("InvalidArgumentException", "GetShardIterator")
        return {"ShardIterator": StartingSequenceNumber}

    def get_records(self, ShardIterator: str) -> dict[str, Any]:  # noqa: N803
        found = [number for number in self.records if number >= int(ShardIterator)][:2]
        following = str(found[-1] + 1) if found else ShardIterator
        return {
            "Records": [_record(number) for number in found],
            "NextShardIterator": following,
            "MillisBehindLatest": 0,
        }

    # Lambda

    def get_function_configuration(self, FunctionName: str) -> dict[str, str]:  # noqa: N803
        return {"Role": ROLE}

    def list_event_source_mappings(self, EventSourceArn: str) -> dict[str, Any]:  # noqa: N803
        return {"EventSourceMappings": [{"FunctionArn": arn} for arn in self.mappings]}

    def invoke(self, FunctionName: str, Qualifier: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        self.called.append((FunctionName, Qualifier))
        self.calls.append(json.loads(Payload))
        error = {"FunctionError": self.function_error} if self.function_error else {}
        return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **error}

    # What tests ask

    @property
    def session(self) -> boto3.Session:
        return cast(boto3.Session, self)

    def redrive(self, name: str) -> str:
        return redrive(self.session, {"lake": OUTPUTS}, name, Steps(quiet=True))

    @property
    def handed_over(self) -> list[list[int]]:
        return [[int(record["kinesis"]["sequenceNumber"]) for record in call["Records"]] for call in self.calls]


def _record(number: int) -> dict[str, Any]:
    return {
        "SequenceNumber": str(number),
        "PartitionKey": "key",
        "Data": b"\x00\xff" + str(number).encode(),
        "ApproximateArrivalTimestamp": SENT,
    }


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    for module in (queues, streams):
        monkeypatch.setattr(module, "sleep", lambda _: None)
    return Cloud()


def _kept(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> str:
    """The reason of the one message that a redrive keeps."""
    with pytest.raises(StockroomError, match="1 of 1 messages are still in the dead-letter queue of sales_events"):
        redrive(cloud.session, {"lake": OUTPUTS}, "sales_events", Steps())
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if " kept " in line]
    assert len(lines) == 1
    assert list(cloud.messages) == ["a"]
    assert not cloud.hidden
    return lines[0].removeprefix("kept a: ")


# What messages say


def test_a_message_about_records_of_kinesis() -> None:
    assert parse_failed_batch(_failure(5, 9)) == FailedBatch(
        "kinesis", STREAM, "shardId-000000000000", "5", "9", 5, f"{FUNCTION}:live", "RetryAttemptsExhausted"
    )


def test_a_message_about_records_of_dynamodb_that_never_reached_a_function() -> None:
    body = json.loads(_failure(5, 9, function=None, streamArn=TABLE_STREAM))
    body["DDBStreamBatchInfo"] = body.pop("KinesisBatchInfo")
    found = parse_failed_batch(json.dumps(body))
    assert found
    assert (found.service, found.stream_arn, found.function_arn, found.condition, found.region) == (
        "dynamodb", TABLE_STREAM, None, "unknown", "us-east-1",
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        *("", "not JSON", "[]", "1", "null", "{}"),
        *('{"KinesisBatchInfo": {}}', '{"KinesisBatchInfo": 1}', '"KinesisBatchInfo"'),
        *(_failure(9, 5), _failure(5, 9, startSequenceNumber="x"), _failure(5, 9, streamArn="x")),
    ],
)
def test_a_message_about_nothing_of_the_kind(body: str) -> None:
    assert parse_failed_batch(body) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"order_id": "536365", "customer_id": "17850"}', "order_id 536365"),
        ('{"request_id": "r", "product_id": "p"}', "request_id r"),
        ('{"detail": {"object": {"key": "sales_events/x"}}}', "object sales_events/x"),
        ('{"detail": 1}', "without an id"),
        ("[1]", "not an object"),
        ("{", "not JSON"),
    ],
)
def test_a_message_is_shown_by_what_it_is_known_by(body: str, words: str) -> None:
    assert describe_body(body) == words


# What the functions get


def test_kinesis_records_as_lambda_sends_them() -> None:
    batch = parse_failed_batch(_failure(7, 7))
    assert batch
    assert json.loads(payload(kinesis_event(batch, [_record(7)], ROLE))) == {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "key",
                    "sequenceNumber": "7",
                    "data": base64.b64encode(b"\x00\xff7").decode(),
                    "approximateArrivalTimestamp": SENT.timestamp(),
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": "shardId-000000000000:7",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": ROLE,
                "awsRegion": "us-east-1",
                "eventSourceARN": STREAM,
            }
        ]
    }


def test_records_of_a_table_as_lambda_sends_them() -> None:
    batch = FailedBatch("dynamodb", TABLE_STREAM, "shard", "1", "2", 2, FUNCTION, "x")
    change = {
        "ApproximateCreationDateTime": SENT,
        "Keys": {"order_id": {"S": "1"}},
        "NewImage": {"order_id": {"S": "1"}, "photo": {"B": b"\xff"}, "units": {"N": "2.50"}},
        "SequenceNumber": "1",
        "SizeBytes": 26,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    record = {
        "eventID": "id",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "awsRegion": "ddblocal",
        "dynamodb": change,
    }
    expired = record | {
        "eventName": "REMOVE",
        "userIdentity": {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"},
    }
    first, second = json.loads(payload(dynamodb_event(batch, [record, expired])))["Records"]
    assert first == {
        "eventID": "id",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": change
        | {
            "ApproximateCreationDateTime": SENT.timestamp(),
            "NewImage": {"order_id": {"S": "1"}, "photo": {"B": "/w=="}, "units": {"N": "2.50"}},
        },
        "eventSourceARN": TABLE_STREAM,
    }
    assert second["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, None),
        ("done", None),
        ({}, None),
        ({"batchItemFailures": []}, None),
        ({"batchItemFailures": None}, None),
        ({"batchItemFailures": [{"itemIdentifier": "10"}, {"itemIdentifier": "9"}]}, "9"),
        ({"batchItemFailures": [{"itemIdentifier": "77"}]}, "8"),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, "8"),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, "8"),
        ({"batchItemFailures": [{}]}, "8"),
        ({"batchItemFailures": "all"}, "8"),
    ],
)
def test_what_an_answer_reports_as_failed(answer: Any, failed: str | None) -> None:
    assert first_failed(answer, ["8", "9", "10"]) == failed


# Queues


@pytest.mark.parametrize("name", ["orders_stream", "orders-stream"])
def test_a_queue_by_its_short_name(cloud: Cloud, name: str) -> None:
    queue = find_queue(cloud.session, {"lake": OUTPUTS}, name)
    assert (queue.name, queue.url, queue.sources) == ("orders_stream", "http://sqs/orders_stream-dlq", [])
    assert find_queue(cloud.session, {"lake": OUTPUTS}, "orders").sources == [
        "arn:aws:sqs:us-east-1:000000000000:orders"
    ]


@pytest.mark.parametrize(("name", "words"), [("order", "there is no dead-letter queue 'order'"), ("", "which ")])
def test_an_unknown_queue(cloud: Cloud, name: str, words: str) -> None:
    with pytest.raises(StockroomError, match=words) as error:
        cloud.redrive(name)
    assert error.value.hint == "dead-letter queues are: orders, orders_stream, sales_events"


def test_messages_are_handed_over_in_the_order_of_their_records() -> None:
    bodies = ["?", _failure(30, 31), _failure(4, 5), _failure(1, 2, shardId="shardId-000000000001")]
    messages: Any = [{"MessageId": str(number), "Body": body} for number, body in enumerate(bodies)]
    assert [message["MessageId"] for message in in_order(messages)] == ["2", "1", "3", "0"]


# Queues: SQS moves


def _move(status: str, moved: int, started: int = 2, **more: Any) -> dict[str, Any]:
    return {
        "Status": status,
        "ApproximateNumberOfMessagesMoved": moved,
        "ApproximateNumberOfMessagesToMove": 3,
        "StartedTimestamp": started,
        **more,
    }


def test_sqs_moves_what_came_from_a_queue(cloud: Cloud) -> None:
    before = _move("COMPLETED", 9, started=1)
    cloud.running = iter([before, before, _move("RUNNING", 1), _move("COMPLETED", 3)])
    assert cloud.redrive("orders") == "3 messages moved back to orders; what fails again returns here"
    arn = "arn:aws:sqs:us-east-1:000000000000:orders"
    assert cloud.started == [{"SourceArn": f"{arn}-dlq", "DestinationArn": arn}]


def test_a_move_that_runs_already_is_followed(cloud: Cloud) -> None:
    cloud.running = iter([_move("RUNNING", 1), _move("RUNNING", 2), _move("COMPLETED", 3)])
    assert cloud.redrive("orders").startswith("3 messages moved back")
    assert cloud.started == []


def test_a_move_of_nothing(cloud: Cloud) -> None:
    cloud.running = iter([{}, _move("COMPLETED", 0)])
    assert cloud.redrive("orders") == "the dead-letter queue of orders is empty"


def test_a_move_that_fails(cloud: Cloud) -> None:
    cloud.running = iter([{}, _move("FAILED", 1, FailureReason="AccessDenied")])
    with pytest.raises(StockroomError, match="SQS moved 1 messages, then ended with FAILED: AccessDenied"):
        cloud.redrive("orders")


@pytest.mark.parametrize(("first", "cancelled"), [({}, ["handle"]), (_move("RUNNING", 1), [])])
def test_ctrl_c_stops_the_move_that_the_command_started(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, first: dict[str, Any], cancelled: list[str]
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(queues, "sleep", interrupt)
    cloud.running = iter([first, _move("RUNNING", 1)])
    with pytest.raises(KeyboardInterrupt):
        cloud.redrive("orders")
    assert cloud.cancelled == cancelled


# Streams: the records are read again


def test_a_function_gets_the_records_of_each_message(cloud: Cloud) -> None:
    cloud.records = list(range(1, 30))
    cloud.messages = {"b": _failure(11, 13), "a": _failure(3, 7)}
    assert cloud.redrive("sales-events") == "8 records of 2 messages handed over"
    assert cloud.handed_over == [[3, 4, 5, 6, 7], [11, 12, 13]]
    assert set(cloud.called) == {("stockroom-local-capture-sales", "live")}
    assert cloud.messages == {}
    assert cloud.redrive("sales-events") == "the dead-letter queue of sales_events is empty"
    assert len(cloud.calls) == 2


def test_many_messages(cloud: Cloud) -> None:
    cloud.records = list(range(100))
    cloud.messages = {str(number): _failure(number, number) for number in range(45)}
    assert cloud.redrive("sales_events") == "45 records of 45 messages handed over"
    assert cloud.handed_over == [[number] for number in range(45)]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ({"batchItemFailures": [{"itemIdentifier": "5"}]}, None, "its function fails again from record 5 on"),
        ({"errorType": "KeyError", "errorMessage": "'a\nb'"}, "Unhandled", "its function fails again: KeyError: 'a b'"),
        (None, "Unhandled", "its function fails again: Unhandled: "),
    ],
)
def test_records_that_fail_again_stay(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], answer: Any, error: str | None, words: str
) -> None:
    cloud.records = list(range(1, 9))
    cloud.messages = {"a": _failure(3, 7)}
    cloud.answer, cloud.function_error = answer, error
    assert _kept(cloud, capsys) == words.strip()
    cloud.answer, cloud.function_error = None, None
    assert cloud.redrive("sales_events") == "5 records of 1 messages handed over"


def test_records_that_have_expired(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.records = [8, 9]
    cloud.messages = {"a": _failure(3, 7)}
    assert _kept(cloud, capsys) == "all of its 5 records have expired from the stream"
    assert cloud.calls == []


def test_records_of_which_some_have_expired(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.records = [6, 7, 8, 9]
    cloud.messages = {"a": _failure(3, 7)}
    assert _kept(cloud, capsys) == "3 of its 5 records have expired from the stream; the function took the others"
    assert cloud.handed_over == [[6, 7]]


def test_a_shard_that_is_gone(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(**_: str) -> None:
        raise _refused("ResourceNotFoundException", "GetShardIterator")

    monkeypatch.setattr(cloud, "get_shard_iterator", gone)
    cloud.messages = {"a": _failure(3, 7)}
    assert _kept(cloud, capsys) == "its shard shardId-000000000000 has expired, or its stream is another one now"


def test_a_function_that_is_not_the_platforms(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.records = list(range(1, 9))
    cloud.messages = {"a": _failure(3, 7, function=FUNCTION.replace("stockroom", "payroll"))}
    assert "the platform has no one function that it is for" in _kept(cloud, capsys)
    assert cloud.calls == []


@pytest.mark.parametrize(("mappings", "calls"), [([f"{FUNCTION}:live"], 1), ([], 0), ([FUNCTION, f"{FUNCTION}2"], 0)])
def test_a_message_that_names_no_function(cloud: Cloud, mappings: list[str], calls: int) -> None:
    cloud.records = list(range(1, 9))
    cloud.messages = {"a": _failure(3, 7, function=None)}
    cloud.mappings = mappings
    if calls:
        cloud.redrive("sales_events")
    else:
        with pytest.raises(StockroomError, match="1 of 1 messages are still"):
            cloud.redrive("sales_events")
    assert len(cloud.calls) == calls
    assert len(cloud.messages) == 1 - calls


def test_a_message_about_no_records_stays_and_stops_nothing(cloud: Cloud) -> None:
    cloud.records = list(range(1, 9))
    cloud.messages = {"x": '{"order_id": "1"}', "a": _failure(3, 7)}
    with pytest.raises(StockroomError, match="1 of 2 messages are still"):
        cloud.redrive("sales_events")
    assert list(cloud.messages) == ["x"]
    assert not cloud.hidden


def test_ctrl_c_gives_every_message_back(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(**_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cloud, "invoke", interrupt)
    cloud.records = list(range(1, 90))
    cloud.messages = {str(number): _failure(number, number) for number in range(1, 26)}
    with pytest.raises(KeyboardInterrupt):
        cloud.redrive("sales_events")
    assert len(cloud.messages) == 25
    assert not cloud.hidden


# --list


def _listed(cloud: Cloud, name: str) -> list[str]:
    console = Console(file=io.StringIO(), width=200)
    console.print(list_letters(cloud.session, {"lake": OUTPUTS}, name))
    return [line.rstrip() for line in cast(io.StringIO, console.file).getvalue().splitlines()]


def test_a_list_shows_what_is_there_and_leaves_it(cloud: Cloud) -> None:
    cloud.messages = {"a": _failure(3, 7), "b": '{"order_id": "[536365]"}'}
    lines = _listed(cloud, "sales-events")
    assert lines[0] == "2 in the dead-letter queue of sales_events, the oldest since 2026-01-02 03:04:05 UTC"
    assert [" ".join(line.split()) for line in lines[2:]] == [
        "01-02 03:04:05 a RetryAttemptsExhausted: 5 records of shardId-000000000000 "
        "for stockroom-local-capture-sales, from 3",
        "01-02 03:04:05 b order_id [536365]",
    ]
    assert not cloud.hidden
    assert cloud.calls == []
    assert _listed(cloud, "sales-events") == lines


def test_a_list_of_many(cloud: Cloud) -> None:
    cloud.messages = {str(number): "{}" for number in range(250)}
    lines = _listed(cloud, "orders")
    assert lines[0].startswith("250 in the dead-letter queue of orders")
    assert lines[-1] == "and about 150 more"
    assert len(lines) == 103
    assert not cloud.hidden


def test_a_list_of_nothing(cloud: Cloud) -> None:
    assert _listed(cloud, "orders") == ["the dead-letter queue of orders is empty"]
    cloud.messages, cloud.hidden = {"a": "{}"}, {"a"}
    assert "1 are held by somebody else" in _listed(cloud, "orders")[0]
