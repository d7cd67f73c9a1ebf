"""Restock requests: one each time that a product falls under its reorder point, whatever comes again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.data_platform.table_streams import (
    Record,
    TableStream,
    deliver,
    deliver_side_by_side,
    number_of,
    take_failed,
)
from tests.e2e.data_platform.test_orders import FINAL, as_sqs_records, make_order

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Platform

pytestmark = pytest.mark.flow("orders")

Request = dict[str, Any]
Wait = Callable[..., Any]


def set_on_hand(platform: Platform, product_id: str, on_hand: int) -> None:
    platform.table("inventory").update_item(
        Key={"product_id": product_id},
        UpdateExpression="SET on_hand = :on_hand",
        ExpressionAttributeValues={":on_hand": on_hand},
    )


def order(platform: Platform, wait_until: Wait, order_id: str, product_id: str, quantity: int) -> None:
    """Send an order (or a return: less than 0 units), and wait until its stock is moved."""
    order_id = f"C{order_id}" if quantity < 0 else order_id
    platform.send_orders([make_order(order_id, {product_id: quantity})])
    wait_until(lambda: platform.status(order_id) in FINAL)


class Requests:
    """What was requested of the products of one test."""

    def __init__(self, platform: Platform, of: str) -> None:
        self._platform = platform
        self._of = of
        self.taken: list[Request] = []

    def take(self) -> list[Request]:
        """All so far, in the order of their products and of their stock, the highest first."""
        self.taken += self._platform.take_restock_requests(self._of)
        return sorted(self.taken, key=lambda request: (request["product_id"], -request["on_hand"]))

    def amounts(self) -> list[tuple[str, int, int, int]]:
        """Product, stock, reorder point and units requested, as `take` orders them."""
        return [
            (request["product_id"], request["on_hand"], request["reorder_point"], request["quantity"])
            for request in self.take()
        ]


def assert_requested(requests: Requests, wait_until: Wait, *expected: tuple[str, int, int, int]) -> None:
    """Exactly these, now and in a moment. The last change of each product had better be one that requests, so that
    nothing is on its way any more."""
    with suppress(pytest.fail.Exception):  # the assertion tells more
        wait_until(lambda: len(requests.amounts()) >= len(expected))
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        assert requests.amounts() == sorted(expected, key=lambda each: (each[0], -each[1]))
        time.sleep(0.5)


def test_a_sale_below_the_reorder_point_requests_new_stock(platform: Platform, wait_until: Wait, unique: str) -> None:
    stream = TableStream(platform, "inventory")
    platform.set_stock({unique: 12}, reorder_point=10)
    order(platform, wait_until, unique, unique, 5)
    requests = Requests(platform, unique)
    (request,) = wait_until(requests.take)
    _, record = stream.records(unique)
    changed = record["dynamodb"]["ApproximateCreationDateTime"].astimezone(UTC)
    assert request == {
        "request_id": request["request_id"],
        "product_id": unique,
        "on_hand": 7,
        "reorder_point": 10,
        "quantity": 13,
        "requested_at": f"{changed:%Y-%m-%dT%H:%M:%SZ}",
    }
    assert abs((datetime.now(UTC) - datetime.fromisoformat(request["requested_at"])).total_seconds()) < 300
    noted = wait_until(
        lambda: (item := platform.item("restocks", product_id=unique)) and item["state"] == "requested" and item
    )
    assert int(noted["sequence"]) == int(number_of(record))
    assert (noted["request_id"], noted["quantity"]) == (request["request_id"], 13)


def test_further_sales_of_a_short_product_request_nothing(platform: Platform, wait_until: Wait, unique: str) -> None:
    platform.set_stock({unique: 10}, reorder_point=5)
    for number, quantity in enumerate([5, 1, 2, 1]):  # 5 is no shortage yet, and 4 is one until it is restocked
        order(platform, wait_until, f"{unique}-{number}", unique, quantity)
    set_on_hand(platform, unique, 3)  # more than before, and short still
    set_on_hand(platform, unique, 5)
    set_on_hand(platform, unique, 0)
    assert_requested(Requests(platform, unique), wait_until, (unique, 4, 5, 6), (unique, 0, 5, 10))


def test_a_stock_at_its_reorder_point_is_not_short(platform: Platform, wait_until: Wait, unique: str) -> None:
    platform.set_stock({unique: 5}, reorder_point=5)
    for on_hand in (9, 5, 6, 5, 4):
        set_on_hand(platform, unique, on_hand)
    assert_requested(Requests(platform, unique), wait_until, (unique, 4, 5, 6))


def test_a_product_without_reorder_point_is_never_short(platform: Platform, wait_until: Wait, unique: str) -> None:
    platform.set_stock({unique: 3}, reorder_point=0)
    order(platform, wait_until, unique, unique, 3)
    set_on_hand(platform, unique, 1)
    platform.set_stock({unique: 1}, reorder_point=2)
    assert_requested(Requests(platform, unique), wait_until, (unique, 1, 2, 3))


def test_after_a_return_the_next_shortage_is_requested(platform: Platform, wait_until: Wait, unique: str) -> None:
    platform.set_stock({unique: 6}, reorder_point=5)
    for number, quantity in enumerate([2, -7, 8]):  # 4, 11, 3
        order(platform, wait_until, f"{unique}-{number}", unique, quantity)
    requests = Requests(platform, unique)
    assert_requested(requests, wait_until, (unique, 4, 5, 6), (unique, 3, 5, 7))
    assert len({request["request_id"] for request in requests.taken}) == 2


def test_a_new_product_that_is_short_is_requested(platform: Platform, wait_until: Wait, unique: str) -> None:
    platform.set_stock({f"{unique}-short": 0, f"{unique}-shorter": -2}, reorder_point=4)
    platform.set_stock({f"{unique}-not": 4}, reorder_point=4)
    assert_requested(
        Requests(platform, unique), wait_until, (f"{unique}-short", 0, 4, 8), (f"{unique}-shorter", -2, 4, 10)
    )


def test_a_raised_reorder_point_can_make_a_product_short(platform: Platform, wait_until: Wait, unique: str) -> None:
    for reorder_point in (0, 7, 8, 9, 3, 20):  # at 7 it is not short, at 8 it becomes so, at 3 no more
        platform.set_stock({unique: 7}, reorder_point)
    requests = Requests(platform, unique)
    with suppress(pytest.fail.Exception):
        wait_until(lambda: len(requests.take()) >= 2)
    assert sorted((each["reorder_point"], each["quantity"]) for each in requests.take()) == [(8, 9), (20, 33)]


def test_a_product_that_is_removed_and_comes_back_short_is_requested_again(
    platform: Platform, wait_until: Wait, unique: str
) -> None:
    platform.set_stock({unique: 2}, reorder_point=5)
    platform.table("inventory").delete_item(Key={"product_id": unique})
    platform.set_stock({unique: 1}, reorder_point=5)
    assert_requested(Requests(platform, unique), wait_until, (unique, 2, 5, 8), (unique, 1, 5, 9))


def test_products_change_in_turn_and_each_is_requested_once_a_shortage(
    platform: Platform, wait_until: Wait, unique: str
) -> None:
    a, b = f"{unique}-a", f"{unique}-b"
    platform.set_stock({a: 10, b: 10}, reorder_point=5)
    for of_a, of_b in [(4, 7), (8, 6), (3, 5), (2, 1), (6, 9), (1, 0)]:
        set_on_hand(platform, a, of_a)
        set_on_hand(platform, b, of_b)
    assert_requested(
        Requests(platform, unique),
        wait_until,
        *[(a, 4, 5, 6), (a, 3, 5, 7), (a, 1, 5, 9)],
        *[(b, 1, 5, 9), (b, 0, 5, 10)],
    )


def test_hostile_product_ids(platform: Platform, wait_until: Wait, unique: str) -> None:
    ids = [
        f"{unique} with spaces",
        f"{unique} ü 価格 🛒",
        f"{unique}'\"; --/../${{x}}\\n<b>",
        f"{unique}-".ljust(128, "x"),
    ]
    platform.set_stock(dict.fromkeys(ids, 5), reorder_point=5)
    for number, product_id in enumerate(ids):
        order(platform, wait_until, f"{unique}-{number}", product_id, 2)
    # The body is ASCII, so a message is found by the part that is.
    assert_requested(Requests(platform, unique), wait_until, *((product_id, 3, 5, 7) for product_id in ids))


def test_orders_side_by_side_request_once(platform: Platform, wait_until: Wait, unique: str) -> None:
    platform.set_stock({unique: 12}, reorder_point=5)
    orders = [make_order(f"{unique}-{number}", {unique: 1}) for number in range(12)]
    platform.deliver_side_by_side("process_orders", [as_sqs_records(*orders[start::4]) for start in range(4)])
    assert platform.stock([unique]) == {unique: 0}
    platform.set_stock({unique: 20}, reorder_point=5)
    order(platform, wait_until, f"{unique}-last", unique, 17)
    assert_requested(Requests(platform, unique), wait_until, (unique, 4, 5, 6), (unique, 3, 5, 7))


def short_twice(platform: Platform, wait_until: Wait, unique: str) -> tuple[Requests, list[Record]]:
    """A product with two shortages that were requested, and its changes: of the 5, the third and the last began one."""
    stream = TableStream(platform, "inventory")
    platform.set_stock({unique: 9}, reorder_point=5)
    for on_hand in (8, 4, 6, 2):
        set_on_hand(platform, unique, on_hand)
    requests = Requests(platform, unique)
    assert_requested(requests, wait_until, (unique, 4, 5, 6), (unique, 2, 5, 8))
    records = wait_until(lambda: len(found := stream.records(unique)) == 5 and found)
    wait_until(lambda: (platform.item("restocks", product_id=unique) or {})["state"] == "requested")
    return requests, records


def test_records_that_come_again_request_nothing(platform: Platform, wait_until: Wait, unique: str) -> None:
    requests, records = short_twice(platform, wait_until, unique)
    noted = platform.item("restocks", product_id=unique)
    for again in (records, records[:3], records * 2):
        assert deliver(platform, "restock", again) == []
        assert platform.item("restocks", product_id=unique) == noted
    assert_requested(requests, wait_until, (unique, 4, 5, 6), (unique, 2, 5, 8))
    # The queue itself forgets a second message with the id of the first: it must not even have been sent.
    sent = wait_until(
        lambda: (
            len(found := [log for log in platform.log_records("restock", unique) if log["message"] == "requested"]) >= 2
            and found
        )
    )
    assert len({log["request_id"] for log in sent}) == len(sent) == 2


def test_a_shortage_that_is_over_is_not_requested_late(platform: Platform, wait_until: Wait, unique: str) -> None:
    requests, records = short_twice(platform, wait_until, unique)
    noted = platform.item("restocks", product_id=unique)
    late = records[2]  # as if it had failed before, and another number makes it one that was never seen
    late["dynamodb"]["SequenceNumber"] = str(int(number_of(late)) - 1).zfill(len(number_of(late)))
    assert deliver(platform, "restock", [late]) == []
    assert platform.item("restocks", product_id=unique) == noted
    set_on_hand(platform, unique, 7)
    set_on_hand(platform, unique, 1)
    assert_requested(requests, wait_until, (unique, 4, 5, 6), (unique, 2, 5, 8), (unique, 1, 5, 9))


def test_a_request_that_was_left_half_done_is_made(platform: Platform, wait_until: Wait, unique: str) -> None:
    requests, records = short_twice(platform, wait_until, unique)
    new = records[4]
    new["dynamodb"]["SequenceNumber"] = str(int(number_of(new)) + 1).zfill(len(number_of(new)))
    new["dynamodb"]["NewImage"]["on_hand"] = {"N": "1"}
    # As it is when the function ends after noting what it is about to send.
    platform.table("restocks").update_item(
        Key={"product_id": unique},
        UpdateExpression="SET #sequence = :sequence, #state = :state",
        ExpressionAttributeNames={"#sequence": "sequence", "#state": "state"},
        ExpressionAttributeValues={":sequence": number_of(new).zfill(64), ":state": "requesting"},
    )
    for _ in range(2):
        assert deliver(platform, "restock", [new]) == []
    noted = platform.item("restocks", product_id=unique)
    assert noted is not None
    assert (noted["state"], noted["quantity"]) == ("requested", 9)
    assert_requested(requests, wait_until, (unique, 4, 5, 6), (unique, 2, 5, 8), (unique, 1, 5, 9))


def test_workers_with_the_same_records_request_once(platform: Platform, wait_until: Wait, unique: str) -> None:
    _, records = short_twice(platform, wait_until, unique)
    product_ids = [f"{unique}-{number}" for number in range(20)]
    copies = []
    for product_id in product_ids:
        record = json.loads(json.dumps(records[2], default=datetime.timestamp))
        record["dynamodb"]["Keys"]["product_id"]["S"] = product_id
        for image in ("OldImage", "NewImage"):
            record["dynamodb"][image]["product_id"]["S"] = product_id
        copies.append(record)
    deliver_side_by_side(platform, "restock", [copies, copies[::-1], copies[7:], copies])
    assert_requested(
        Requests(platform, f"{unique}-"), wait_until, *((product_id, 4, 5, 6) for product_id in product_ids)
    )


def test_what_is_no_stock_is_set_aside_and_its_neighbours_are_requested(
    platform: Platform, wait_until: Wait, unique: str
) -> None:
    stream = TableStream(platform, "inventory")
    product_ids = [f"{unique}-{number}" for number in range(6)]
    poison = f"{unique}-poison"
    with platform.table("inventory").batch_writer() as batch:
        for product_id in (*product_ids[:3], poison, *product_ids[3:]):
            on_hand: object = "plenty" if product_id == poison else 2
            batch.put_item(Item={"product_id": product_id, "on_hand": on_hand, "reorder_point": 5})
    assert_requested(Requests(platform, unique), wait_until, *((product_id, 2, 5, 8) for product_id in product_ids))

    (record,) = wait_until(lambda: stream.records(poison))
    (letter,) = wait_until(lambda: take_failed(platform, "inventory_stream", record))
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert letter["DDBStreamBatchInfo"]["batchSize"] == 1
    logged = wait_until(lambda: platform.log_records("restock", poison))
    assert {log["reason"] for log in logged} == {"on_hand is not a whole number"}
    platform.set_stock({poison: 1}, reorder_point=3)
    assert_requested(Requests(platform, poison), wait_until, (poison, 1, 3, 5))


def test_products_are_sold_side_by_side_and_each_is_requested_once(
    platform: Platform, wait_until: Wait, unique: str
) -> None:
    product_ids = [f"{unique}-{number:02}" for number in range(30)]
    platform.set_stock(dict.fromkeys(product_ids, 9), reorder_point=5)

    def fall(product_id: str) -> None:
        for on_hand in (7, 4, 3):
            set_on_hand(platform, product_id, on_hand)

    set_on_hand(platform, product_ids[0], 8)  # the client is made once, before the threads want it
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(fall, product_ids))
    assert_requested(Requests(platform, unique), wait_until, *((product_id, 4, 5, 6) for product_id in product_ids))
