"""A reservation step as a DynamoDB transaction, and what a cancelled one tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from cancellation_reasons import PASSING
from order_message import Line, Order
from reservation import FINAL, Shortage, Status, Step, StoredOrder

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True)
class Overtaken:
    """The order is not as the step expected: this is how it is now."""

    stored: StoredOrder | None


@dataclass(frozen=True)
class Short:
    """Some products have less stock than the step wanted."""

    shortages: tuple[Shortage, ...]


@dataclass(frozen=True)
class Unknown:
    """Some products are not in the inventory."""

    product_ids: tuple[str, ...]


@dataclass(frozen=True)
class Busy:
    """Nothing speaks against the step; try it again in a moment."""


def transact_items(step: Step, orders_table: str, inventory_table: str) -> list[Any]:
    """The `TransactItems` of a step: the order first, then one stock per product."""
    order = _put(step.after) if step.before is None else _update(step.before, step.after)
    (action, request), *_ = order.items()
    stocks = [_move(product_id, change, inventory_table) for product_id, change in step.moves.items()]
    return [
        {action: request | {"TableName": orders_table, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}},
        *stocks,
    ]


def cancelled(step: Step, reasons: Sequence[Mapping[str, Any]]) -> Overtaken | Short | Unknown | Busy:
    """What the `CancellationReasons` of a step's transaction mean.

    Raises RuntimeError with the reasons when they are none of the expected.
    """
    (of_order, *of_stocks) = reasons
    if of_order["Code"] == "ConditionalCheckFailed":
        return Overtaken(read_order(of_order["Item"]) if of_order.get("Item") else None)
    if any(reason["Code"] in PASSING for reason in reasons):
        return Busy()
    failed = {
        product_id: reason.get("Item")
        for product_id, reason in zip(step.moves, of_stocks, strict=True)
        if reason["Code"] == "ConditionalCheckFailed"
    }
    if unknown := tuple(product_id for product_id, item in failed.items() if not item):
        return Unknown(unknown)
    if failed and all(step.moves[product_id] < 0 for product_id in failed):
        return Short(
            tuple(
                Shortage(product_id, -step.moves[product_id], _on_hand(cast("dict[str, Any]", item)))
                for product_id, item in failed.items()
            )
        )
    raise RuntimeError(f"transaction cancelled: {sorted({reason['Code'] for reason in reasons})}")


def read_order(item: dict[str, Any]) -> StoredOrder:
    """The stored order in a DynamoDB item (attribute values, as the low-level client gives them)."""
    record = {name: _deserialize(value) for name, value in item.items()}
    order = Order(
        order_id=record["order_id"],
        order_time=record["order_time"],
        customer_id=record.get("customer_id"),
        store_id=record["store_id"],
        country=record["country"],
        currency=record["currency"],
        lines=tuple(
            Line(int(line["line"]), line["product_id"], int(line["quantity"]), line["unit_price"])
            for line in record["lines"]
        ),
    )
    shortages = tuple(
        Shortage(each["product_id"], int(each["wanted"]), int(each["on_hand"])) for each in record.get("shortages", [])
    )
    return StoredOrder(order, record["status"], int(record.get("products_moved", 0)), shortages)


def _put(after: StoredOrder) -> dict[str, Any]:
    order = after.order
    record: dict[str, Any] = {
        "order_id": order.order_id,
        "order_time": order.order_time,
        "order_date": order.order_time[:10],
        "store_id": order.store_id,
        "country": order.country,
        "currency": order.currency,
        "kind": order.kind,
        "units": order.units,
        "revenue": order.revenue,
        "lines": [vars(line) for line in order.lines],
    }
    if order.customer_id is not None:  # left out, not null: an index over customers takes no null
        record["customer_id"] = order.customer_id
    record |= _progress(after)
    return {
        "Put": {
            "Item": {name: _serialize(value) for name, value in record.items()},
            "ConditionExpression": "attribute_not_exists(order_id)",
        }
    }


def _update(before: StoredOrder, after: StoredOrder) -> dict[str, Any]:
    progress = _progress(after)
    changes = "SET " + ", ".join(f"#{name} = :{name}" for name in progress)
    names = {f"#{name}": name for name in progress} | {"#products_moved": "products_moved"}
    if after.status in FINAL:
        changes += " REMOVE #products_moved"
    values = {f":{name}": _serialize(value) for name, value in progress.items()}
    values |= {":was": _serialize(before.status), ":had_moved": _serialize(before.moved)}
    return {
        "Update": {
            "Key": {"order_id": _serialize(before.order.order_id)},
            "UpdateExpression": changes,
            "ConditionExpression": "#status = :was AND #products_moved = :had_moved",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
    }


def _progress(stored: StoredOrder) -> dict[str, Any]:
    """The attributes that change while an order is under way."""
    status: Status = stored.status
    progress: dict[str, Any] = {"status": status}
    if status not in FINAL:
        progress["products_moved"] = stored.moved
    if stored.shortages:
        progress["shortages"] = [vars(shortage) for shortage in stored.shortages]
    return progress


def _move(product_id: str, change: int, inventory_table: str) -> dict[str, Any]:
    values = {":change": _serialize(change)}
    condition = "attribute_exists(product_id)"
    if change < 0:
        condition += " AND on_hand >= :wanted"
        values[":wanted"] = _serialize(-change)
    return {
        "Update": {
            "TableName": inventory_table,
            "Key": {"product_id": _serialize(product_id)},
            "UpdateExpression": "ADD on_hand :change",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def _on_hand(item: dict[str, Any]) -> int:
    stock = _deserialize(item["on_hand"]) if "on_hand" in item else Decimal(0)
    return int(stock)
