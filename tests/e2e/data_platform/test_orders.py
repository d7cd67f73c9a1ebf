"""Orders: each is stored once, its stock is moved with it, and what cannot be processed becomes a dead letter."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.data_platform.dead_letters import await_dead_letters

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Platform

pytestmark = pytest.mark.flow("orders")

FINAL = {"fulfilled", "backordered", "returned"}


def make_order(order_id: str, quantities: dict[str, int], price: str = "2.55", **changes: Any) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "order_time": "2010-12-01T08:26:00Z",
        "customer_id": "17850",
        "store_id": "online",
        "country": "United Kingdom",
        "currency": "GBP",
        "lines": [
            {"line": line, "product_id": product_id, "quantity": quantity, "unit_price": price}
            for line, (product_id, quantity) in enumerate(quantities.items(), 1)
        ],
    } | changes


def as_sqs_records(*orders: dict[str, Any]) -> list[dict[str, Any]]:
    """What Lambda hands to a function: the messages of one batch."""
    return [
        {
            "messageId": f"{order['order_id']}-{number}",
            "receiptHandle": "x",
            "body": json.dumps(order),
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        for number, order in enumerate(orders)
    ]


def products(unique: str, count: int, number: int) -> dict[str, int]:
    return {f"{unique}-{product:03}": number for product in range(count)}


def test_an_order_is_stored_with_its_totals_and_takes_its_stock(
    platform: Platform, wait_until: Callable[..., Any], unique: str
) -> None:
    a, b = f"{unique}-a", f"{unique}-b"
    platform.set_stock({a: 10, b: 5})
    order = make_order(unique, {a: 3, b: 5})
    order["lines"].append({"line": 3, "product_id": a, "quantity": 4, "unit_price": "1.10"})
    platform.send_orders([order])
    wait_until(lambda: platform.status(unique) in FINAL)
    stored = platform.order(unique)
    assert stored == {
        **order,
        "lines": [line | {"unit_price": Decimal(line["unit_price"])} for line in order["lines"]],
        "kind": "order",
        "status": "fulfilled",
        "order_date": "2010-12-01",
        "units": 12,
        "revenue": Decimal("24.80"),
    }
    assert platform.stock([a, b]) == {a: 3, b: 0}


def test_a_repeated_message_changes_nothing(platform: Platform, wait_until: Callable[..., Any], unique: str) -> None:
    platform.set_stock({unique: 10})
    order, last = make_order(unique, {unique: 2}), make_order(f"{unique}-last", {unique: 1})
    platform.send_orders([order, order])
    wait_until(lambda: platform.status(unique) in FINAL)
    platform.send_orders([order, make_order(unique, {unique: 5}, country="Malta"), last])
    wait_until(lambda: platform.status(f"{unique}-last") in FINAL)
    time.sleep(2)  # messages come in any order
    assert platform.stock([unique]) == {unique: 7}
    stored = platform.order(unique)
    assert stored is not None
    assert (stored["units"], stored["country"]) == (2, "United Kingdom")
    wait_until(lambda: [log for log in platform.log_records("process_orders", unique) if log["level"] == "WARNING"])


def test_an_order_beyond_the_stock_is_a_backorder_and_takes_nothing(
    platform: Platform, wait_until: Callable[..., Any], unique: str
) -> None:
    a, b = f"{unique}-a", f"{unique}-b"
    platform.set_stock({a: 10, b: 4})
    platform.send_orders([make_order(unique, {a: 3, b: 5})])
    wait_until(lambda: platform.status(unique) in FINAL)
    stored = platform.order(unique)
    assert stored is not None
    assert stored["status"] == "backordered"
    assert stored["shortages"] == [{"product_id": b, "wanted": 5, "on_hand": 4}]
    assert (stored["units"], stored["revenue"]) == (8, Decimal("20.40"))
    assert platform.stock([a, b]) == {a: 10, b: 4}


def test_a_return_puts_stock_back_once(platform: Platform, wait_until: Callable[..., Any], unique: str) -> None:
    platform.set_stock({unique: 1})
    returned = make_order(f"C{unique}", {unique: -3})
    platform.send_orders([returned, returned])
    wait_until(lambda: platform.status(f"C{unique}") in FINAL)
    platform.send_orders([returned, make_order(unique, {unique: 1})])
    wait_until(lambda: platform.status(unique) in FINAL)
    time.sleep(2)
    assert platform.stock([unique]) == {unique: 3}
    stored = platform.order(f"C{unique}")
    assert stored is not None
    assert (stored["kind"], stored["status"]) == ("return", "returned")
    assert (stored["units"], stored["revenue"]) == (-3, Decimal("-7.65"))


def test_hostile_ids_and_no_customer(platform: Platform, wait_until: Callable[..., Any], unique: str) -> None:
    order_id, product_id = f"{unique} ü'\"; --/../🛒", f"{unique} 価格 ${{x}} \\n <b>"
    platform.set_stock({product_id: 5})
    platform.send_orders([make_order(order_id, {product_id: 5}, customer_id=None, country="Österreich")])
    wait_until(lambda: platform.status(order_id) in FINAL)
    stored = platform.order(order_id)
    assert stored is not None
    assert (stored["status"], stored.get("customer_id"), stored["country"]) == ("fulfilled", None, "Österreich")
    assert platform.stock([product_id]) == {product_id: 0}


@pytest.mark.waits
def test_what_cannot_be_processed_becomes_a_dead_letter_and_its_neighbours_orders(
    platform: Platform, wait_until: Callable[..., Any], unique: str
) -> None:
    platform.set_stock({unique: 10})
    unknown = f"{unique}-no-such-product"
    bad = {
        f"{unique} is no JSON": "message is not JSON",
        json.dumps(make_order(f"{unique}-unknown", {unique: 1, unknown: 1})): (
            f"product_id is not in the inventory: {unknown}"
        ),
        json.dumps(make_order(f"{unique}-empty", {})): "lines is empty",
        json.dumps(make_order(f"C{unique}", {unique: 1})): "quantity is positive in a return",
        json.dumps(make_order(f"{unique}-price", {unique: 1}, price="free")): (
            "unit_price is not a decimal string with at most 4 decimals"
        ),
    }
    good = [make_order(f"{unique}-{number}", {unique: 1}) for number in range(4)]
    first, *rest = bad
    ids = platform.send_orders([good[0], good[1], first, good[2], *rest, good[3]])
    ids_of_bad = [ids[2], *ids[4:-1]]

    for order in good:
        wait_until(lambda order=order: platform.status(order["order_id"]) == "fulfilled")
    for message_id, reason in zip(ids_of_bad, bad.values(), strict=True):
        logged = wait_until(lambda message_id=message_id: platform.log_records("process_orders", message_id))
        assert {record["reason"] for record in logged} == {reason}

    dead = await_dead_letters(platform, wait_until, unique, len(bad))
    assert sorted(dead) == sorted(bad)
    assert platform.stock([unique]) == {unique: 6}
    assert [platform.status(f"{unique}-{name}") for name in ("unknown", "empty", "price")] == [None] * 3
    assert platform.status(f"C{unique}") is None


def test_of_two_orders_for_the_last_item_one_is_fulfilled(
    platform: Platform, wait_until: Callable[..., Any], unique: str
) -> None:
    platform.set_stock({unique: 1})
    orders = [make_order(f"{unique}-{number}", {unique: 1}) for number in range(2)]
    platform.send_orders(orders)
    for order in orders:
        wait_until(lambda order=order: platform.status(order["order_id"]) in FINAL)
    assert Counter(platform.status(order["order_id"]) for order in orders) == {"fulfilled": 1, "backordered": 1}
    assert platform.stock([unique]) == {unique: 0}


def test_workers_side_by_side_sell_exactly_the_stock(platform: Platform, unique: str) -> None:
    platform.set_stock({unique: 7, f"{unique}-other": 100})
    orders = [make_order(f"{unique}-{number}", {unique: 1 + number % 2, f"{unique}-other": 1}) for number in range(12)]
    batches = [as_sqs_records(*orders[start::4]) for start in range(4)]
    platform.deliver_side_by_side("process_orders", batches)
    stored = {order["order_id"]: platform.status(order["order_id"]) for order in orders}
    fulfilled = [order for order in orders if stored[order["order_id"]] == "fulfilled"]
    taken = sum(order["lines"][0]["quantity"] for order in fulfilled)
    assert set(stored.values()) == {"fulfilled", "backordered"}
    assert platform.stock([unique, f"{unique}-other"]) == {unique: 7 - taken, f"{unique}-other": 100 - len(fulfilled)}
    assert 7 - taken <= 1  # of what is left, no refused order could have been served


def test_an_order_of_more_lines_than_a_transaction_takes(
    platform: Platform, wait_until: Callable[..., Any], unique: str
) -> None:
    platform.set_stock(products(unique, 250, 5))
    platform.send_orders([make_order(unique, products(unique, 250, 2))])
    wait_until(lambda: platform.status(unique) in FINAL)
    stored = platform.order(unique)
    assert stored is not None
    assert stored["status"] == "fulfilled"
    assert (len(stored["lines"]), stored["units"], stored["revenue"]) == (250, 500, Decimal("1275.00"))
    assert "products_moved" not in stored
    assert platform.stock(products(unique, 250, 0)) == products(unique, 250, 3)


def test_a_large_order_whose_last_product_is_short_gives_everything_back(
    platform: Platform, wait_until: Callable[..., Any], unique: str
) -> None:
    stock = products(unique, 250, 5) | {f"{unique}-249": 1}
    platform.set_stock(stock)
    platform.send_orders([make_order(unique, products(unique, 250, 2))])
    wait_until(lambda: platform.status(unique) in FINAL)
    stored = platform.order(unique)
    assert stored is not None
    assert stored["status"] == "backordered"
    assert stored["shortages"] == [{"product_id": f"{unique}-249", "wanted": 2, "on_hand": 1}]
    assert platform.stock(stock) == stock


def test_a_large_order_with_an_unknown_product_takes_nothing(platform: Platform, unique: str) -> None:
    stock = products(unique, 150, 5)
    platform.set_stock(stock)
    records = as_sqs_records(make_order(unique, products(unique, 151, 1)))
    answer = platform.invoke("process_orders", records)
    assert answer == {"batchItemFailures": [{"itemIdentifier": records[0]["messageId"]}]}
    assert platform.stock(stock) == stock
    assert platform.order(unique) is None


@pytest.mark.parametrize(
    ("prefix", "quantity", "last_on_hand", "status", "moved"),
    [("", 2, 5, "fulfilled", 2), ("C", -2, 5, "returned", -2), ("", 2, 1, "backordered", 0)],
)
def test_workers_on_the_same_large_order_move_its_stock_once(
    platform: Platform, unique: str, prefix: str, quantity: int, last_on_hand: int, status: str, moved: int
) -> None:
    stock = products(unique, 250, 5) | {f"{unique}-249": last_on_hand}
    platform.set_stock(stock)
    order = make_order(f"{prefix}{unique}", dict.fromkeys(stock, quantity))
    platform.deliver_side_by_side("process_orders", [as_sqs_records(order)] * 4)
    assert platform.status(order["order_id"]) == status
    assert platform.stock(stock) == {product: on_hand - moved for product, on_hand in stock.items()}


@pytest.mark.waits
def test_a_mixed_load_comes_out_as_it_went_in(platform: Platform, wait_until: Callable[..., Any], unique: str) -> None:
    wanted = products(unique, 10, 12)
    platform.set_stock(wanted)
    messages: list[dict[str, Any]] = []
    for number in range(60):
        product = f"{unique}-{number % 10:03}"
        if number % 20 == 7:
            messages.append(make_order(f"{unique}-bad-{number}", {product: 0}))
        elif number % 5 == 4:
            messages.append(make_order(f"C{unique}-{number}", {product: -1}))
        else:
            messages.append(make_order(f"{unique}-{number}", {product: 1 + number % 4}))
    good = [message for message in messages if "-bad-" not in message["order_id"]]
    bad = [message["order_id"] for message in messages if "-bad-" in message["order_id"]]
    platform.send_orders([*messages, *good[::3]])  # every third comes twice

    for message in good:
        wait_until(lambda message=message: platform.status(message["order_id"]) in FINAL)
    dead = await_dead_letters(platform, wait_until, unique, len(bad))
    assert sorted(json.loads(body)["order_id"] for body in dead) == sorted(bad)
    assert not any(platform.order(order_id) for order_id in bad)
    left = dict(wanted)
    for message in good:
        stored = platform.order(message["order_id"])
        assert stored is not None
        line = message["lines"][0]
        assert (stored["units"], stored["revenue"]) == (line["quantity"], line["quantity"] * Decimal("2.55"))
        if stored["status"] != "backordered":
            left[line["product_id"]] -= line["quantity"]
    assert platform.stock(wanted) == left
    assert min(left.values()) >= 0
