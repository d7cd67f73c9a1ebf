import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, cast

import pyarrow as pa
import pytest

from seed.s3 import Seeded
from seed.sales_report import freshness
from seed.sales_report.curated import Buckets
from seed.sales_report.freshness import Arrival, Lake, Look, rejected_ids, wait_until_fresh
from seed.sales_report.order_queues import Messages, OrderQueues
from stockroom.errors import StockroomError
from tests.unit.toolkit.daily_sales import DAY, MemoryS3, parquet, row, table

NEXT = DAY + timedelta(1)


@pytest.fixture
def s3() -> MemoryS3:
    return MemoryS3()


def lake(s3: MemoryS3, includes: Callable[[date], bool] = lambda day: True) -> Lake:
    return Lake(cast(Any, s3), Buckets("raw", "processed", "curated"), includes)


def put_mark(s3: MemoryS3, dataset: str, prefix: str | None, events: int) -> None:
    mark = {"event_prefix": prefix, "report": {"dataset": dataset, "counts": {"events": events}}}
    s3.put("raw", f"datasets/{dataset}/seeding.json", b"{}")
    s3.put("raw", f"datasets/{dataset}/seeded.json", json.dumps(mark).encode())


def put_processed(s3: MemoryS3, day: date, ids: Iterable[str]) -> str:
    content = pa.table({"event_id": pa.array(list(ids), pa.string())})
    return s3.put("processed", f"sales/event_date={day}/sales.parquet", parquet(content))


def put_curated(s3: MemoryS3, day: date, source: str) -> None:
    s3.put(
        "curated",
        f"daily_sales/sale_date={day}/daily_sales.parquet",
        parquet(table([row("1", day=day)])),
        source_etag=source,
    )


def put_rejected(s3: MemoryS3, *data: str) -> None:
    lines = "\n".join(json.dumps({"reason": "x", "data": text}) for text in data)
    s3.put("raw", "rejected/sales_events/arrival_date=2026-01-01/s-1-2.jsonl.gz", gzip.compress(lines.encode()))


def test_an_empty_lake_is_fresh(s3: MemoryS3) -> None:
    empty = lake(s3)
    assert empty.look().is_fresh
    assert empty.daily_sales() is None
    assert empty.curated_days() == []


def test_everything_is_there(s3: MemoryS3) -> None:
    put_mark(s3, "sample", "sample-1", 3)
    put_mark(s3, "shop.csv", "0123abcd", 1)
    put_curated(s3, DAY, put_processed(s3, DAY, ["sample-1-1", "sample-1-2", "0123abcd-7"]))
    put_curated(s3, NEXT, put_processed(s3, NEXT, ["sample-1-3", "somebody-elses"]))
    whole = lake(s3)
    look = whole.look()
    assert look.is_fresh
    assert look.shortcomings == []
    assert look.progress == "4 of 4 seeded events, 2 of 2 days"
    rows = whole.daily_sales()
    assert rows is not None
    assert rows["sale_date"].to_pylist() == [DAY, NEXT]


@pytest.mark.parametrize(
    "ids",
    [
        ["sample-1-1"],
        ["sample-1-1", "sample-1-1"],
        ["sample-1-1", "sample-10-2"],
        ["sample-1-1", "sample-1-x"],
        ["sample-1-1", "sample-1-"],
    ],
    ids=["missing", "twice", "of a longer prefix", "no number", "nothing"],
)
def test_an_event_is_missing(s3: MemoryS3, ids: list[str]) -> None:
    put_mark(s3, "sample", "sample-1", 2)
    put_curated(s3, DAY, put_processed(s3, DAY, ids))
    look = lake(s3).look()
    assert not look.is_fresh
    assert look.shortcomings == ["1 of 2 events of sample are not processed yet"]


def test_an_event_that_was_rejected_is_not_missing(s3: MemoryS3) -> None:
    put_mark(s3, "sample", "sample-1", 3)
    put_curated(s3, DAY, put_processed(s3, DAY, ["sample-1-1"]))
    put_rejected(s3, *(json.dumps({"event_id": f"sample-1-{number}"}) for number in (2, 3, 3)))
    look = lake(s3).look()
    assert look.is_fresh
    assert look.rejected == 2


def test_rejected_events_without_an_id_count_for_none(s3: MemoryS3) -> None:
    put_rejected(s3, "no JSON", "[]", '{"event_id": 3}', "{}", '{"event_id": "a-1"}')
    assert rejected_ids(s3.objects["raw", next(key for _, key in s3.objects)][0]) == {"a-1"}


def test_days_that_are_not_summed_up(s3: MemoryS3) -> None:
    for day in (DAY, NEXT):
        put_curated(s3, day, put_processed(s3, day, ["a-1"]))
    put_processed(s3, NEXT, ["a-1", "a-2"])
    put_processed(s3, NEXT + timedelta(1), ["a-3"])
    look = lake(s3).look()
    assert look.behind == (NEXT, NEXT + timedelta(1))
    assert look.shortcomings == ["2 of 3 days are not summed up yet (2010-12-02, 2010-12-03)"]
    assert lake(s3, lambda day: day == DAY).look().is_fresh


def test_a_seeding_that_has_not_ended_is_told(s3: MemoryS3) -> None:
    s3.put("raw", "datasets/abc/seeding.json", b"{}")
    look = lake(s3).look()
    assert look.is_fresh, "nothing tells how much is to come"
    assert look.shortcomings == ["the seeding of 1 dataset(s) has not ended"]


def test_a_mark_that_does_not_tell_its_events_is_not_waited_for(s3: MemoryS3) -> None:
    put_mark(s3, "sample", None, 3)
    assert lake(s3).look().is_fresh


def test_what_stayed_the_same_is_read_once(s3: MemoryS3) -> None:
    again = lake(s3)
    for day in (DAY, NEXT):
        put_curated(s3, day, put_processed(s3, day, ["a-1"]))
    again.look()
    s3.reads.clear()
    before = again.look()
    assert s3.reads == []
    etag = put_processed(s3, NEXT, ["a-1", "a-2"])
    after = again.look()
    assert after.trace != before.trace
    assert sorted(s3.reads) == [
        "daily_sales/sale_date=2010-12-02/daily_sales.parquet",
        "sales/event_date=2010-12-02/sales.parquet",
    ]
    put_curated(s3, NEXT, etag)
    assert again.look().is_fresh, "metadata changes without the ETag"
    again.daily_sales()


def test_only_the_days_of_the_report_are_read(s3: MemoryS3) -> None:
    for day in (DAY, NEXT):
        put_curated(s3, day, put_processed(s3, day, ["a-1"]))
    s3.put("curated", "daily_sales/sale_date=2010-13-01/daily_sales.parquet", b"no such day")
    s3.put("curated", "daily_sales/notes.txt", b"")
    one = lake(s3, lambda day: day == NEXT)
    rows = one.daily_sales()
    assert rows is not None
    assert rows["sale_date"].to_pylist() == [NEXT]
    assert s3.reads == ["daily_sales/sale_date=2010-12-02/daily_sales.parquet"]
    assert one.curated_days() == [DAY, NEXT]


@pytest.mark.parametrize("content", [b"", b"no Parquet", parquet(pa.table({"event_id": ["a-1"]}))])
def test_an_object_of_another_kind_is_named(s3: MemoryS3, content: bytes) -> None:
    s3.put("curated", f"daily_sales/sale_date={DAY}/daily_sales.parquet", content)
    with pytest.raises(StockroomError, match=r"s3://curated/daily_sales/sale_date=2010-12-01/\S+ does not hold"):
        lake(s3).daily_sales()


class Clock:
    """Time that passes only where somebody pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def missing(count: int, trace: int) -> Look:
    return Look((Arrival(Seeded("sample", 100, frozenset({"sample-1"})), 100 - count, 0),), trace=trace)


def wait(looks: Iterable[Look]) -> tuple[Look, float, list[str]]:
    clock, said, ahead = Clock(), list[str](), iter(looks)
    return wait_until_fresh(lambda: next(ahead), said.append, clock, clock.pause), clock.now, said


def test_a_fresh_lake_is_not_waited_for() -> None:
    assert wait([missing(0, 0)]) == (missing(0, 0), 0, [])


def test_waiting_ends_when_everything_is_there() -> None:
    look, seconds, said = wait([missing(2, 0), missing(1, 1), missing(0, 2), missing(0, 3)])
    assert (look, seconds) == (missing(0, 2), 2 * freshness.PAUSE)
    assert said == ["98 of 100 seeded events, 0 of 0 days", "99 of 100 seeded events, 0 of 0 days"]


def test_waiting_goes_on_as_long_as_something_moves() -> None:
    slow = [missing(9, trace) for trace in range(5) for _ in range(50)]
    assert wait([*slow, missing(0, 99)])[0].is_fresh


def test_waiting_ends_when_nothing_moves() -> None:
    look, seconds, _ = wait([missing(9, 0)] + [missing(5, 1)] * 1000)
    assert look == missing(5, 1)
    assert seconds == freshness.PAUSE + freshness.PATIENCE


def orders(waiting: int, trace: int = 0, missing_events: int = 0) -> Look:
    return replace(missing(missing_events, trace), messages=Messages(waiting))


def test_orders_that_wait_are_waited_for() -> None:
    look, seconds, said = wait([orders(7), orders(3), orders(0)])
    assert (look.shortcomings, seconds) == ([], 2 * freshness.PAUSE)
    assert said[0] == "100 of 100 seeded events, 0 of 0 days, 7 orders wait"


def test_orders_that_come_all_the_time_are_not_waited_for_without_end() -> None:
    look, seconds, _ = wait([orders(7), *(orders(3 + n % 5, trace=n) for n in range(1000))])
    assert seconds == freshness.PAUSE + freshness.PATIENCE
    assert look.shortcomings[0].endswith(" orders are not processed yet")


def test_dead_letters_are_told_and_not_waited_for(s3: MemoryS3) -> None:
    platform = lake(s3)
    platform.count_messages = lambda: Messages(0, (("orders", 8), ("sales-events", 1)))
    look, seconds, _ = wait([platform.look()])
    assert seconds == 0
    assert look.shortcomings == [
        "8 dead letters of orders (`invoke redrive orders`)",
        "1 dead letters of sales-events (`invoke redrive sales-events`)",
    ]


class Queues:
    """An SQS whose queues hold as many messages as their URLs say."""

    def client(self, service: str) -> "Queues":
        assert service == "sqs"
        return self

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> Any:  # noqa: N803
        return {"Attributes": dict.fromkeys(AttributeNames, QueueUrl.rpartition("/")[2])}


def test_messages_are_counted_in_the_queues_that_sales_go_through() -> None:
    outputs = {
        "queue_urls": {"orders": "http://q/2", "restock_requests": "http://q/9"},
        "dead_letter_queue_urls": {
            "orders": "http://q/1",
            "sales_events": "http://q/0",
            "restock_requests": "http://q/9",
        },
    }
    messages = OrderQueues(cast(Any, Queues()), outputs).count()
    assert messages == Messages(6, (("orders", 3),)), "visible, in flight and delayed"
    assert OrderQueues(cast(Any, Queues()), {}).count() == Messages()
