"""Limits: what is just as large as allowed goes through whole, and what is larger is refused with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.data_platform.test_orders import FINAL, as_sqs_records, make_order, products
from tests.e2e.data_platform.test_sales_events import by_id, make_event
from tests.e2e.data_platform.totals import read_totals, totals_of

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Event, Platform

pytestmark = pytest.mark.flow("orders")

MIB = 1024 * 1024
LARGEST_ORDER = 330 * 1024  # bytes of the product ids, and 70 a line
LARGEST_QUANTITY = 2**31 - 1
LARGEST_PRICE = "999999999.9999"

# What fields hold at their worst: (field, value, reason) by kind, the same in sales events and in orders.
_IDENTIFIER = "is not an identifier of 1 to 128 characters"
_PRICE = "is not a decimal string with at most 4 decimals"
_NUMBER = "is not a whole number"
_TIME = "is not an ISO 8601 time in UTC (…Z)"
WRONG: dict[str, list[tuple[str, Any, str]]] = {
    "identifiers": [
        (field, value, _IDENTIFIER)
        for field in ("product_id", "store_id", "country", "customer_id")
        for value in ("", "\x00", "tab\there", "line\nbreak", "\x1f", "\x7f", "half \ud83d", "x" * 129, 7, ["x"])
    ],
    "prices": [
        ("unit_price", value, _PRICE)
        for value in (
            "1000000000", "0.00001", "-1", "+1", "", ".5", "1.", "1e3", "1,5", " 1", "1\n", "٣", "NaN", 1, 2.55, None
        )
    ],
    "quantities": [
        *(("quantity", value, "is out of range") for value in (2**31, -(2**31), 10**400)),
        *(("quantity", value, _NUMBER) for value in (1.0, "1", "", None, False)),
        ("quantity", 0, "is zero"),
    ],
    "lines": [
        *(("line", value, "is out of range") for value in (0, -1, 2**31)),
        *(("line", value, _NUMBER) for value in (1.5, "1", None, True)),
    ],
    "currencies": [
        ("currency", value, "is not a 3-letter code")
        for value in ("", "gbp", "EURO", "GB", "GBP\n", "GB\x00", "£££", 826)
    ],
    "times": [
        *(("time", value, _TIME) for value in ("", "2010-12-01", "2010-12-01T08:26:00+00:00", "2010-12-01 08:26:00Z")),
        *(("time", value, _TIME) for value in ("2010-12-01T08:26:00.1234567Z", "2010-12-01T08:26:00Z\n", 1291191960)),
        ("time", "2010-02-30T08:26:00Z", "is not a date and time that exists"),
        ("time", "0000-01-01T08:26:00Z", "is not a date and time that exists"),
        ("time", "2010-12-01T24:26:00Z", "is not a date and time that exists"),
    ],
}  # fmt: skip


def refused_by(service: Callable[[], object]) -> str:
    """The code with which the service refuses a call."""
    with pytest.raises(ClientError) as refusal:
        service()
    return str(refusal.value.response["Error"]["Code"])


# Messages of the queue


def test_a_message_of_the_largest_size_is_processed(
    platform: Platform, wait_until: Callable[..., Any], unique: str
) -> None:
    platform.set_stock({unique: 5})
    largest = largest_message(platform)
    text = json.dumps(make_order(unique, {unique: 2}))
    platform.sqs.send_message(
        QueueUrl=platform.outputs["queue_urls"]["orders"], MessageBody=text + " " * (largest - len(text))
    )
    wait_until(lambda: platform.status(unique) in FINAL)
    assert platform.status(unique) == "fulfilled"
    assert platform.stock([unique]) == {unique: 3}


def test_a_message_of_one_byte_more_is_refused_by_the_queue(platform: Platform, unique: str) -> None:
    text = json.dumps(make_order(unique, {unique: 2}))
    body = text + " " * (largest_message(platform) + 1 - len(text))
    url = platform.outputs["queue_urls"]["orders"]
    codes = {"InvalidParameterValue", "InvalidMessageContents", "MessageTooLong"}
    assert refused_by(lambda: platform.sqs.send_message(QueueUrl=url, MessageBody=body)) in codes


def test_ten_messages_that_are_too_large_together_are_refused_by_the_queue(platform: Platform, unique: str) -> None:
    body = json.dumps(make_order(unique, {unique: 2}))
    padded = body + " " * (MIB // 10 + 1 - len(body))
    entries = [{"Id": str(number), "MessageBody": padded} for number in range(10)]
    url = platform.outputs["queue_urls"]["orders"]
    code = refused_by(lambda: platform.sqs.send_message_batch(QueueUrl=url, Entries=entries))
    assert code.removeprefix("AWS.SimpleQueueService.") == "BatchRequestTooLong"


def largest_message(platform: Platform) -> int:
    """Bytes; SQS had 256 KiB for long, and takes more by now."""
    found = platform.sqs.get_queue_attributes(
        QueueUrl=platform.outputs["queue_urls"]["orders"], AttributeNames=["MaximumMessageSize"]
    )["Attributes"]["MaximumMessageSize"]
    assert int(found) in {256 * 1024, MIB}
    return int(found)


# Orders


@pytest.mark.parametrize("lines", [1, 98, 99, 100, 600])
def test_an_order_of_this_many_products_is_fulfilled_and_counted_once(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date, lines: int
) -> None:
    """A transaction takes 100 items: an order and its stocks, or an entry of the ledger, a day and products."""
    wanted = products(unique, lines, 2)
    platform.set_stock(dict.fromkeys(wanted, 5))
    order = make_order(unique, wanted, order_time=f"{day}T10:00:00Z")
    platform.send_orders([order])
    wait_until(lambda: platform.status(unique) in FINAL)
    assert platform.status(unique) == "fulfilled"
    assert platform.stock(wanted) == dict.fromkeys(wanted, 3)
    expected = totals_of([(order, "fulfilled")])
    wait_until(lambda: len(read_totals(platform, [order])) == len(expected))
    assert read_totals(platform, [order]) == expected


def order_of_size(unique: str, size: int) -> dict[str, Any]:
    """An order of few products and many lines whose ids and lines make up `size` bytes, with the largest numbers."""
    ids = [f"{unique}-{number}" for number in range(9)]
    usual = 70 + len(ids[0])
    names = [ids[number % len(ids)] for number in range(size // usual - 1)]
    names.append(f"{unique}-x".ljust(size - len(names) * usual - 70, "x"))
    assert sum(70 + len(name) for name in names) == size
    lines = [
        {"line": 2**31 - 1 - number, "product_id": name, "quantity": LARGEST_QUANTITY, "unit_price": LARGEST_PRICE}
        for number, name in enumerate(names)
    ]
    return make_order(unique, {}) | {"lines": lines}


def test_the_largest_order_fits_into_the_table_and_is_counted(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    order = order_of_size(unique, LARGEST_ORDER) | {"order_time": f"{day}T10:00:00Z"}
    by_product: dict[str, int] = {}
    for line in order["lines"]:
        by_product[line["product_id"]] = by_product.get(line["product_id"], 0) + line["quantity"]
    platform.set_stock({product_id: units + 1 for product_id, units in by_product.items()})
    assert platform.invoke("process_orders", as_sqs_records(order)) == {"batchItemFailures": []}
    stored = platform.order(unique)
    assert stored is not None
    assert (stored["status"], len(stored["lines"])) == ("fulfilled", len(order["lines"]))
    units = sum(by_product.values())
    assert (stored["units"], stored["revenue"]) == (units, units * Decimal(LARGEST_PRICE))
    assert platform.stock(by_product) == dict.fromkeys(by_product, 1)
    total = wait_until(lambda: platform.item("daily_totals", order_date=str(day)))
    assert (total["orders"], total["units"], total["revenue"]) == (1, units, units * Decimal(LARGEST_PRICE))


def refused_orders(
    platform: Platform, wait_until: Callable[..., Any], unique: str, orders: list[dict[str, Any]]
) -> list[str]:
    """Hand the orders over in one batch, of which every one is refused; their reasons, as logged, in their order."""
    ids = [f"{unique}-message-{number}" for number in range(len(orders))]
    records = [
        record | {"messageId": message_id, "body": json.dumps(order)}  # ASCII, as half a character has no UTF-8
        for message_id, record, order in zip(ids, as_sqs_records(*orders), orders, strict=True)
    ]
    answer = platform.invoke("process_orders", records)
    assert sorted(failure["itemIdentifier"] for failure in answer["batchItemFailures"]) == sorted(ids)

    def logged() -> dict[str, str]:
        found = platform.log_records("process_orders", unique)
        return {record["message_id"]: record["reason"] for record in found if "reason" in record}

    found: dict[str, str] = wait_until(lambda: len(each := logged()) >= len(ids) and each, timeout=30)
    return [found[message_id] for message_id in ids]


def test_an_order_of_one_byte_more_is_refused_with_its_reason(
    platform: Platform, wait_until: Callable[..., Any], unique: str
) -> None:
    order = order_of_size(unique, LARGEST_ORDER + 1)
    stock = {line["product_id"]: 2**50 for line in order["lines"]}
    platform.set_stock(stock)
    assert refused_orders(platform, wait_until, unique, [order]) == ["lines is larger than one DynamoDB item"]
    assert platform.order(unique) is None
    assert platform.stock(stock) == stock


@pytest.mark.parametrize("kind", WRONG)
def test_an_order_beyond_a_bound_is_refused_with_its_reason(
    platform: Platform, wait_until: Callable[..., Any], unique: str, kind: str
) -> None:
    platform.set_stock({unique: 5})
    orders, expected = [], []
    for number, (field, value, reason) in enumerate(WRONG[kind]):
        order = make_order(f"{unique}-{number}", {unique: 1})
        name = {"time": "order_time"}.get(field, field)
        (order["lines"][0] if field in order["lines"][0] else order)[name] = value
        orders.append(order)
        expected.append(f"{name} {reason}")
    assert refused_orders(platform, wait_until, unique, orders) == expected
    assert [platform.order(order["order_id"]) for order in orders] == [None] * len(orders)
    assert platform.stock([unique]) == {unique: 5}


@pytest.mark.parametrize("order_id", ["", "\x00", "a\nb", "\x7f", "x" * 129, 7, None])
def test_an_order_without_a_proper_id_is_refused_with_its_reason(
    platform: Platform, wait_until: Callable[..., Any], unique: str, order_id: Any
) -> None:
    platform.set_stock({unique: 5})
    order = make_order(unique, {unique: 1}) | {"order_id": order_id}
    assert refused_orders(platform, wait_until, unique, [order]) == [f"order_id {_IDENTIFIER}"]
    assert platform.stock([unique]) == {unique: 5}


def test_orders_at_their_bounds_are_counted_to_the_last_digit(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    cases = [
        ("", LARGEST_QUANTITY, LARGEST_PRICE),
        ("", LARGEST_QUANTITY, "0.0001"),
        ("", 1, "0.0001"),
        ("", 1, "0"),
        ("", 1, "000000001.5000"),
        ("C", -LARGEST_QUANTITY, LARGEST_PRICE),
        ("C", -1, "0.0003"),
    ]
    wide = f"{unique}-".ljust(128, "価")  # 128 characters, not bytes
    platform.set_stock({wide: 3 * LARGEST_QUANTITY})
    orders = [
        make_order(f"{kind}{unique}-{number}", {wide: quantity}, price, order_time=f"{day}T23:59:59.999999Z")
        for number, (kind, quantity, price) in enumerate(cases)
    ]
    platform.send_orders(orders)
    for order in orders:
        wait_until(lambda order=order: platform.status(order["order_id"]) in FINAL)
    amounts = [quantity * Decimal(price) for _, quantity, price in cases]
    assert [(platform.order(order["order_id"]) or {}).get("revenue") for order in orders] == amounts
    units = sum(quantity for _, quantity, _ in cases)
    assert platform.stock([wide]) == {wide: 3 * LARGEST_QUANTITY - units}

    def counted() -> bool:
        total = platform.item("daily_totals", order_date=str(day)) or {}
        return bool(total.get("orders", 0) + total.get("returns", 0) >= len(cases))

    wait_until(counted)
    numbers = {"orders": 5, "returns": 2, "units": units, "revenue": sum(amounts)}
    assert platform.item("daily_totals", order_date=str(day)) == {"order_date": str(day), "backorders": 0} | numbers
    assert platform.item("product_totals", product_id=wide) == {"product_id": wide} | numbers


# Sales events


@pytest.mark.flow("sales_events")
@pytest.mark.parametrize("kind", WRONG)
def test_a_sales_event_beyond_a_bound_is_rejected_with_its_reason(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date, kind: str
) -> None:
    expected = {}
    for number, (field, value, reason) in enumerate(WRONG[kind]):
        name = {"time": "event_time"}.get(field, field)
        expected[json.dumps(make_event(unique, number, day) | {name: value})] = f"{name} {reason}"
    good = make_event(unique, len(expected), day)
    platform.put_events([*(text.encode() for text in expected), good], unique)
    rejected = wait_until(lambda: len(found := platform.rejected_events(unique)) >= len(expected) and found)
    assert {line["data"]: line["reason"] for line in rejected} == expected
    assert len(rejected) == len(expected)
    wait_until(lambda: platform.stored_events(day, unique) == [good])


@pytest.mark.flow("sales_events")
def test_sales_events_at_their_bounds_are_summed_to_the_last_digit(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    cases = [
        (LARGEST_QUANTITY, LARGEST_PRICE),
        (LARGEST_QUANTITY, LARGEST_PRICE),
        (LARGEST_QUANTITY, "0.0001"),
        (-LARGEST_QUANTITY, LARGEST_PRICE),
        (1, "0"),
        (-1, "0.0003"),
    ]
    wide = f"{unique}-".ljust(128, "価")
    events = [
        make_event(unique, number, day, quantity=quantity, unit_price=price, product_id=wide, line=LARGEST_QUANTITY)
        for number, (quantity, price) in enumerate(cases)
    ]
    platform.put_events(events, unique)

    def mine(rows: list[Event] | None) -> list[Event]:
        return [row for row in rows or [] if row["product_id"] == wide]

    wait_until(lambda: len(mine(platform.processed_sales(day))) >= len(cases))
    rows = sorted(mine(platform.processed_sales(day)), key=lambda row: str(row["event_id"]))
    assert [(row["quantity"], row["unit_price"]) for row in rows] == [(units, Decimal(price)) for units, price in cases]
    sold = sum((units * Decimal(price) for units, price in cases if units > 0), Decimal())
    returned = -sum((units * Decimal(price) for units, price in cases if units < 0), Decimal())
    units_sold = sum(units for units, _ in cases if units > 0)
    wait_until(lambda: [row["units_sold"] for row in mine(platform.daily_sales(day))] == [units_sold])
    (row,) = mine(platform.daily_sales(day))
    assert (row["units_returned"], row["sales"], row["returns"], row["revenue"]) == (
        LARGEST_QUANTITY + 1,
        sold,
        returned,
        sold - returned,
    )


# Records of the stream


def event_of_size(unique: str, number: int, day: date, size: int) -> tuple[dict[str, Any], bytes]:
    """A sales event and its JSON, which has `size` bytes."""
    empty = make_event(unique, number, day, description="")
    event = empty | {"description": "x" * (size - len(json.dumps(empty)))}
    return event, json.dumps(event).encode()


@pytest.mark.flow("sales_events")
def test_a_record_of_1_mib_is_stored_whole(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    event, data = event_of_size(unique, 0, day, MIB - len(unique))  # the partition key counts too
    platform.kinesis.put_record(
        StreamName=platform.outputs["stream_names"]["sales_events"], Data=data, PartitionKey=unique
    )
    assert wait_until(lambda: platform.stored_events(day, unique)) == [event]


@pytest.mark.flow("sales_events")
def test_a_record_over_1_mib_is_refused_by_the_stream(platform: Platform, unique: str, day: date) -> None:
    _, data = event_of_size(unique, 0, day, MIB + 1)
    stream = platform.outputs["stream_names"]["sales_events"]
    code = refused_by(lambda: platform.kinesis.put_record(StreamName=stream, Data=data, PartitionKey=unique))
    assert code in {"ValidationException", "InvalidArgumentException"}


@pytest.mark.flow("sales_events")
def test_records_that_are_more_than_one_call_takes_are_all_stored(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    """Lambda hands over 6 MB at most, and these are 8 MiB of one shard."""
    events = []
    for number in range(8):
        event, data = event_of_size(unique, number, day, MIB - len(unique))
        platform.put_events([data], unique)
        events.append(event)
    wait_until(lambda: len(platform.stored_events(day, unique)) >= len(events))
    assert by_id(platform.stored_events(day, unique)) == events


@pytest.mark.flow("sales_events")
def test_500_records_in_one_request_are_all_stored(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    events = [make_event(unique, number, day, event_id=f"{unique}-{number:03}") for number in range(500)]
    records = [{"Data": json.dumps(event).encode(), "PartitionKey": event["event_id"]} for event in events]
    answer = platform.kinesis.put_records(StreamName=platform.outputs["stream_names"]["sales_events"], Records=records)
    assert answer["FailedRecordCount"] == 0
    wait_until(lambda: len(platform.stored_events(day, unique)) >= 500)
    assert by_id(platform.stored_events(day, unique)) == events
