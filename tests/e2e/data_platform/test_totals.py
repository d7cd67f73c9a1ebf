"""Totals per day and per product: every order that has reached its end is in them, and once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from tests.e2e.data_platform.table_streams import (
    Record,
    TableStream,
    deliver,
    deliver_side_by_side,
    key_of,
    number_of,
    take_failed,
)
from tests.e2e.data_platform.test_orders import FINAL, as_sqs_records, make_order, products
from tests.e2e.data_platform.totals import Order, Totals, read_totals, totals_of

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Platform

pytestmark = pytest.mark.flow("orders")

Outcomes = list[tuple[Order, str]]

PRICES = ["2.55", "0.0001", "3", "0", "12345.6789", "0.1", "999999.99"]


def order_of(day: date, order_id: str, quantities: dict[str, int], **changes: Any) -> Order:
    return make_order(order_id, quantities, **{"order_time": f"{day}T08:26:00Z"} | changes)


def a_mixture(unique: str, day: date) -> Outcomes:
    """Orders, returns and backorders of some products on two days, with how they end: `<unique>-none` has no stock."""
    outcomes: Outcomes = []
    for number in range(42):
        on = day + timedelta(days=number % 2)
        order_id, price = f"{unique}-{number:02}", PRICES[number % len(PRICES)]
        product, other = f"{unique}-{number % 5:03}", f"{unique}-{number % 3:03}"
        match number % 6:
            case 4:
                outcomes.append((order_of(on, f"C{order_id}", {product: -1 - number}, price=price), "returned"))
            case 5:
                short = {product: 1, f"{unique}-none": 1}
                outcomes.append((order_of(on, order_id, short, price=price), "backordered"))
            case _:
                order = order_of(on, order_id, {product: 1 + number % 4}, price=price)
                # The product of the first line may come again, at another price.
                order["lines"].append({"line": 2, "product_id": other, "quantity": 3, "unit_price": "1.0001"})
                outcomes.append((order, "fulfilled"))
    return outcomes


def stock_for(platform: Platform, unique: str, outcomes: Outcomes) -> None:
    wanted = {line["product_id"] for order, _ in outcomes for line in order["lines"]}
    platform.set_stock(dict.fromkeys(wanted, 1_000_000) | {f"{unique}-none": 0})


def orders_in(outcomes: Outcomes) -> list[Order]:
    return [order for order, _ in outcomes]


def wait_for_totals(
    platform: Platform, wait_until: Callable[..., Any], outcomes: Outcomes, others: Outcomes | None = None
) -> Totals:
    """Wait until the totals are those of `outcomes`; days and products that only `others` have are in none."""
    orders, expected = orders_in(outcomes + (others or [])), totals_of(outcomes)
    with suppress(pytest.fail.Exception):  # the assertion tells more
        wait_until(lambda: read_totals(platform, orders) == expected)
    assert read_totals(platform, orders) == expected
    return expected


def as_stored(order: Order, status: str) -> dict[str, Any]:
    """An item of the orders table, with what counts."""
    lines = [line | {"unit_price": Decimal(line["unit_price"])} for line in order["lines"]]
    return order | {"lines": lines, "status": status, "order_date": order["order_time"][:10]}


def as_inserts(*items: dict[str, Any]) -> list[Record]:
    """What Lambda hands to a function when these items are new in the orders table."""
    image = TypeSerializer().serialize
    return [
        {
            "eventID": str(number),
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_300_000_000,
                "Keys": {"order_id": {"S": item["order_id"]}},
                "NewImage": image(item)["M"],
                "SequenceNumber": f"{number:021}",
                "SizeBytes": 1,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/x",
        }
        for number, item in enumerate(items, 1)
    ]


def test_totals_are_the_sum_of_all_orders_returns_and_backorders(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    outcomes = a_mixture(unique, day)
    large = order_of(day, f"{unique}-large", products(f"{unique}-large", 150, 2), price="0.0003")
    outcomes.append((large, "fulfilled"))
    stock_for(platform, unique, outcomes)
    platform.send_orders(orders_in(outcomes))
    wait_for_totals(platform, wait_until, outcomes)
    assert {order["order_id"]: platform.status(order["order_id"]) for order, _ in outcomes} == {
        order["order_id"]: status for order, status in outcomes
    }


@pytest.mark.parametrize(
    ("prefix", "quantity", "last_on_hand", "status"),
    [("", 2, 5, "fulfilled"), ("C", -2, 5, "returned"), ("", 2, 1, "backordered")],
)
def test_an_order_of_more_products_than_a_transaction_takes_is_one_order(
    platform: Platform,
    wait_until: Callable[..., Any],
    unique: str,
    day: date,
    prefix: str,
    quantity: int,
    last_on_hand: int,
    status: str,
) -> None:
    platform.set_stock(products(unique, 250, 5) | {f"{unique}-249": last_on_hand})
    outcomes = [(order_of(day, f"{prefix}{unique}", products(unique, 250, quantity)), status)]
    small = [(order_of(day, f"{unique}-small", {f"{unique}-000": 1}), "fulfilled")]
    platform.send_orders(orders_in(outcomes))
    wait_until(lambda: platform.status(f"{prefix}{unique}") in FINAL)
    platform.send_orders(orders_in(small))
    wait_for_totals(platform, wait_until, outcomes + small, others=outcomes)


def test_amounts_are_exact(platform: Platform, wait_until: Callable[..., Any], unique: str, day: date) -> None:
    most = 2**31 - 1
    platform.set_stock({unique: 3 * most})
    prices = ["999999999.9999", "0.0001", "999999999.9998"]
    outcomes = [
        (order_of(day, f"{unique}-{price}", {unique: quantity}, price=price), "fulfilled")
        for price, quantity in zip(prices, [most, 1, most - 1], strict=True)
    ]
    platform.send_orders(orders_in(outcomes))
    wait_for_totals(platform, wait_until, outcomes)


def test_messages_that_come_again_count_once(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    outcomes = a_mixture(unique, day)[:18]
    stock_for(platform, unique, outcomes)
    orders = orders_in(outcomes)
    platform.send_orders([*orders, *orders[::2]])
    platform.deliver_side_by_side(
        "process_orders", [as_sqs_records(*orders[start::3], orders[0]) for start in range(3)]
    )
    wait_for_totals(platform, wait_until, outcomes)
    platform.send_orders(orders)
    last = [(order_of(day, f"{unique}-last", {f"{unique}-000": 1}), "fulfilled")]
    platform.send_orders(orders_in(last))
    wait_for_totals(platform, wait_until, outcomes + last)


def test_records_that_come_again_change_no_total(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    stream = TableStream(platform, "orders")
    outcomes = a_mixture(unique, day)[:12]
    outcomes.append((order_of(day, f"{unique}-large", products(unique, 150, 1)), "fulfilled"))
    stock_for(platform, unique, outcomes)
    platform.send_orders(orders_in(outcomes))
    expected = wait_for_totals(platform, wait_until, outcomes)
    records = wait_until(lambda: len(found := stream.records(unique)) > len(outcomes) and found)
    assert {key_of(record) for record in records} == {order["order_id"] for order, _ in outcomes}
    for again in (records, records[::-1], records * 2):
        assert deliver(platform, "project_orders", again) == []
    assert read_totals(platform, orders_in(outcomes)) == expected


def test_the_stream_from_its_start_changes_no_total(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    stream = TableStream(platform, "orders")
    outcomes = a_mixture(unique, day)[:12]
    stock_for(platform, unique, outcomes)
    platform.send_orders(orders_in(outcomes))
    expected = wait_for_totals(platform, wait_until, outcomes)
    oldest = stream.oldest_records(500)  # what others put into the table may be no order
    deliver(platform, "project_orders", oldest)
    assert deliver(platform, "project_orders", stream.records(unique)) == []
    assert read_totals(platform, orders_in(outcomes)) == expected


def test_workers_with_the_same_records_count_them_once(platform: Platform, unique: str, day: date) -> None:
    outcomes = [*a_mixture(unique, day), (order_of(day, f"{unique}-large", products(unique, 250, 1)), "fulfilled")]
    records = as_inserts(*(as_stored(order, status) for order, status in outcomes))
    deliver_side_by_side(platform, "project_orders", [records, records[::-1], records[20:], records])
    assert read_totals(platform, orders_in(outcomes)) == totals_of(outcomes)


def test_a_batch_that_was_counted_in_part_is_completed(platform: Platform, unique: str, day: date) -> None:
    outcomes = a_mixture(unique, day)
    records = as_inserts(*(as_stored(order, status) for order, status in outcomes))
    assert deliver(platform, "project_orders", records[::3]) == []
    assert read_totals(platform, orders_in(outcomes)) == totals_of(outcomes[::3])
    assert deliver(platform, "project_orders", [*records, *records]) == []
    assert read_totals(platform, orders_in(outcomes)) == totals_of(outcomes)


def test_orders_under_way_and_orders_that_have_ended_before_do_not_count(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    table = platform.table("orders")
    outcomes = a_mixture(unique, day)[:6]
    for order, status in outcomes:
        for step in ("reserving", "releasing", status):
            table.put_item(Item=as_stored(order, step))
    wait_for_totals(platform, wait_until, outcomes)
    for order, _ in outcomes:
        table.update_item(
            Key={"order_id": order["order_id"]},
            UpdateExpression="SET order_date = :other, #status = :other_status",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":other": str(day + timedelta(days=1)), ":other_status": "returned"},
        )
        table.delete_item(Key={"order_id": order["order_id"]})
    last = [(order_of(day, f"{unique}-last", {f"{unique}-000": 1}), "fulfilled")]
    table.put_item(Item=as_stored(*last[0]))
    wait_for_totals(platform, wait_until, outcomes + last)


def test_what_is_no_order_is_set_aside_and_its_neighbours_are_counted(
    platform: Platform, wait_until: Callable[..., Any], unique: str, day: date
) -> None:
    stream = TableStream(platform, "orders")
    outcomes = a_mixture(unique, day)[:10]
    poison = f"{unique}-poison"
    with platform.table("orders").batch_writer() as batch:
        for order, status in outcomes[:5]:
            batch.put_item(Item=as_stored(order, status))
        batch.put_item(Item={"order_id": poison, "note": "no order"})
        for order, status in outcomes[5:]:
            batch.put_item(Item=as_stored(order, status))
    wait_for_totals(platform, wait_until, outcomes)

    (record,) = wait_until(lambda: stream.records(poison))
    (letter,) = wait_until(lambda: take_failed(platform, "orders_stream", record))
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert letter["DDBStreamBatchInfo"]["batchSize"] == 1
    logged = wait_until(lambda: platform.log_records("project_orders", poison))
    assert {log["reason"] for log in logged} == {"status is missing"}

    last = [(order_of(day, f"{unique}-last", {f"{unique}-000": 1}), "fulfilled")]
    platform.table("orders").put_item(Item=as_stored(*last[0]))
    wait_for_totals(platform, wait_until, outcomes + last)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"status": "shipped"}, id="unknown status"),
        pytest.param({"status": None}, id="no status"),
        pytest.param({"order_date": "2010-02-30"}, id="no date"),
        pytest.param({"lines": []}, id="no lines"),
        pytest.param({"lines": [{"product_id": "x", "quantity": 1, "unit_price": "1"}]}, id="price is text"),
        pytest.param({"lines": [{"quantity": 1, "unit_price": Decimal(1)}]}, id="no product"),
    ],
)
def test_the_first_record_that_is_no_order_is_reported(
    platform: Platform, unique: str, day: date, change: dict[str, Any]
) -> None:
    outcomes = a_mixture(unique, day)[:6]
    items = [as_stored(order, status) for order, status in outcomes]
    wrong = [item | change | {"order_id": f"{item['order_id']}-wrong"} for item in items]
    records = as_inserts(*items[:3], wrong[0], *items[3:], wrong[1])
    for _ in range(2):
        assert deliver(platform, "project_orders", records) == [number_of(records[3])]
        assert read_totals(platform, orders_in(outcomes)) == totals_of(outcomes)
