import base64
import gzip
import json
import random
from itertools import pairwise
from typing import Any

from raw_objects import RawObject, sort_batch
from test_sales_event import EVENT

SHARD = "shardId-000000000002"


def record(number: int, data: bytes | None = None, **changes: Any) -> dict[str, Any]:
    """A record as Lambda hands it over; sequence numbers start at 100."""
    data = json.dumps(EVENT | {"event_id": f"e{number}"} | changes).encode() if data is None else data
    return {
        "eventID": f"{SHARD}:{100 + number}",
        "kinesis": {
            "data": base64.b64encode(data).decode(),
            "sequenceNumber": str(100 + number),
            "approximateArrivalTimestamp": 1764547200.5 + number,  # 2025-12-01T00:00:00.5Z
        },
    }


def lines(raw: RawObject) -> list[dict[str, Any]]:
    text = gzip.decompress(raw.body).decode()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def test_one_object_a_date_named_by_the_first_and_last_record_it_holds() -> None:
    late: dict[str, Any] = {"event_time": "2010-11-30T23:59:59Z"}
    batch = sort_batch([record(0, **late), record(1), record(2), record(3, **late), record(4)])
    assert [(raw.key, [line["event_id"] for line in lines(raw)]) for raw in batch.objects] == [
        (f"sales_events/event_date=2010-11-30/{SHARD}-100-103.jsonl.gz", ["e0", "e3"]),
        (f"sales_events/event_date=2010-12-01/{SHARD}-101-104.jsonl.gz", ["e1", "e2", "e4"]),
    ]
    assert (batch.stored, batch.rejected) == (5, {})


def test_malformed_events_go_to_the_date_they_arrived_on_with_reason_and_original() -> None:
    batch = sort_batch([record(0, b"\xff\x00"), record(1), record(2, 'kaputt „"\n'.encode()), record(3, quantity=0)])
    rejected = next(raw for raw in batch.objects if raw.key.startswith("rejected/"))
    assert rejected.key == f"rejected/sales_events/arrival_date=2025-12-01/{SHARD}-100-103.jsonl.gz"
    first, second, third = lines(rejected)
    assert first == {
        "reason": "event is not UTF-8",
        "sequence_number": "100",
        "data": base64.b64encode(b"\xff\x00").decode(),
        "encoding": "base64",
    }
    assert second == {
        "reason": "event is not JSON",
        "sequence_number": "102",
        "data": 'kaputt „"\n',
        "encoding": "utf-8",
    }
    assert third["reason"] == "quantity is zero"
    assert json.loads(third["data"])["event_id"] == "e3"
    assert (batch.stored, batch.rejected) == (
        1,
        {"event is not UTF-8": 1, "event is not JSON": 1, "quantity is zero": 1},
    )


def test_no_records_make_no_objects() -> None:
    assert sort_batch([]).objects == ()


def test_the_same_batch_makes_the_same_bytes() -> None:
    records = [record(number) for number in range(50)]
    assert sort_batch(records) == sort_batch(records)
    assert gzip.decompress(sort_batch(records).objects[0].body).count(b"\n") == 50


def test_however_a_shard_is_cut_a_name_means_one_content_and_nothing_is_lost_or_doubled() -> None:
    chance = random.Random(7)
    days = ["2010-12-01", "2010-12-02", "2010-12-03"]
    shard = [
        record(number, None if chance.random() < 0.9 else b"?", event_time=f"{chance.choice(days)}T10:00:00Z")
        for number in range(200)
    ]
    seen: dict[str, bytes] = {}
    for _ in range(200):
        cuts = [0, *sorted(chance.sample(range(1, 200), 9)), 200]
        objects = [raw for start, end in pairwise(cuts) for raw in sort_batch(shard[start:end]).objects]
        assert len({raw.key for raw in objects}) == len(objects)
        assert sum(len(lines(raw)) for raw in objects) == 200
        for raw in objects:
            assert seen.setdefault(raw.key, raw.body) == raw.body
