"""Curation: the processed sales of a date are its raw events, each once, whatever happened on the way."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.data_platform.dead_letters import await_dead_letters
from tests.e2e.data_platform.platform import as_bytes, as_queue_records, daily_key, processed_key
from tests.e2e.data_platform.test_sales_events import HOSTILE, as_kinesis_records, make_event

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Event, Platform, StoredObject
    from tests.e2e.data_platform.turns import Alone

pytestmark = pytest.mark.flow("sales_events", "objects")

COLUMNS = {
    "event_id": "string",
    "event_time": "timestamp[us, tz=UTC]",
    "order_id": "string",
    "line": "int32",
    "product_id": "string",
    "description": "string",
    "quantity": "int32",
    "unit_price": "decimal128(13, 4)",
    "currency": "string",
    "customer_id": "string",
    "store_id": "string",
    "country": "string",
}

NOBODYS_DAY = date(1950, 1, 1)  # the fixture `day` never gives it, and no sample has it

# What an identifier may be: anything but control characters.
HOSTILE_IDS = [
    "../../../etc/passwd",
    "'); DROP TABLE sales;--",
    '"quoted" \\ back\\slash',
    "\u202eright to left\u202c",
    "🛒👩‍👩‍👧 価格 e\u0301",
    "=1+1 %s ${jndi:ldap://x} {{7*7}} <b>",
    " spaces ",
    "null",
]


def rows_of(platform: Platform, day: date, unique: str) -> list[Event]:
    """The processed rows of a day whose event id starts with this word, in their order."""
    return [row for row in platform.processed_sales(day) or [] if row["event_id"].startswith(unique)]


def pseudonym(platform: Platform, customer_id: str) -> str:
    secret = platform.secret("customer_pseudonyms")
    assert secret
    return hmac.new(secret.encode(), customer_id.encode(), hashlib.sha256).hexdigest()[:32]


def as_rows(platform: Platform, events: Iterable[Event]) -> list[Event]:
    """The rows that these events must become, in the order that they must have."""
    rows = [
        {name: event[name] for name in COLUMNS}
        | {
            "event_time": datetime.fromisoformat(event["event_time"].replace("Z", "+00:00")),
            "unit_price": Decimal(event["unit_price"]),
            "customer_id": event["customer_id"] and pseudonym(platform, event["customer_id"]),
        }
        for event in events
    ]
    return sorted(rows, key=lambda row: (row["event_time"], row["event_id"]))


def processed(platform: Platform, day: date) -> StoredObject:
    found = platform.stored("processed", processed_key(day))
    assert found
    return found


def curate(platform: Platform, *keys: str) -> None:
    """Deliver a notice of each raw object, as its queue does."""
    assert platform.deliver("curate_sales", as_queue_records(platform.notice("raw", key) for key in keys)) == []


def await_totals(platform: Platform, wait_until: Callable[..., Any], day: date) -> StoredObject:
    """The daily sales of a day, once they are those of its processed sales."""

    def totals() -> StoredObject | None:
        found = platform.stored("curated", daily_key(day))
        return found if found and found.metadata["source-etag"] == processed(platform, day).etag.strip('"') else None

    found: StoredObject = wait_until(totals)
    return found


# What comes out


def test_an_event_becomes_a_row_of_exactly_these_columns_and_values(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    events = [
        make_event(unique, 0, day, customer_id=f"{unique}-customer", future_field={"kept": "in raw"}),
        make_event(unique, 1, day, quantity=-24, unit_price="4.1250", currency="EUR"),
        make_event(unique, 2, day, unit_price="0", description=""),
        make_event(unique, 3, day, unit_price="999999999.9999", quantity=2**31 - 1, line=2**31 - 1),
        make_event(unique, 4, day, unit_price="0.0001", quantity=1 - 2**31, line=1),
        make_event(unique, 5, day, event_time=f"{day}T23:59:59.999999Z"),
        make_event(unique, 6, day, event_time=f"{day}T00:00:00Z", store_id=f"{unique}-store", country="Malta"),
    ]
    platform.put_events(events, unique)
    wait_until(lambda: len(rows_of(platform, day, unique)) >= len(events))

    assert rows_of(platform, day, unique) == as_rows(platform, events)
    by_id = {row["event_id"]: row for row in rows_of(platform, day, unique)}
    prices = [str(by_id[f"{unique}-{number}"]["unit_price"]) for number in range(5)]
    assert prices == ["2.5500", "4.1250", "0.0000", "999999999.9999", "0.0001"]
    assert by_id[f"{unique}-1"]["customer_id"] is None
    assert by_id[f"{unique}-5"]["event_time"] == datetime(day.year, day.month, day.day, 23, 59, 59, 999999, UTC)

    stored = processed(platform, day)
    table = stored.table()
    assert {field.name: str(field.type) for field in table.schema} == COLUMNS
    assert list(table.schema.names) == list(COLUMNS)
    assert [field.name for field in table.schema if field.nullable] == ["customer_id"]
    assert stored.metadata["events"] == str(table.num_rows)


def test_hostile_text_comes_out_as_it_was_sent(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    events = [make_event(unique, number, day, description=text) for number, text in enumerate(HOSTILE)]
    events += [
        make_event(
            unique,
            100 + number,
            day,
            event_id=f"{unique} {text}",
            product_id=text,
            customer_id=text,
            store_id=text,
            country=text,
        )
        for number, text in enumerate(HOSTILE_IDS)
    ]
    events.append(make_event(unique, 999, day, description="long \u4fa1 " * 100_000))
    platform.put_events(events, unique)
    wait_until(lambda: len(rows_of(platform, day, unique)) >= len(events))
    assert rows_of(platform, day, unique) == as_rows(platform, events)


def test_customers_are_pseudonyms_the_same_on_every_date(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    customers = [f"{name} of {unique}" for name in ("ada", "a", "bob", "ÄÖ 価格")] + [None]
    days = [day, day + timedelta(days=40)]
    events = [
        make_event(unique, number * 10 + copy, each, customer_id=customer)
        for each in days
        for number, customer in enumerate(customers)
        for copy in range(2)
    ]
    platform.put_events(events, unique)
    for each in days:
        wait_until(lambda each=each: len(rows_of(platform, each, unique)) >= 10)

    seen: dict[str | None, set[str | None]] = {}
    sent = {event["event_id"]: event["customer_id"] for event in events}
    for each in days:
        for row in rows_of(platform, each, unique):
            seen.setdefault(sent[row["event_id"]], set()).add(row["customer_id"])
        stored = processed(platform, each)
        text = json.dumps([stored.table().to_pylist(), stored.metadata], default=str, ensure_ascii=False)
        assert f"of {unique}" not in text
    assert seen == {customer: {customer and pseudonym(platform, customer)} for customer in customers}
    assert all(re.fullmatch("[0-9a-f]{32}", name) for names in seen.values() for name in names if name)


# Duplicates, replay, disorder


def test_of_events_with_one_id_the_first_is_stored(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    first, other = make_event(unique, 0, day), make_event(unique, 1, day)
    platform.put_events([first, first, first | {"quantity": 1000, "unit_price": "9"}, other, first], unique)
    wait_until(lambda: len(rows_of(platform, day, unique)) >= 2)
    assert rows_of(platform, day, unique) == as_rows(platform, [first, other])

    # Later ones: the same again, another content (also one that sorts before), and a new event that shows they are in.
    last = make_event(unique, 2, day)
    early = other | {"event_time": f"{day}T00:00:00Z", "description": "changed"}
    platform.put_events([first, first | {"customer_id": "17850"}, early, last], unique)
    wait_until(lambda: len(rows_of(platform, day, unique)) >= 3)
    assert len(platform.stored_events(day, unique)) >= 9  # raw keeps every one
    assert rows_of(platform, day, unique) == as_rows(platform, [first, other, last])


def test_an_event_sent_four_times_changes_no_row_and_no_total(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    event = make_event(unique, 0, day)
    platform.put_events([event], unique)
    wait_until(lambda: rows_of(platform, day, unique))
    before, totals = processed(platform, day), await_totals(platform, wait_until, day)
    for copies in (2, 3, 4):
        platform.put_events([event], f"{unique}-{copies}")  # maybe of another shard
        wait_until(lambda copies=copies: len(platform.stored_events(day, unique)) >= copies)
        curate(platform, *platform.objects(f"sales_events/event_date={day}/"))
        assert processed(platform, day).body == before.body
    assert await_totals(platform, wait_until, day).body == totals.body
    assert rows_of(platform, day, unique) == as_rows(platform, [event])


def test_late_and_disordered_events_end_in_their_date(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    def at(number: int, moment: str, offset: int = 0) -> Event:
        return make_event(unique, number, day, event_time=f"{day + timedelta(days=offset)}T{moment}Z")

    events = [
        at(0, "18:00:00"),
        at(1, "00:00:00", 1),
        at(2, "09:00:00"),
        at(3, "23:59:59.999999", -1),
        at(4, "09:00:00.000001"),
        at(5, "09:00:00"),
    ]
    platform.put_events(events, unique)
    days = [day + timedelta(days=offset) for offset in (-1, 0, 1)]
    wait_until(lambda: sum(len(rows_of(platform, each, unique)) for each in days) >= len(events))

    late = [at(6, "00:00:00"), at(7, "12:00:00", -1), at(8, "12:00:00"), at(9, "12:00:00", 1)]
    for event in late:  # each after its date was curated, newer dates before older ones
        platform.put_events([event], f"{unique}-{event['event_id']}")
    wait_until(lambda: sum(len(rows_of(platform, each, unique)) for each in days) >= len(events) + len(late))
    for each in days:
        own = [event for event in events + late if event["event_time"].startswith(str(each))]
        assert rows_of(platform, each, unique) == as_rows(platform, own)


def records_of_shard(platform: Platform, shard: str, first: str, partition_key: str, count: int) -> list[Event]:
    """The records with this partition key, read from the sequence number `first` on until there are `count`."""
    iterator = platform.kinesis.get_shard_iterator(
        StreamName=platform.outputs["stream_names"]["sales_events"],
        ShardId=shard,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=first,
    )["ShardIterator"]
    found: list[Event] = []
    while len(found) < count:
        answer = platform.kinesis.get_records(ShardIterator=iterator, Limit=10_000)
        found += [record for record in answer["Records"] if record["PartitionKey"] == partition_key]
        iterator = answer["NextShardIterator"]
        assert answer["Records"] or answer["MillisBehindLatest"], f"only {len(found)} of {count} records"
    return found


def as_delivered(shard: str, records: Iterable[Event]) -> list[Event]:
    """What Lambda hands to a function: records as the Kinesis API tells them."""
    return [
        {
            "eventID": f"{shard}:{record['SequenceNumber']}",
            "eventSource": "aws:kinesis",
            "kinesis": {
                "partitionKey": record["PartitionKey"],
                "sequenceNumber": record["SequenceNumber"],
                "data": base64.b64encode(record["Data"]).decode(),
                "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
            },
        }
        for record in records
    ]


@pytest.mark.parametrize("batch_size", [500, 3])
def test_records_of_a_shard_replayed_from_the_first_change_no_byte(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date, batch_size: int
) -> None:
    days = [day + timedelta(days=offset) for offset in range(3)]
    events = [make_event(unique, number, days[number % 3], customer_id=f"{number % 4}") for number in range(24)]
    sent: list[Event | bytes] = [*events, f"{{{unique} is no JSON".encode(), events[3], events[5] | {"quantity": 1}]
    for start in range(0, len(sent), 10):
        platform.put_events(sent[start : start + 10], unique)
    wait_until(lambda: sum(len(rows_of(platform, each, unique)) for each in days) >= len(events))
    wait_until(lambda: sum(len(platform.stored_events(each, unique)) for each in days) >= len(events) + 2)
    before = [processed(platform, each) for each in days]
    totals = [await_totals(platform, wait_until, each) for each in days]

    # All there is of this test is read again, and of no other: these count what raw holds, and it keeps whatever is
    # cut anew. What came before would only take time, the more the longer the platform has run.
    objects = platform.objects(f"sales_events/event_date={day}/")
    own = min(key for key, lines in objects.items() if events[0] in lines)
    shard, first = re.findall(r"/(shardId-\d+)-(\d+)-", own)[0]
    records = records_of_shard(platform, shard, first, unique, len(sent))
    assert [record["Data"] for record in records] == [as_bytes(each) for each in sent]
    for start in range(0, len(records), batch_size):
        batch = as_delivered(shard, records[start : start + batch_size])
        assert platform.invoke("capture_sales", batch) == {"batchItemFailures": []}
    for each in days:
        curate(platform, *platform.objects(f"sales_events/event_date={each}/"))

    assert [processed(platform, each).body for each in days] == [stored.body for stored in before]
    assert [await_totals(platform, wait_until, each).body for each in days] == [stored.body for stored in totals]
    for each in days:
        own_events = [event for event in events if event["event_time"].startswith(str(each))]
        assert rows_of(platform, each, unique) == as_rows(platform, own_events)


def test_a_repeated_notice_writes_nothing(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    key = platform.put_raw(day, unique, [make_event(unique, 0, day), make_event(unique, 1, day)])
    wait_until(lambda: len(rows_of(platform, day, unique)) >= 2)
    versions = platform.versions("processed", processed_key(day))
    notice = platform.notice("raw", key)
    platform.send("raw_objects", [notice, notice, notice])
    curate(platform, key)
    curate(platform, key, key, key)
    other = platform.put_raw(day + timedelta(days=1), unique, [make_event(unique, 2, day + timedelta(days=1))])
    curate(platform, other, key)
    assert len(rows_of(platform, day + timedelta(days=1), unique)) == 1
    time.sleep(2)  # for those in the queue
    assert platform.versions("processed", processed_key(day)) == versions


def test_a_deleted_object_is_built_again_by_a_notice(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    keys = [
        platform.put_raw(day, f"{unique}-{part}", [make_event(unique, number, day) for number in range(part, 9, 3)])
        for part in range(3)
    ]
    wait_until(lambda: len(rows_of(platform, day, unique)) >= 9)
    before, raw = processed(platform, day), [platform.stored("raw", key) for key in keys]
    platform.s3.delete_object(Bucket=platform.outputs["bucket_names"]["processed"], Key=processed_key(day))
    assert platform.processed_sales(day) is None

    platform.send("raw_objects", [platform.notice("raw", keys[1])])
    wait_until(lambda: platform.processed_sales(day) is not None)
    assert processed(platform, day).body == before.body
    assert processed(platform, day).metadata == before.metadata
    assert [platform.stored("raw", key) for key in keys] == raw


def test_a_raw_object_that_is_replaced_is_read_again(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    events = [make_event(unique, number, day) for number in range(3)]
    for content in (events[:1], events[:2], events[1:2], [events[1] | {"quantity": 7}]):
        platform.put_raw(day, unique, content)
        wanted = as_rows(platform, content)
        wait_until(lambda wanted=wanted: rows_of(platform, day, unique) == wanted)


# What is malformed or damaged


def test_malformed_events_hold_up_no_neighbour_and_all_are_accounted_for(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    wrong: list[dict[str, Any]] = [
        {"quantity": 0},
        {"unit_price": "2.55555"},
        {"event_time": f"{day} 08:26"},
        {"customer_id": 17850},
        {"currency": "gbp"},
        {"line": 0},
        {"country": "half \ud800"},
    ]
    good, bad = [], 0
    for part in range(4):  # several partition keys: several shards
        events: list[Event | bytes] = []
        for number in range(part * 50, part * 50 + 50):
            event = make_event(unique, number, day, quantity=1 + number)
            if number % 3 == 1:
                bad += 1
                broken = event | wrong[number % len(wrong)]
                events.append(json.dumps(broken).encode() if number % 2 else f"{{{unique} {number}".encode())
            else:
                good.append(event)
                events.append(event)
        platform.put_events(events, f"{unique}-{part}")

    wait_until(lambda: len(rows_of(platform, day, unique)) >= len(good))
    wait_until(lambda: len(platform.rejected_events(unique)) >= bad)
    assert rows_of(platform, day, unique) == as_rows(platform, good)
    assert (len(rows_of(platform, day, unique)), len(platform.rejected_events(unique))) == (200 - bad, bad)
    assert processed(platform, day).metadata["events"] == str(len(platform.processed_sales(day) or []))


def bad_notices(platform: Platform, unique: str, day: date) -> dict[str, Event | str]:
    """Kind → a message for `raw-objects` that must be refused, with `unique` in its text."""

    def of_key(key: Any) -> Event:
        return platform.notice("raw", key) | {"id": unique}

    good = of_key(f"sales_events/event_date={day}/{unique}.jsonl.gz")
    return {
        "no JSON": f"{unique} is no JSON",
        "no object": json.dumps([unique]),
        "another event": good | {"detail-type": "Object Deleted"},
        "another source": good | {"source": "stockroom"},
        "no detail": {name: value for name, value in good.items() if name != "detail"},
        "detail is text": good | {"detail": unique},
        "another bucket": platform.notice("processed", f"sales_events/event_date={day}/{unique}.jsonl.gz"),
        "rejected": of_key(f"rejected/sales_events/arrival_date={day}/{unique}.jsonl.gz"),
        "no date": of_key(f"sales_events/event_date=2010-02-30/{unique}.jsonl.gz"),
        "another suffix": of_key(f"sales_events/event_date={day}/{unique}.csv"),
        "a folder more": of_key(f"sales_events/event_date={day}/{unique}/x.jsonl.gz"),
        "a step up": of_key(f"sales_events/event_date={day}/../{unique}.jsonl.gz"),
        "key is a number": of_key(17),
        "nothing there": of_key(f"sales_events/event_date={NOBODYS_DAY}/{unique}.jsonl.gz"),
    }


def test_of_a_batch_only_what_is_no_notice_is_refused(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    key = platform.put_raw(day, unique, [make_event(unique, 0, day)])
    wait_until(lambda: rows_of(platform, day, unique))
    platform.s3.delete_object(Bucket=platform.outputs["bucket_names"]["processed"], Key=processed_key(day))

    good = as_queue_records([platform.notice("raw", key)] * 2)
    bad = as_queue_records(bad_notices(platform, unique, day).values())
    answer = platform.invoke("curate_sales", [*bad[:7], good[0], *bad[7:], good[1]])
    refused = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert sorted(refused) == sorted(record["messageId"] for record in bad)
    assert rows_of(platform, day, unique) == as_rows(platform, [make_event(unique, 0, day)])
    assert platform.processed_sales(NOBODYS_DAY) is None


@pytest.mark.flow("objects")
@pytest.mark.waits
def test_what_is_no_notice_becomes_a_dead_letter_and_its_neighbours_are_curated(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    days = [day, day + timedelta(days=1)]
    keys = [platform.put_raw(each, unique, [make_event(unique, 0, each)]) for each in days]
    for each in days:
        wait_until(lambda each=each: rows_of(platform, each, unique))
        platform.s3.delete_object(Bucket=platform.outputs["bucket_names"]["processed"], Key=processed_key(each))

    kinds = bad_notices(platform, unique, day)
    bad = [kinds[kind] for kind in ("no JSON", "another event", "rejected", "another bucket", "nothing there")]
    good = [platform.notice("raw", key) for key in keys]
    platform.send("raw_objects", [bad[0], good[0], *bad[1:], good[1]])
    for each in days:  # long before the others are given up
        wait_until(lambda each=each: rows_of(platform, each, unique), timeout=60)

    dead = await_dead_letters(platform, wait_until, unique, len(bad), "raw_objects")
    assert sorted(dead) == sorted(
        each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in bad
    )


@pytest.mark.flow("objects")
@pytest.mark.waits
def test_a_damaged_object_loses_nothing_and_is_curated_once_it_is_mended(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    healthy, *days = [day + timedelta(days=offset) for offset in range(6)]
    good = {each: make_event(unique, 0, each) for each in days}
    mended = {each: make_event(unique, 1, each) for each in days}
    packed = {each: gzip.compress(as_bytes(event) + b"\n") for each, event in mended.items()}
    damaged = dict(
        zip(
            days,
            [
                b"this is no gzip",
                packed[days[1]][:-12],
                gzip.compress(as_bytes(mended[days[2]])[:-20] + b"\n"),
                gzip.compress(as_bytes(make_event(unique, 1, healthy)) + b"\n"),
                gzip.compress(as_bytes(mended[days[4]] | {"quantity": "6"}) + b"\n"),
            ],
            strict=True,
        )
    )
    for each, event in good.items():
        platform.put_raw(each, f"{unique}-good", [event])
    for each in days:
        wait_until(lambda each=each: rows_of(platform, each, unique))
    before = {each: processed(platform, each) for each in days}

    keys = {each: platform.put_raw(each, f"{unique}-damaged", body) for each, body in damaged.items()}
    try:
        # A good event that comes now has to wait in its date, and only there.
        waiting = make_event(unique, 2, days[0])
        waiting_key = platform.put_raw(days[0], f"{unique}-waiting", [waiting])
        platform.put_raw(healthy, f"{unique}-healthy", [make_event(unique, 3, healthy)])
        wait_until(lambda: rows_of(platform, healthy, unique))

        dead = await_dead_letters(platform, wait_until, unique, len(damaged) + 1, "raw_objects")
        assert {json.loads(body)["detail"]["object"]["key"] for body in dead} == {*keys.values(), waiting_key}
        assert {each: processed(platform, each) for each in days} == before

        # Mended by a good object, whose own notice comes with it …
        for each in days[1:]:
            platform.put_raw(each, f"{unique}-damaged", [mended[each]])
            del keys[each]
    finally:  # … or taken away: nothing tells of that, but the dead letters do when they are sent again.
        for key in keys.values():
            platform.s3.delete_object(Bucket=platform.outputs["bucket_names"]["raw"], Key=key)
    platform.send("raw_objects", dead)
    wait_until(lambda: len(rows_of(platform, days[0], unique)) >= 2)
    assert rows_of(platform, days[0], unique) == as_rows(platform, [good[days[0]], waiting])
    for each in days[1:]:
        wait_until(lambda each=each: len(rows_of(platform, each, unique)) >= 2)
        assert rows_of(platform, each, unique) == as_rows(platform, [good[each], mended[each]])


@pytest.mark.flow("objects")
def test_dead_letters_that_are_moved_back_are_curated(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date, alone: Alone
) -> None:
    key = platform.put_raw(day, unique, [make_event(unique, 0, day)])
    wait_until(lambda: rows_of(platform, day, unique))
    before = processed(platform, day)
    platform.s3.delete_object(Bucket=platform.outputs["bucket_names"]["processed"], Key=processed_key(day))

    urls = [platform.outputs[kind]["raw_objects"] for kind in ("dead_letter_queue_urls", "queue_urls")]
    platform.sqs.send_message(QueueUrl=urls[0], MessageBody=json.dumps(platform.notice("raw", key)))
    dead, queue = (
        platform.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        for url in urls
    )
    with alone():  # it moves the dead letters of others, too
        platform.sqs.start_message_move_task(SourceArn=dead, DestinationArn=queue)
        wait_until(lambda: platform.processed_sales(day) is not None)
    assert processed(platform, day).body == before.body


def test_a_batch_of_which_one_object_cannot_be_stored_fails(platform: Platform, unique: str, day: date) -> None:
    good, bad = make_event(unique, 0, day), make_event(unique, 1, day, quantity=0)
    # So long a name that the key of the stored events has just the 1,024 characters of a key, and that of the
    # rejected ones has more: only this one can't be written.
    shard = unique + "x" * (976 - len(unique))
    with pytest.raises(AssertionError, match="KeyTooLong"):
        platform.invoke("capture_sales", as_kinesis_records([good, bad], shard))
    assert platform.rejected_events(unique) == []
    assert platform.invoke("capture_sales", as_kinesis_records([good], shard)) == {"batchItemFailures": []}
    assert platform.stored_events(day, unique) == [good]


# Many at once


def test_workers_side_by_side_on_one_date_lose_nothing(platform: Platform, unique: str, day: date) -> None:
    _ = platform.s3, platform.functions  # made once, before the threads want them
    workers, turns = 4, 3

    def work(worker: int) -> None:
        for turn in range(turns):
            number = worker * turns + turn
            key = platform.put_raw(day, f"{unique}-{number:02}", [make_event(unique, number, day)])
            curate(platform, key)
            # Whoever is done has its event in the file, and nobody else's work takes it out again.
            mine = {f"{unique}-{worker * turns + done}" for done in range(turn + 1)}
            assert mine <= {row["event_id"] for row in rows_of(platform, day, unique)}

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
    expected = as_rows(platform, [make_event(unique, number, day) for number in range(workers * turns)])
    assert rows_of(platform, day, unique) == expected


def test_many_small_objects_of_one_date(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    _ = platform.s3
    count = 80
    events = [make_event(unique, number, day, quantity=1 + number) for number in range(2 * count)]

    def put(number: int) -> None:  # each holds one event of its own, and one that another object holds as well
        own = [events[2 * number], events[2 * number + 1], events[2 * (number // 2)]]
        platform.put_raw(day, f"{unique}-{number:04}", own)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(count)))
    wait_until(lambda: len(rows_of(platform, day, unique)) >= len(events))
    assert rows_of(platform, day, unique) == as_rows(platform, events)


@pytest.mark.smoke
@pytest.mark.parametrize("function", ["curate_sales", "daily_sales"])
def test_an_empty_batch_is_fine(platform: Platform, function: str) -> None:
    assert platform.invoke(function, []) == {"batchItemFailures": []}
