"""Sales events: what is put on the stream is stored in the raw bucket, or rejected with its reason."""

from __future__ import annotations

import base64
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Platform

pytestmark = pytest.mark.flow("sales_events")

HOSTILE = [
    "Ünïcødé / 価格 / 🛒👩‍👩‍👧",
    "\u202eright to left\u202c and \u2028 and \u2029 and \u0085 and \ufeff",
    "line\nbreak\r\nand\ttab",
    "\x00\x01\x1b[31m",
    "'); DROP TABLE orders;--",
    '"quoted", with \\ backslash',
    "=HYPERLINK(0) ${jndi:ldap://x} {{7*7}} <script>alert(1)</script> %s%n",
    "../../../../etc/passwd",
    "",
    " " * 1000,
    "null",
    "e\u0301" * 5000,
]


def make_event(order_id: str, number: int, day: date, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": f"{order_id}-{number}",
        "event_time": f"{day}T08:26:{number % 60:02}Z",
        "order_id": order_id,
        "line": number + 1,
        "product_id": f"{order_id}-product",
        "description": "WHITE HANGING HEART",
        "quantity": 6,
        "unit_price": "2.55",
        "currency": "GBP",
        "customer_id": None,
        "store_id": "online",
        "country": "United Kingdom",
    } | changes


def as_kinesis_records(events: list[dict[str, Any]], shard: str) -> list[dict[str, Any]]:
    """What Lambda hands to a function: `events` on a shard, with sequence numbers from 1 on."""
    return [
        {
            "eventID": f"{shard}:{number}",
            "eventSource": "aws:kinesis",
            "kinesis": {
                "partitionKey": "x",
                "sequenceNumber": str(number),
                "data": base64.b64encode(json.dumps(event).encode()).decode(),
                "approximateArrivalTimestamp": time.time(),
            },
        }
        for number, event in enumerate(events, 1)
    ]


def by_id(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(events, key=lambda event: str(event["event_id"]))


def test_an_event_is_stored_once_under_its_date(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    event = make_event(unique, 0, day, customer_id="17850", future_field={"kept": [1, 2.50, None]})
    platform.put_events([event], unique)
    assert wait_until(lambda: platform.stored_events(day, unique)) == [event]
    time.sleep(2)  # a second copy would come with the next batches
    assert platform.stored_events(day, unique) == [event]
    (key,) = [key for key, lines in platform.objects(f"sales_events/event_date={day}/").items() if event in lines]
    assert re.fullmatch(rf"sales_events/event_date={day}/shardId-\d{{12}}-\d+-\d+\.jsonl\.gz", key)


def test_malformed_events_are_rejected_with_their_reason_and_their_neighbours_stored(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    good = [make_event(unique, number, day) for number in range(4)]
    no_price = {name: value for name, value in make_event(unique, 5, day).items() if name != "unit_price"}
    zero = make_event(unique, 6, day, quantity=True)
    broken = f"{{{unique} is no JSON".encode()
    binary = b"\xff\xfe\x00" + unique.encode()
    platform.put_events([good[0], no_price, good[1], broken, good[2], zero, binary, good[3]], unique)

    wait_until(lambda: len(platform.stored_events(day, unique)) >= 4)
    assert by_id(platform.stored_events(day, unique)) == good
    encoded = base64.b64encode(binary).decode()
    rejected = wait_until(
        lambda: len(found := platform.rejected_events(unique) + platform.rejected_events(encoded)) >= 4 and found
    )
    assert sorted((line["reason"], line["data"], line["encoding"]) for line in rejected) == sorted(
        [
            ("unit_price is missing", json.dumps(no_price, ensure_ascii=False), "utf-8"),
            ("event is not JSON", broken.decode(), "utf-8"),
            ("quantity is not a whole number", json.dumps(zero, ensure_ascii=False), "utf-8"),
            ("event is not UTF-8", encoded, "base64"),
        ]
    )
    assert all(line["sequence_number"].isdigit() for line in rejected)


def test_late_and_disordered_events_go_to_their_own_dates(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    days = [day, day - timedelta(days=400), day + timedelta(days=1), day, day - timedelta(days=1)]
    events = [make_event(unique, number, each) for number, each in enumerate(days)]
    platform.put_events(events, unique)
    for each in set(days):
        expected = [event for event in events if event["event_time"].startswith(str(each))]
        wait_until(lambda each=each, expected=expected: len(platform.stored_events(each, unique)) >= len(expected))
        assert by_id(platform.stored_events(each, unique)) == expected


def test_hostile_text_is_stored_as_it_was_sent(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    events = [
        make_event(unique, number, day, event_id=f"{unique}-{number:02}", description=text)
        for number, text in enumerate(HOSTILE)
    ]
    events += [
        make_event(unique, 90, day, event_id=f"{unique}-90", country="Österreich 🇦🇹", product_id="../ä/'\"%2e"),
        make_event(unique, 91, day, event_id=f"{unique}-91", description="x" * 900_000),
    ]
    platform.put_events(events, unique)
    wait_until(lambda: len(platform.stored_events(day, unique)) >= len(events))
    assert by_id(platform.stored_events(day, unique)) == events


def test_a_mixed_load_comes_out_as_it_went_in(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    wrong: list[dict[str, Any]] = [
        {"quantity": "6"},
        {"unit_price": 2.55},
        {"event_time": "yesterday"},
        {"store_id": None},
    ]
    sent: Counter[str] = Counter()
    for part in range(6):  # several partition keys: several shards
        events = []
        for number in range(part * 100, part * 100 + 100):
            malformed = number % 7 == 3
            events.append(make_event(unique, number, day, **(wrong[number % 4] if malformed else {})))
            sent["rejected" if malformed else "stored"] += 1
        platform.put_events(events, f"{unique}-{part}")

    def came_out() -> Counter[str]:
        return Counter(stored=len(platform.stored_events(day, unique)), rejected=len(platform.rejected_events(unique)))

    wait_until(lambda: came_out().total() >= sent.total())
    time.sleep(2)
    assert came_out() == sent
    ids = {event["event_id"] for event in platform.stored_events(day, unique)}
    ids |= {json.loads(line["data"])["event_id"] for line in platform.rejected_events(unique)}
    assert ids == {f"{unique}-{number}" for number in range(600)}


def test_a_batch_delivered_again_writes_the_same_object(platform: Platform, unique: str, day: date) -> None:
    events = [make_event(unique, number, day + timedelta(days=number % 2)) for number in range(10)]
    records = as_kinesis_records(events, f"shardId-{unique}")
    for _ in range(3):
        assert platform.invoke("capture_sales", records) == {"batchItemFailures": []}
    for each in (day, day + timedelta(days=1)):
        assert by_id(platform.stored_events(each, unique)) == [
            event for event in events if event["event_time"].startswith(str(each))
        ]


@pytest.mark.smoke
@pytest.mark.parametrize(
    "function", ["capture_sales", pytest.param("process_orders", marks=pytest.mark.flow("orders"))]
)
def test_an_empty_batch_is_fine(platform: Platform, function: str) -> None:
    assert platform.invoke(function, []) == {"batchItemFailures": []}
