"""Totals of orders per day and per product: as they are, and worked out from the orders one by one."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.e2e.data_platform.platform import Platform

Order = dict[str, Any]  # as sent
Totals = dict[tuple[str, str], dict[str, Decimal]]  # ("day", "2010-12-01") or ("product", its id) → its numbers

_COUNTED_AS = {"fulfilled": "orders", "returned": "returns", "backordered": "backorders"}


def totals_of(outcomes: Iterable[tuple[Order, str]]) -> Totals:
    """What orders add up to that have ended in these statuses."""
    totals: Totals = {}

    def add(of: str, key: str, name: str, number: Decimal | int) -> None:
        names = ("orders", "returns", "backorders", "units", "revenue")
        numbers = totals.setdefault((of, key), {each: Decimal() for each in names if (of, each) != _NOT_OF_PRODUCTS})
        numbers[name] += number

    for order, status in outcomes:
        day = order["order_time"][:10]
        add("day", day, _COUNTED_AS[status], 1)
        if status == "backordered":
            continue
        for product_id in {line["product_id"] for line in order["lines"]}:
            add("product", product_id, _COUNTED_AS[status], 1)
        for line in order["lines"]:
            for of, key in (("day", day), ("product", line["product_id"])):
                add(of, key, "units", line["quantity"])
                add(of, key, "revenue", line["quantity"] * Decimal(line["unit_price"]))
    return totals


_NOT_OF_PRODUCTS = ("product", "backorders")


def read_totals(platform: Platform, orders: Iterable[Order]) -> Totals:
    """The totals of all days and products of these orders, as far as there are any."""
    orders = list(orders)
    days = {order["order_time"][:10] for order in orders}
    products = {line["product_id"] for order in orders for line in order["lines"]}
    return {
        ("day", item.pop("order_date")): item for item in _items(platform, "daily_totals", "order_date", days)
    } | {
        ("product", item.pop("product_id")): item
        for item in _items(platform, "product_totals", "product_id", products)
    }  # fmt: skip


def _items(platform: Platform, table: str, key: str, values: Iterable[str]) -> list[dict[str, Any]]:
    name = platform.outputs["table_names"][table]
    client = platform.table(table).meta.client
    wanted = sorted(values)
    items: list[dict[str, Any]] = []
    for start in range(0, len(wanted), 100):
        keys = [{key: value} for value in wanted[start : start + 100]]
        request = {name: {"Keys": keys, "ConsistentRead": True}}
        while request:
            answer = client.batch_get_item(RequestItems=request)
            items += answer["Responses"][name]
            request = answer.get("UnprocessedKeys", {})
    return items
