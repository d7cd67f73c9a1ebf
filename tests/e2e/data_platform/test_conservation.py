"""Conservation: what goes in is what comes out, record by record and to the last digit, whatever is mixed into it."""

from __future__ import annotations

import base64
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.data_platform.dead_letters import await_dead_letters
from tests.e2e.data_platform.platform import as_bytes
from tests.e2e.data_platform.test_orders import FINAL
from tests.e2e.data_platform.totals import read_totals, totals_of

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Event, Platform

pytestmark = pytest.mark.flow("orders")

Sums = dict[str, tuple[int, Decimal]]  # day → units and revenue

STOCK = 100_000
PLACES = [("online", "United Kingdom", "GBP"), ("shop-1", "Österreich", "EUR"), ("shop-2", "Malta", "EUR")]
PRICES = ["0.0001", "0.42", "2.55", "19.99", "1250", "999999999.9999"]


@dataclass(frozen=True)
class Trade:
    """Orders and returns of some days, the latest of them late by more than a year."""

    orders: list[Event]
    nowhere: str  # a product that is never in stock: who orders it waits
    products: list[str]

    @property
    def days(self) -> list[str]:
        return sorted({order["order_time"][:10] for order in self.orders})

    @property
    def events(self) -> list[Event]:
        """The same trade as sales events: one for each line."""
        return [
            {
                "event_id": f"{order['order_id']}-{line['line']}",
                "event_time": order["order_time"],
                "order_id": order["order_id"],
                "line": line["line"],
                "product_id": line["product_id"],
                "description": "WHITE HANGING HEART",
                "quantity": line["quantity"],
                "unit_price": line["unit_price"],
                "currency": order["currency"],
                "customer_id": order["customer_id"],
                "store_id": order["store_id"],
                "country": order["country"],
            }
            for order in self.orders
            for line in order["lines"]
        ]

    def outcome(self, order: Event) -> str:
        """The status in which the order must end."""
        if order["order_id"].startswith("C"):
            return "returned"
        waits = any(line["product_id"] == self.nowhere for line in order["lines"])
        return "backordered" if waits else "fulfilled"


def make_trade(unique: str, day: date, orders: int, backorders: bool = True) -> Trade:
    """The same trade for the same word. About every eighth order is a return, and every tenth waits for its stock."""
    chance = random.Random(unique)
    products, nowhere = [f"{unique}-product-{number}" for number in range(12)], f"{unique}-nowhere"
    days = [day, day, day, day - timedelta(days=1), day - timedelta(days=400)]
    made = []
    for number in range(orders):
        returned = chance.random() < 0.12
        chosen = chance.sample(products, chance.randint(1, 4))
        if backorders and not returned and chance.random() < 0.1:
            chosen.append(nowhere)
        store_id, country, currency = chance.choice(PLACES)
        made.append(
            {
                "order_id": f"{'C' if returned else ''}{unique}-{number:03}",
                "order_time": f"{chance.choice(days)}T{chance.randrange(24):02}:{chance.randrange(60):02}:00Z",
                "customer_id": chance.choice([None, "17850", f"{unique}-customer"]),
                "store_id": store_id,
                "country": country,
                "currency": currency,
                "lines": [
                    {
                        "line": line,
                        "product_id": product_id,
                        "quantity": chance.randint(1, 40) * (-1 if returned else 1),
                        "unit_price": chance.choice(PRICES),
                    }
                    for line, product_id in enumerate(chosen, 1)
                ],
            }
        )
    return Trade(made, nowhere, products)


def repeated(sent: list[Any], every: int) -> list[Any]:
    """What comes a second time: each `every`th; of these again some a third time."""
    return [*sent[::every], *sent[:: every * every]]


def malformed_events(trade: Trade) -> list[bytes]:
    """Records that are no sales events, each in its own way; some are not even text."""
    changes: list[dict[str, Any]] = [
        {"quantity": 0},
        {"unit_price": 2.55},
        {"event_time": "yesterday"},
        {"store_id": ""},
        {"currency": None},
        {"line": True},
    ]
    bad = [as_bytes(event | changes[number % 6]) for number, event in enumerate(trade.events[::6])]
    broken = [as_bytes(event)[:-1] for event in trade.events[3::40]]
    return [*bad, *broken, *(b"\xff" + as_bytes(event) for event in trade.events[5::60])]


def malformed_orders(trade: Trade) -> list[str]:
    """Messages that are no orders, and orders of a product that there is not; under ids that no order has."""
    some = [order | {"order_id": f"{order['order_id']}-bad"} for order in trade.orders]
    changes: list[dict[str, Any]] = [
        {"lines": []},
        {"currency": "pounds"},
        {"order_time": "yesterday"},
        {"country": "\x00"},
    ]
    bad = [json.dumps(order | changes[number % 4]) for number, order in enumerate(some[::8])]
    unknown = {"product_id": f"{trade.nowhere}-else"}
    bad += [json.dumps(order | {"lines": [order["lines"][0] | unknown]}) for order in some[2::30]]
    return [*bad, *(json.dumps(order)[:-1] for order in some[4::30])]


def put_shuffled(platform: Platform, unique: str, records: list[bytes], partition_keys: int = 5) -> None:
    """Put the records on several shards, in an order that has nothing to do with their days."""
    chance = random.Random(unique)
    mixed = chance.sample(records, len(records))
    for part in range(partition_keys):
        platform.put_events(mixed[part::partition_keys], f"{unique}-{part}")


def raw_events(platform: Platform, trade: Trade) -> list[Event]:
    """The trade's events in the raw bucket, as often as they are there."""
    ids = {event["event_id"] for event in trade.events}
    return [
        event
        for day in trade.days
        for lines in platform.objects(f"sales_events/event_date={day}/").values()
        for event in lines
        if event["event_id"] in ids
    ]


def processed_rows(platform: Platform, trade: Trade) -> list[Event]:
    ids = {event["event_id"] for event in trade.events}
    days = [date.fromisoformat(day) for day in trade.days]
    return [row for day in days for row in platform.processed_sales(day) or [] if row["event_id"] in ids]


def curated_rows(platform: Platform, trade: Trade) -> list[Event]:
    products = {*trade.products, trade.nowhere}
    days = [date.fromisoformat(day) for day in trade.days]
    return [row for day in days for row in platform.daily_sales(day) or [] if row["product_id"] in products]


def expected_rows(events: Iterable[Event]) -> list[Event]:
    """The daily sales that the events make, worked out one event at a time."""
    totals: dict[tuple[str, ...], list[Decimal]] = {}
    for event in events:
        names = ("event_time", "store_id", "product_id", "country", "currency")
        day, *others = (event[name] for name in names)
        row = totals.setdefault((day[:10], *others), [Decimal()] * 4)
        units, amount = Decimal(event["quantity"]), event["quantity"] * Decimal(event["unit_price"])
        for place, value in enumerate((units, amount) if units > 0 else (-units, -amount)):
            row[place + (0 if units > 0 else 2)] += value
    return [
        {
            "sale_date": date.fromisoformat(day),
            "store_id": store_id,
            "product_id": product_id,
            "country": country,
            "currency": currency,
            "units_sold": int(sold),
            "units_returned": int(back),
            "sales": sales,
            "returns": returns,
            "revenue": sales - returns,
        }
        for (day, store_id, product_id, country, currency), (sold, sales, back, returns) in sorted(totals.items())
    ]


def sums(lines: Iterable[tuple[str, int, Decimal]]) -> Sums:
    """Units and revenue by day of (day, units, revenue)."""
    found: Sums = {}
    for day, units, revenue in lines:
        before = found.get(day, (0, Decimal()))
        found[day] = (before[0] + int(units), before[1] + revenue)
    return found


def sums_of_events(events: Iterable[Event]) -> Sums:
    return sums(
        (str(event["event_time"])[:10], event["quantity"], event["quantity"] * Decimal(event["unit_price"]))
        for event in events
    )


def wait_for(read: Callable[[], Any], expected: object, timeout: float = 120) -> None:
    """Read again until it is as expected; fails with the difference after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while (found := read()) != expected and time.monotonic() < deadline:
        time.sleep(0.5)
    assert found == expected


def as_text(events: Iterable[Event]) -> Counter[str]:
    return Counter(json.dumps(event, sort_keys=True) for event in events)


@pytest.mark.flow("sales_events", "objects")
def test_of_sales_events_each_is_stored_or_rejected_and_every_sum_is_theirs(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    trade = make_trade(unique, day, 130)
    valid = [*trade.events, *repeated(trade.events, 5)]
    bad = malformed_events(trade)
    assert len(valid) + len(bad) > 400
    put_shuffled(platform, unique, [*map(as_bytes, valid), *bad])

    wait_until(lambda: len(raw_events(platform, trade)) >= len(valid))
    assert as_text(raw_events(platform, trade)) == as_text(valid)

    def rejected() -> list[bytes]:
        no_text = [base64.b64encode(data).decode() for data in bad if data.startswith(b"\xff")]
        lines = platform.rejected_events(unique) + [line for text in no_text for line in platform.rejected_events(text)]
        return [
            base64.b64decode(line["data"]) if line["encoding"] == "base64" else line["data"].encode() for line in lines
        ]

    wait_until(lambda: len(rejected()) >= len(bad))
    assert Counter(rejected()) == Counter(bad)

    wait_until(lambda: len(processed_rows(platform, trade)) >= len(trade.events))
    processed = processed_rows(platform, trade)
    assert Counter(row["event_id"] for row in processed) == Counter(event["event_id"] for event in trade.events)
    assert sums_of_events(processed) == sums_of_events(trade.events)

    expected = expected_rows(trade.events)
    wait_for(lambda: curated_rows(platform, trade), expected)


@pytest.mark.waits
def test_of_orders_each_is_stored_or_a_dead_letter_and_every_sum_is_theirs(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    trade = make_trade(unique, day, 200)
    platform.set_stock({**dict.fromkeys(trade.products, STOCK), trade.nowhere: 0})
    bad, again = malformed_orders(trade), repeated(trade.orders, 6)
    messages = [*map(json.dumps, [*trade.orders, *again])]
    platform.send_orders([*bad, *random.Random(unique).sample(messages, len(messages))])
    assert len(bad) + len(messages) > 260

    for order in trade.orders:
        wait_until(lambda order=order: platform.status(order["order_id"]) in FINAL)
    dead = await_dead_letters(platform, wait_until, unique, len(bad))
    assert Counter(dead) == Counter(bad)
    assert not any(platform.order(f"{order['order_id']}-bad") for order in trade.orders)

    stored = [platform.order(order["order_id"]) or {} for order in trade.orders]
    assert len(bad) + len(messages) == len(stored) + len(again) + len(dead)
    outcomes = [(order, trade.outcome(order)) for order in trade.orders]
    assert [each["status"] for each in stored] == [outcome for _, outcome in outcomes]
    assert [(each["units"], each["revenue"]) for each in stored] == [
        (
            sum(line["quantity"] for line in order["lines"]),
            sum(line["quantity"] * Decimal(line["unit_price"]) for line in order["lines"]),
        )
        for order in trade.orders
    ]

    left = {**dict.fromkeys(trade.products, STOCK), trade.nowhere: 0}
    for order, outcome in outcomes:
        for line in order["lines"] if outcome != "backordered" else []:
            left[line["product_id"]] -= line["quantity"]
    assert platform.stock(left) == left

    expected = totals_of(outcomes)
    wait_for(lambda: read_totals(platform, trade.orders), expected)


def sums_everywhere(platform: Platform, trade: Trade) -> dict[str, Sums]:
    """Units and revenue of each day, as every place has them."""
    raw = {event["event_id"]: event for event in raw_events(platform, trade)}
    curated = curated_rows(platform, trade)
    orders = [platform.order(order["order_id"]) for order in trade.orders]
    totals = read_totals(platform, trade.orders)
    return {
        "raw": sums_of_events(raw.values()),
        "processed": sums_of_events(processed_rows(platform, trade)),
        "curated": sums(
            (str(row["sale_date"]), row["units_sold"] - row["units_returned"], row["revenue"]) for row in curated
        ),
        "orders": sums((order["order_date"], order["units"], order["revenue"]) for order in orders if order),
        "daily_totals": {
            key: (int(total["units"]), total["revenue"]) for (of, key), total in totals.items() if of == "day"
        },
    }


PLACES_OF_SUMS = ("raw", "processed", "curated", "orders", "daily_totals")


@pytest.mark.flow("orders", "sales_events", "objects")
def test_one_trade_through_both_entrances_is_the_same_everywhere_also_when_all_comes_again(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    trade = make_trade(unique, day, 60, backorders=False)
    platform.set_stock(dict.fromkeys(trade.products, STOCK))
    put_shuffled(platform, unique, [as_bytes(event) for event in trade.events])
    platform.send_orders(trade.orders)
    expected = dict.fromkeys(PLACES_OF_SUMS, sums_of_events(trade.events))
    wait_for(lambda: sums_everywhere(platform, trade), expected)

    # All of it again, and one order more: when that is everywhere, so is what came again.
    more = trade.orders[0] | {"order_id": f"{unique}-more", "order_time": f"{day}T00:00:00Z"}
    more["lines"] = [line | {"quantity": 1} for line in more["lines"]]
    longer = Trade([*trade.orders, more], trade.nowhere, trade.products)
    put_shuffled(platform, f"{unique}-again", [as_bytes(event) for event in longer.events])
    platform.send_orders(longer.orders)
    count = len(trade.events) + len(longer.events)
    wait_until(lambda: len(raw_events(platform, longer)) >= count)
    assert len(raw_events(platform, longer)) == count
    expected = dict.fromkeys(PLACES_OF_SUMS, sums_of_events(longer.events))
    wait_for(lambda: sums_everywhere(platform, longer), expected)

    messages = len(trade.orders) + len(longer.orders)

    def processed_messages() -> int:
        logged = platform.log_records("process_orders", unique)
        return sum(record["message"] == "order processed" for record in logged)

    wait_until(lambda: processed_messages() >= messages)
    assert sums_everywhere(platform, longer) == expected
    assert read_totals(platform, longer.orders) == totals_of((order, longer.outcome(order)) for order in longer.orders)


@pytest.mark.parametrize("workers", [2, 6])
def test_workers_side_by_side_neither_lose_an_order_nor_count_one_twice(
    platform: Platform, unique: str, day: date, workers: int
) -> None:
    """Each worker has all of the orders, in an order of its own."""
    trade = make_trade(unique, day, 20)
    platform.set_stock({**dict.fromkeys(trade.products, STOCK), trade.nowhere: 0})
    bodies = [json.dumps(order) for order in trade.orders]
    batches = [
        [
            {"messageId": f"{unique}-{worker}-{number}", "body": body, "attributes": {}, "eventSource": "aws:sqs"}
            for number, body in enumerate(random.Random(worker).sample(bodies, len(bodies)))
        ]
        for worker in range(workers)
    ]
    platform.deliver_side_by_side("process_orders", batches)
    outcomes = [(order, trade.outcome(order)) for order in trade.orders]
    assert [platform.status(order["order_id"]) for order in trade.orders] == [outcome for _, outcome in outcomes]
    expected = totals_of(outcomes)
    wait_for(lambda: read_totals(platform, trade.orders), expected)
    sold = Counter[str]()
    for order, outcome in outcomes:
        for line in order["lines"] if outcome != "backordered" else []:
            sold[line["product_id"]] += line["quantity"]
    assert platform.stock(trade.products) == {product: STOCK - sold[product] for product in trade.products}
