"""Daily sales: the totals of a date are those of its processed sales, and follow them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.data_platform.dead_letters import await_dead_letters
from tests.e2e.data_platform.platform import as_queue_records, daily_key, processed_key
from tests.e2e.data_platform.test_curation import NOBODYS_DAY
from tests.e2e.data_platform.test_sales_events import make_event

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Event, Platform, StoredObject

pytestmark = pytest.mark.flow("sales_events", "objects")

COLUMNS = {
    "sale_date": "date32[day]",
    "store_id": "string",
    "product_id": "string",
    "country": "string",
    "currency": "string",
    "units_sold": "int64",
    "units_returned": "int64",
    "sales": "decimal128(38, 4)",
    "returns": "decimal128(38, 4)",
    "revenue": "decimal128(38, 4)",
}
GROUP = ("store_id", "product_id", "country", "currency")
TOTALS = ("units_sold", "units_returned", "sales", "returns", "revenue")

QUEUE = "processed_objects"

Group = tuple[str, ...]
Sums = tuple[Fraction, ...]


def sums_of(events: Iterable[Event]) -> dict[Group, Sums]:
    """(store, product, country, currency) → TOTALS, summed exactly, in another way than the platform does."""
    nothing = Fraction(0)
    sums: dict[Group, list[Fraction]] = {}
    for event in events:
        total = sums.setdefault(tuple(event[name] for name in GROUP), [nothing] * 5)
        units, amount = Fraction(event["quantity"]), event["quantity"] * Fraction(event["unit_price"])
        total[0] += max(units, nothing)
        total[1] += max(-units, nothing)
        total[2] += max(amount, nothing)
        total[3] += max(-amount, nothing)
        total[4] += amount
    return {group: tuple(total) for group, total in sums.items()}


def rows_of(platform: Platform, day: date, unique: str) -> list[Event]:
    """The daily sales of the products whose id starts with this word, in their order."""
    return [row for row in platform.daily_sales(day) or [] if row["product_id"].startswith(unique)]


def as_sums(rows: Iterable[Event]) -> dict[Group, Sums]:
    listed = [(tuple(row[name] for name in GROUP), tuple(Fraction(row[name]) for name in TOTALS)) for row in rows]
    assert len(dict(listed)) == len(listed), "two rows for one store, product, country and currency"
    return dict(listed)


def stored(platform: Platform, zone: str, key: str) -> StoredObject:
    found = platform.stored(zone, key)
    assert found
    return found


def await_daily(platform: Platform, wait_until: Callable[..., Any], unique: str, day: date, count: int) -> list[Event]:
    """The daily sales of own products, once they are those of a processed partition with `count` own events."""

    def sales() -> bool:
        rows = [row for row in platform.processed_sales(day) or [] if row["event_id"].startswith(unique)]
        return len(rows) >= count

    def totals() -> bool:
        found = platform.stored("curated", daily_key(day))
        source = stored(platform, "processed", processed_key(day)).etag.strip('"')
        return found is not None and found.metadata["source-etag"] == source

    wait_until(sales)
    wait_until(totals)
    return rows_of(platform, day, unique)


def sum_up(platform: Platform, *days: date) -> None:
    """Deliver a notice of each day's processed sales, as its queue does."""
    notices = [platform.notice("processed", processed_key(day)) for day in days]
    assert platform.deliver("daily_sales", as_queue_records(notices)) == []


# What comes out


def test_a_day_has_exactly_these_columns_and_totals(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    changes: list[dict[str, Any]] = [
        {"quantity": 6, "unit_price": "2.55"},
        {"quantity": 4, "unit_price": "3.1250"},
        {"quantity": -2, "unit_price": "2.55"},
        {"quantity": -1, "unit_price": "0.3333"},
    ]
    platform.put_events([make_event(unique, number, day, **each) for number, each in enumerate(changes)], unique)
    rows = await_daily(platform, wait_until, unique, day, 4)
    assert [{name: str(value) for name, value in row.items()} for row in rows] == [
        {
            "sale_date": str(day),
            "store_id": "online",
            "product_id": f"{unique}-product",
            "country": "United Kingdom",
            "currency": "GBP",
            "units_sold": "10",
            "units_returned": "3",
            "sales": "27.8000",
            "returns": "5.4333",
            "revenue": "22.3667",
        }
    ]
    schema = stored(platform, "curated", daily_key(day)).table().schema
    assert list(schema.names) == list(COLUMNS)
    assert {field.name: str(field.type) for field in schema} == COLUMNS
    assert [field.name for field in schema if field.nullable] == []


def test_daily_sales_equal_what_the_events_sum_up_to(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    choice = random.Random(unique)
    days = [day, day + timedelta(days=1)]
    events = [
        make_event(
            unique,
            number,
            choice.choice(days),
            product_id=f"{unique}-{choice.choice('abc')}",
            store_id=choice.choice(["online", "london", "berlin"]),
            country=choice.choice(["United Kingdom", "Germany"]),
            currency=choice.choice(["GBP", "EUR"]),
            quantity=choice.choice([-1, 1, 1]) * choice.randint(1, 99),
            unit_price=f"{choice.randint(0, 999)}.{choice.randint(0, 9999):04}",
            customer_id=choice.choice([None, "17850"]),
        )
        for number in range(500)
    ]
    for part in range(5):  # several partition keys: several shards
        platform.put_events(events[part::5], f"{unique}-{part}")
    for each in days:
        own = [event for event in events if event["event_time"].startswith(str(each))]
        rows = await_daily(platform, wait_until, unique, each, len(own))
        assert as_sums(rows) == sums_of(own)
        assert {row["sale_date"] for row in rows} == {each}
        groups = [tuple(row[name] for name in GROUP) for row in platform.daily_sales(each) or []]
        assert groups == sorted(groups)


def test_what_differs_in_one_word_is_never_summed_together(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    apart: list[dict[str, Any]] = [
        {},
        {"currency": "EUR"},
        {"currency": "JPY", "unit_price": "300"},
        {"country": "Österreich"},
        {"country": "O\u0308sterreich"},  # looks the same
        {"country": "österreich"},
        {"store_id": "online "},
        {"store_id": "\u202eonline"},
        {"store_id": "../online"},
        {"product_id": f"{unique}-product'); DROP TABLE daily_sales;--"},
        {"product_id": f'{unique}-"product", \\🛒'},
        {"product_id": f"{unique}-product", "store_id": "United Kingdom", "country": "online"},
    ]
    events = [
        make_event(unique, 2 * number + copy, day, **({"quantity": 3 - 4 * copy} | each))
        for number, each in enumerate(apart)
        for copy in range(2)  # three sold, one returned
    ]
    platform.put_events(events, unique)
    rows = await_daily(platform, wait_until, unique, day, len(events))
    assert len(rows) == len(apart)
    assert as_sums(rows) == sums_of(events)
    assert {(row["units_sold"], row["units_returned"]) for row in rows} == {(3, 1)}


def test_the_widest_and_the_smallest_amounts_are_summed_exactly(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    most, price = 2**31 - 1, "999999999.9999"
    events = [make_event(unique, number, day, quantity=most, unit_price=price) for number in range(300)]
    events += [
        make_event(unique, 300, day, quantity=1, unit_price="0.0001"),
        make_event(unique, 301, day, quantity=-most, unit_price=price),
        make_event(unique, 302, day, quantity=-1, unit_price="0.0003"),
        make_event(unique, 303, day, product_id=f"{unique}-free", unit_price="0"),
        make_event(unique, 304, day, product_id=f"{unique}-returned", quantity=-7, unit_price="0.0001"),
    ]
    platform.put_events(events, unique)
    rows = await_daily(platform, wait_until, unique, day, len(events))
    assert as_sums(rows) == sums_of(events)
    assert [row["product_id"] for row in rows] == [f"{unique}-{name}" for name in ("free", "product", "returned")]
    assert str(rows[2]["revenue"]) == "-0.0007"


def test_of_a_mixed_load_every_unit_is_counted_once_or_rejected(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    good, bad = [], 0
    for part in range(3):
        events: list[Event | bytes] = []
        for number in range(part * 60, part * 60 + 60):
            event = make_event(unique, number, day, quantity=2 ** (number % 31 // 2), store_id=f"store-{number % 5}")
            if number % 6 == 2:
                bad += 1
                events.append(event | {"quantity": 1.5})
            else:
                good.append(event)
                events += [event, event] if number % 5 == 0 else [event]
        platform.put_events(events, f"{unique}-{part}")
    rows = await_daily(platform, wait_until, unique, day, len(good))
    wait_until(lambda: len(platform.rejected_events(unique)) >= bad)
    assert as_sums(rows) == sums_of(good)
    assert sum(row["units_sold"] for row in rows) == sum(event["quantity"] for event in good)
    assert len(platform.rejected_events(unique)) == bad == 180 - len(good)


# Late, repeated, lost


def test_a_late_event_changes_the_totals_of_its_day_only(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    next_day = day + timedelta(days=1)
    first = [make_event(unique, 0, day), make_event(unique, 1, day, country="Malta")]
    platform.put_events([*first, make_event(unique, 2, next_day)], unique)
    assert as_sums(await_daily(platform, wait_until, unique, day, 2)) == sums_of(first)
    await_daily(platform, wait_until, unique, next_day, 1)
    other = stored(platform, "curated", daily_key(next_day))

    late = [make_event(unique, 3, day, quantity=-2), make_event(unique, 4, day, product_id=f"{unique}-new")]
    platform.put_events(late, unique)
    assert as_sums(await_daily(platform, wait_until, unique, day, 4)) == sums_of(first + late)
    assert stored(platform, "curated", daily_key(next_day)) == other


def test_repeated_events_change_no_total(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    events = [make_event(unique, 0, day), make_event(unique, 1, day, quantity=-4)]
    platform.put_events(events, unique)
    await_daily(platform, wait_until, unique, day, 2)
    changed = [event | {"quantity": 50, "country": "Malta"} for event in events]
    last = make_event(unique, 2, day, country="Iceland")
    platform.put_events([*events, *events, *changed, last], unique)
    assert as_sums(await_daily(platform, wait_until, unique, day, 3)) == sums_of([*events, last])


def test_a_repeated_notice_writes_nothing(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    platform.put_events([make_event(unique, 0, day)], unique)
    await_daily(platform, wait_until, unique, day, 1)
    versions = platform.versions("curated", daily_key(day))
    notice = platform.notice("processed", processed_key(day))
    platform.send(QUEUE, [notice, notice])
    sum_up(platform, day)
    sum_up(platform, day, day, day)
    time.sleep(2)  # for those in the queue
    assert platform.versions("curated", daily_key(day)) == versions
    assert as_sums(rows_of(platform, day, unique)) == sums_of([make_event(unique, 0, day)])


def test_a_deleted_object_is_built_again_by_a_notice(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    platform.put_events([make_event(unique, number, day, country=f"Country {number}") for number in range(5)], unique)
    await_daily(platform, wait_until, unique, day, 5)
    before = stored(platform, "curated", daily_key(day))
    platform.s3.delete_object(Bucket=platform.outputs["bucket_names"]["curated"], Key=daily_key(day))
    assert platform.daily_sales(day) is None

    platform.send(QUEUE, [platform.notice("processed", processed_key(day))])
    wait_until(lambda: platform.daily_sales(day) is not None)
    after = stored(platform, "curated", daily_key(day))
    assert (after.body, after.metadata) == (before.body, before.metadata)


def test_sales_that_were_lost_at_both_stages_come_back_from_raw(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    key = platform.put_raw(day, unique, [make_event(unique, number, day, quantity=1 + number) for number in range(5)])
    await_daily(platform, wait_until, unique, day, 5)
    before = stored(platform, "processed", processed_key(day)), stored(platform, "curated", daily_key(day))
    for zone, lost in (("curated", daily_key(day)), ("processed", processed_key(day))):
        platform.s3.delete_object(Bucket=platform.outputs["bucket_names"][zone], Key=lost)

    platform.send("raw_objects", [platform.notice("raw", key)])
    wait_until(lambda: platform.daily_sales(day) is not None)
    after = stored(platform, "processed", processed_key(day)), stored(platform, "curated", daily_key(day))
    assert [each.body for each in after] == [each.body for each in before]


def test_workers_side_by_side_leave_the_totals_of_the_last_sales(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    _ = platform.s3, platform.functions  # made once, before the threads want them
    workers, turns = 3, 3

    def work(worker: int) -> None:
        for turn in range(turns):
            number = worker * turns + turn
            key = platform.put_raw(day, f"{unique}-{number}", [make_event(unique, number, day, quantity=1)])
            notices = as_queue_records([platform.notice("raw", key)])
            assert platform.deliver("curate_sales", notices) == []
            sum_up(platform, day)
            # Whoever is done has its own events in the totals, and nobody's work takes them out again.
            assert turn + 1 <= sum(row["units_sold"] for row in rows_of(platform, day, unique))

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
    (row,) = rows_of(platform, day, unique)
    assert row["units_sold"] == workers * turns
    await_daily(platform, wait_until, unique, day, workers * turns)


# What is no notice


def bad_notices(platform: Platform, unique: str, day: date) -> dict[str, Event | str]:
    """Kind → a message for `processed-objects` that must be refused, with `unique` in its text."""

    def of_key(key: Any) -> Event:
        return platform.notice("processed", key) | {"id": unique}

    good = of_key(processed_key(day))
    return {
        "no JSON": f"{unique} is no JSON",
        "no object": json.dumps([unique]),
        "another event": good | {"detail-type": "Object Deleted"},
        "no detail": {name: value for name, value in good.items() if name != "detail"},
        "another bucket": platform.notice("curated", processed_key(day)) | {"id": unique},
        "another name": of_key(f"sales/event_date={day}/{unique}.parquet"),
        "no date": of_key("sales/event_date=2010-02-30/sales.parquet"),
        "a folder more": of_key(f"sales/event_date={day}/{unique}/sales.parquet"),
        "another prefix": of_key(f"daily_{processed_key(day)}"),
        "key is nothing": of_key(None),
        "nothing there": of_key(processed_key(NOBODYS_DAY)),
    }


def test_of_a_batch_only_what_is_no_notice_is_refused(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    platform.put_events([make_event(unique, 0, day)], unique)
    await_daily(platform, wait_until, unique, day, 1)
    platform.s3.delete_object(Bucket=platform.outputs["bucket_names"]["curated"], Key=daily_key(day))

    good = as_queue_records([platform.notice("processed", processed_key(day))] * 2)
    bad = as_queue_records(bad_notices(platform, unique, day).values())
    answer = platform.invoke("daily_sales", [*bad[:4], good[0], *bad[4:], good[1]])
    refused = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert sorted(refused) == sorted(record["messageId"] for record in bad)
    assert as_sums(rows_of(platform, day, unique)) == sums_of([make_event(unique, 0, day)])
    assert platform.daily_sales(NOBODYS_DAY) is None


@pytest.mark.flow("objects")
@pytest.mark.waits
def test_what_cannot_be_summed_becomes_a_dead_letter_and_its_neighbours_totals(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    damaged_day = day + timedelta(days=1)
    for each in (day, damaged_day):
        platform.put_raw(each, unique, [make_event(unique, 0, each)])
    for each in (day, damaged_day):
        await_daily(platform, wait_until, unique, each, 1)
    before = stored(platform, "curated", daily_key(damaged_day))

    # No Parquet any more: its own notice must fail as well.
    processed = platform.outputs["bucket_names"]["processed"]
    platform.s3.put_object(Bucket=processed, Key=processed_key(damaged_day), Body=f"{unique} is no Parquet".encode())
    platform.s3.delete_object(Bucket=platform.outputs["bucket_names"]["curated"], Key=daily_key(day))
    kinds = bad_notices(platform, unique, day)
    bad = [kinds[kind] for kind in ("no JSON", "another name", "another bucket", "nothing there")]
    bad.append(platform.notice("processed", processed_key(damaged_day)) | {"id": unique})
    try:
        platform.send(QUEUE, [*bad[:2], platform.notice("processed", processed_key(day)), *bad[2:]])
        wait_until(lambda: rows_of(platform, day, unique), timeout=60)  # long before the others are given up

        texts = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in bad]
        assert sorted(await_dead_letters(platform, wait_until, unique, len(bad), QUEUE)) == sorted(texts)
        await_dead_letters(platform, wait_until, processed_key(damaged_day), 1, QUEUE)  # of the object's own notice
        assert stored(platform, "curated", daily_key(damaged_day)) == before
    finally:
        platform.s3.delete_object(Bucket=processed, Key=processed_key(damaged_day))

    # Built anew from raw, it is summed again.
    late = make_event(unique, 1, damaged_day, quantity=-1)
    platform.put_raw(damaged_day, f"{unique}-late", [late])
    expected = sums_of([make_event(unique, 0, damaged_day), late])
    assert as_sums(await_daily(platform, wait_until, unique, damaged_day, 2)) == expected
