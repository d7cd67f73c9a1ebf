from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

from seed import SAMPLE_DIR, delivery, dynamodb, kinesis, s3, sqs
from seed.dynamodb import allowed_of, to_item
from seed.kinesis import EventSet, event_id_of
from seed.progress import Silent
from seed.sample import RecordsDirectory
from stockroom.errors import StockroomError
from tests.unit.seed.fake_platform import FakePlatform, client_error

LOST = ConnectionClosedError(endpoint_url="http://x")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_DELAY", 0.0)
    monkeypatch.setattr(kinesis, "PAUSE", 0.0)


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


@pytest.fixture(scope="module")
def sample() -> RecordsDirectory:
    return RecordsDirectory(SAMPLE_DIR)


class Counting(Silent):
    def __init__(self) -> None:
        self.total = self.done = 0

    def started(self, step: str, total: int, unit: str) -> None:
        self.total = total

    def advanced(self, step: str, n: int) -> None:
        self.done += n


def load_events(platform: FakePlatform, sample: RecordsDirectory, interrupted_at: datetime | None = None) -> int:
    progress = Counting()
    found = kinesis.load(sample, platform.target(), progress, Event(), interrupted_at)
    assert progress.done == progress.total == sample.counts.events
    assert sorted(platform.event_ids()) == sorted(event["event_id"] for event in sample.events())
    return found


# DynamoDB


def test_all_four_tables_are_loaded_in_transactions_of_a_hundred(
    platform: FakePlatform, sample: RecordsDirectory
) -> None:
    stock_is_in, progress = Event(), Counting()
    assert dynamodb.load(sample, platform.target(), progress, Event(), stock_is_in) == 0
    assert {name: len(rows) for name, rows in platform.tables.items()} == {
        "products": sample.counts.products,
        "customers": sample.counts.customers,
        "stores": sample.counts.stores,
        "inventory": sample.counts.inventory,
    }
    assert stock_is_in.is_set()
    assert progress.done == progress.total
    assert max(platform.batches["transact"]) <= 100


def test_stock_that_is_there_is_added_to_once(platform: FakePlatform, sample: RecordsDirectory) -> None:
    row = {"product_id": {"S": "P00007"}, "on_hand": {"N": "1"}}
    platform.tables["inventory"]["P00007"] = row
    brought = next(stock["on_hand"] for stock in sample.inventory() if stock["product_id"] == "P00007")
    assert dynamodb.load(sample, platform.target(), Silent(), Event(), Event()) == 1
    assert row["on_hand"] == {"N": str(1 + brought)}
    assert len(platform.tables["inventory"]) == sample.counts.inventory
    assert dynamodb.load(sample, platform.target(), Silent(), Event(), Event()) == 0
    assert row["on_hand"] == {"N": str(1 + brought)}


def test_orders_may_not_follow_where_the_stock_did_not_get_in(platform: FakePlatform, sample: RecordsDirectory) -> None:
    platform.faults["transact"] = [client_error("ResourceNotFoundException")]
    stock_is_in = Event()
    with pytest.raises(StockroomError, match="table inventory cannot be loaded"):
        dynamodb.load(sample, platform.target(), Silent(), Event(), stock_is_in)
    assert not stock_is_in.is_set()


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["None", "ConditionalCheckFailed", "None"], ["a", "c"]),
        (["ConditionalCheckFailed"] * 3, []),
        (["None", "TransactionConflict", "ConditionalCheckFailed"], ["a", "b"]),
        (["None", "ValidationError", "ConditionalCheckFailed"], None),
    ],
)
def test_what_of_a_cancelled_transaction_is_tried_again(codes: list[str], expected: list[str] | None) -> None:
    assert allowed_of(["a", "b", "c"], codes) == expected


def test_a_conflict_is_tried_again(platform: FakePlatform, sample: RecordsDirectory) -> None:
    reasons = [{"Code": "TransactionConflict"}] + [{"Code": "None"}] * (sample.counts.inventory - 1)
    platform.faults["transact"] = [client_error("TransactionCanceledException", CancellationReasons=reasons)]
    dynamodb.load(sample, platform.target(), Silent(), Event(), Event())
    assert len(platform.tables["inventory"]) == sample.counts.inventory


def test_items_are_in_dynamodbs_notation() -> None:
    assert to_item({"product_id": "P1", "on_hand": 3}) == {"product_id": {"S": "P1"}, "on_hand": {"N": "3"}}


# SQS


def test_every_order_is_sent_in_batches_of_ten(platform: FakePlatform, sample: RecordsDirectory) -> None:
    progress = Counting()
    sqs.load(sample, platform.target(), progress, Event())
    assert sorted(platform.order_ids()) == sorted(order["order_id"] for order in sample.orders())
    assert set(platform.batches["send"]) == {10}
    assert progress.done == progress.total == sample.counts.messages


def test_messages_that_failed_are_sent_again(platform: FakePlatform, sample: RecordsDirectory) -> None:
    def half(entries: Sequence[Any], normal: Any) -> Any:
        normal(entries[::2])
        return {"Failed": [{"Id": e["Id"], "SenderFault": False, "Code": "InternalError"} for e in entries[1::2]]}

    platform.faults["send"] = [half, EndpointConnectionError(endpoint_url="http://x"), half]
    sqs.load(sample, platform.target(), Silent(), Event())
    assert sorted(platform.order_ids()) == sorted(order["order_id"] for order in sample.orders())


def test_a_message_that_the_queue_refuses_is_named(platform: FakePlatform, sample: RecordsDirectory) -> None:
    def refuse(entries: Sequence[Any], normal: Any) -> Any:
        return {"Failed": [{"Id": "1", "SenderFault": True, "Code": "InvalidMessageContents", "Message": "bad"}]}

    platform.faults["send"] = [refuse]
    with pytest.raises(StockroomError, match=r'queue orders refuses the message \{"order_id":"\d+".*: bad'):
        sqs.load(sample, platform.target(), Silent(), Event())


# Kinesis


def test_events_go_out_in_time_order_keyed_by_their_order(platform: FakePlatform, sample: RecordsDirectory) -> None:
    assert load_events(platform, sample) == 0
    assert platform.event_ids() == [event["event_id"] for event in sample.events()]
    assert [record["PartitionKey"] for record in platform.records] == [event["order_id"] for event in sample.events()]
    assert platform.batches["put"] == [500, sample.counts.events - 500]
    assert "get" not in platform.log, "a first seeding has no reason to read the stream"


def test_records_that_failed_are_put_again(platform: FakePlatform, sample: RecordsDirectory) -> None:
    def third(records: Sequence[Any], normal: Any) -> Any:
        normal(records[::3])
        return {
            "Records": [
                {"ErrorCode": "ProvisionedThroughputExceededException"} if place % 3 else {"SequenceNumber": "1"}
                for place, _ in enumerate(records)
            ]
        }

    platform.faults["put"] = [third, third, client_error("LimitExceededException")]
    load_events(platform, sample)


@pytest.mark.parametrize("arrived", [0, 1, 123, 500])
def test_a_lost_answer_doubles_nothing(platform: FakePlatform, sample: RecordsDirectory, arrived: int) -> None:
    def lose(records: Sequence[Any], normal: Any) -> Any:
        normal(records[:arrived])
        raise LOST

    platform.faults["put"] = [lose]
    load_events(platform, sample)


def test_a_request_that_was_never_sent_is_simply_repeated(platform: FakePlatform, sample: RecordsDirectory) -> None:
    platform.faults["put"] = [EndpointConnectionError(endpoint_url="http://x")] * 3
    load_events(platform, sample)
    assert "get" not in platform.log


@pytest.mark.parametrize("sent", [0, 1, 499, 886])
def test_an_interrupted_run_is_completed_not_repeated(
    platform: FakePlatform, sample: RecordsDirectory, sent: int
) -> None:
    load_events(platform, sample)
    platform.records = [
        {"Data": b"not json", "PartitionKey": "x"},
        {"Data": b'{"event_id":"other-1"}', "PartitionKey": "x"},
        *platform.records[:sent],
    ]
    kinesis.load(sample, platform.target(), Silent(), Event(), datetime.now(UTC) - timedelta(hours=1))
    platform.records = platform.records[2:]
    assert sorted(platform.event_ids()) == sorted(event["event_id"] for event in sample.events())


def test_an_interrupted_run_that_the_stream_forgot_is_refused(platform: FakePlatform, sample: RecordsDirectory) -> None:
    with pytest.raises(StockroomError, match="stream sales keeps records for 24 hours"):
        kinesis.load(sample, platform.target(), Silent(), Event(), datetime.now(UTC) - timedelta(hours=25))
    assert not platform.records


def test_a_stream_that_never_answers_is_given_up(
    platform: FakePlatform, sample: RecordsDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinesis, "PATIENCE", 0.0)
    platform.faults["put"] = [LOST] * 50
    with pytest.raises(StockroomError, match=r"stream sales cannot be loaded; for .* Connection was closed"):
        kinesis.load(sample, platform.target(), Silent(), Event())


def test_event_sets_hold_only_their_own() -> None:
    def number_of(event_id: str) -> int | None:
        return int(event_id[6:]) if event_id.startswith("abc-1-") and event_id[6:].isdecimal() else None

    events = EventSet(number_of)
    for event_id in (
        "abc-1-7",
        "abc-1-7",
        "abc-1-800001",
        "abc-7",
        "abc-1-",
        "abc-1-x",
    ):
        events.add(event_id)
    assert len(events) == 2
    assert "abc-1-7" in events
    assert "abc-1-800001" in events
    assert "abc-1-8" not in events
    assert "abc-1-9000000" not in events


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b'{"event_id":"a-1"}', "a-1"), (b"[1]", None), (b"\xff", None), (b'{"event_id":1}', None), (b"", None)],
)
def test_what_is_no_event_has_no_id(data: bytes, expected: str | None) -> None:
    assert event_id_of(data) == expected


# S3


def test_the_files_go_below_their_digest_once(platform: FakePlatform, sample: RecordsDirectory) -> None:
    for _ in range(2):
        progress = Counting()
        s3.load(sample, platform.target(), progress, Event())
        assert progress.done == progress.total
    assert platform.log.count("upload") == 6
    key = f"datasets/{sample.digest[:16]}/orders.jsonl"
    assert platform.objects[key] == (SAMPLE_DIR / "orders.jsonl").read_bytes()


def test_half_an_object_is_replaced(platform: FakePlatform, sample: RecordsDirectory) -> None:
    key = s3.key_of(sample.digest, "stores.jsonl")
    platform.objects[key] = b"{"
    s3.load(sample, platform.target(), Silent(), Event())
    assert platform.objects[key] == Path(SAMPLE_DIR / "stores.jsonl").read_bytes()
