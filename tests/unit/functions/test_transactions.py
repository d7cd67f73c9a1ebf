from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from order_message import Order
from reservation import PRODUCTS_PER_STEP, Shortage, Step, StoredOrder, next_step
from test_reservation import make_order, products
from transactions import Busy, Overtaken, Short, Unknown, cancelled, read_order, transact_items

PASSED = {"Code": "None"}
CONFLICT = {"Code": "TransactionConflict"}


def failed(**item: dict[str, Any]) -> dict[str, Any]:
    return {"Code": "ConditionalCheckFailed", "Item": item} if item else {"Code": "ConditionalCheckFailed"}


def first(order: Order) -> Step:
    step = next_step(order, None)
    assert step is not None
    return step


def put(step: Step) -> dict[str, Any]:
    item: dict[str, Any] = transact_items(step, "orders", "inventory")[0]["Put"]["Item"]
    return item


ORDER = make_order("1", {"A": 2, "B": 3})
STEP = first(ORDER)


def test_a_new_order_is_put_only_where_there_is_none_and_takes_its_stock() -> None:
    order, *stocks = transact_items(STEP, "orders", "inventory")
    assert order["Put"]["TableName"] == "orders"
    assert order["Put"]["ConditionExpression"] == "attribute_not_exists(order_id)"
    assert stocks[1]["Update"] == {
        "TableName": "inventory",
        "Key": {"product_id": {"S": "B"}},
        "UpdateExpression": "ADD on_hand :change",
        "ConditionExpression": "attribute_exists(product_id) AND on_hand >= :wanted",
        "ExpressionAttributeValues": {":change": {"N": "-3"}, ":wanted": {"N": "3"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def test_the_item_of_an_order() -> None:
    item = {name: TypeDeserializer().deserialize(value) for name, value in put(STEP).items()}
    assert item == {
        "order_id": "1",
        "order_time": "2024-05-01T10:00:00Z",
        "order_date": "2024-05-01",
        "store_id": "online",
        "country": "France",
        "currency": "EUR",
        "kind": "order",
        "status": "fulfilled",
        "units": 5,
        "revenue": Decimal("7.5"),
        "lines": [
            {"line": 1, "product_id": "A", "quantity": 2, "unit_price": Decimal("1.5")},
            {"line": 2, "product_id": "B", "quantity": 3, "unit_price": Decimal("1.5")},
        ],
    }


def test_a_return_needs_the_product_but_no_stock() -> None:
    _, stock = transact_items(first(make_order("C1", {"A": -2})), "orders", "inventory")
    assert stock["Update"]["ConditionExpression"] == "attribute_exists(product_id)"
    assert stock["Update"]["ExpressionAttributeValues"] == {":change": {"N": "2"}}


def test_a_step_fills_a_transaction_to_its_limit() -> None:
    assert len(transact_items(first(make_order("1", products(500))), "orders", "inventory")) == 100
    assert PRODUCTS_PER_STEP == 99


def test_a_later_step_holds_only_where_the_one_before_ended() -> None:
    begun = first(make_order("1", products(250))).after
    step = next_step(begun.order, begun)
    assert step is not None
    update = transact_items(step, "orders", "inventory")[0]["Update"]
    assert update["ConditionExpression"] == "#status = :was AND #products_moved = :had_moved"
    assert update["UpdateExpression"] == "SET #status = :status, #products_moved = :products_moved"
    assert update["ExpressionAttributeValues"] == {
        ":was": {"S": "reserving"},
        ":had_moved": {"N": "99"},
        ":status": {"S": "reserving"},
        ":products_moved": {"N": "198"},
    }


def test_the_last_step_removes_the_progress() -> None:
    begun = first(make_order("1", products(150))).after
    step = next_step(begun.order, begun)
    assert step is not None
    update = transact_items(step, "orders", "inventory")[0]["Update"]
    assert update["UpdateExpression"] == "SET #status = :status REMOVE #products_moved"


@pytest.mark.parametrize(
    "stored",
    [
        StoredOrder(ORDER, "backordered", 0, (Shortage("A", 2, 1),)),
        StoredOrder(make_order("2", products(150)), "reserving", 99),
        StoredOrder(make_order("C2", products(150, -1)), "returning", 99),
    ],
)
def test_what_is_put_is_what_is_read(stored: StoredOrder) -> None:
    assert read_order(put(Step(None, stored, {}))) == stored


def test_a_largest_order_with_all_it_may_have_short_fits_an_item() -> None:
    wide = {f"{number:04}" + "\U0001f6d2" * 124: 2**31 - 1 for number in range(560)}
    order = make_order("1", wide)
    shortages = tuple(Shortage(product, 2**31 - 1, 2**31 - 1) for product in list(wide)[:PRODUCTS_PER_STEP])
    item = put(Step(None, StoredOrder(order, "backordered", 0, shortages), {}))
    assert item_size({"M": item}) < 400 * 1024


def item_size(value: dict[str, Any]) -> int:
    """Bytes of an attribute value by the rules of the DynamoDB developer guide, numbers at their largest."""
    ((kind, content),) = value.items()
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + item_size(each) for name, each in content.items())
    if kind == "L":
        return 3 + sum(1 + item_size(each) for each in content)
    return 21 if kind == "N" else len(content.encode())


def test_an_order_that_is_there_already_counts_before_everything_else() -> None:
    there = StoredOrder(ORDER, "fulfilled", 2)
    item = put(Step(None, there, {}))
    assert cancelled(STEP, [failed(**item), CONFLICT, failed()]) == Overtaken(StoredOrder(ORDER, "fulfilled", 0))
    assert cancelled(STEP, [failed(), PASSED, PASSED]) == Overtaken(None)


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_conflict_is_worth_another_attempt(code: str) -> None:
    assert cancelled(STEP, [PASSED, {"Code": code}, failed()]) == Busy()


def test_a_product_without_an_item_is_unknown() -> None:
    short = failed(product_id={"S": "A"}, on_hand={"N": "1"})
    assert cancelled(STEP, [PASSED, short, failed()]) == Unknown(("B",))


def test_a_product_with_an_item_is_short() -> None:
    short = failed(product_id={"S": "B"}, on_hand={"N": "1"})
    assert cancelled(STEP, [PASSED, PASSED, short]) == Short((Shortage("B", 3, 1),))
    empty = failed(product_id={"S": "B"})
    assert cancelled(STEP, [PASSED, PASSED, empty]) == Short((Shortage("B", 3, 0),))


def test_any_other_reason_is_an_error_that_names_it() -> None:
    with pytest.raises(RuntimeError, match="ValidationError"):
        cancelled(STEP, [PASSED, {"Code": "ValidationError"}, PASSED])
