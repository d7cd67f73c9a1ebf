"""The records that Stockroom seeds, exactly as they stand in JSON.

Money is a decimal string ("2.55"), a time is ISO 8601 in UTC with a Z and no fraction
("2010-12-01T08:26:00Z").
"""

import json
from decimal import Decimal
from typing import Any, TypedDict

CURRENCY = "GBP"
SQS_MESSAGE_BYTES = 262_144


class Product(TypedDict):
    product_id: str
    description: str
    unit_price: str
    currency: str


class Customer(TypedDict, total=False):
    customer_id: str
    country: str
    name: str


class Store(TypedDict):
    store_id: str
    name: str
    country: str


class Inventory(TypedDict):
    product_id: str
    on_hand: int
    reorder_point: int


class OrderLine(TypedDict):
    line: int
    product_id: str
    quantity: int
    unit_price: str


class Order(TypedDict):
    """One message on the orders queue; a return's order_id starts with C, its quantities are negative."""

    order_id: str
    order_time: str
    customer_id: str | None
    store_id: str
    country: str
    currency: str
    lines: list[OrderLine]


class SalesEvent(TypedDict):
    """One line of an order on the stream; event_id is "<dataset>-<number>", the same at every seeding."""

    event_id: str
    event_time: str
    order_id: str
    line: int
    product_id: str
    description: str
    quantity: int
    unit_price: str
    currency: str
    customer_id: str | None
    store_id: str
    country: str


def is_return(order_id: str) -> bool:
    return order_id.startswith("C")


def money(amount: Decimal) -> str:
    """The amount as a plain decimal string with two digits after the point, or more where it has more."""
    shortest = amount.normalize()
    exponent = shortest.as_tuple().exponent
    if isinstance(exponent, int) and exponent > -2:
        shortest = amount.quantize(Decimal("0.01"))
    return f"{shortest:f}"


def to_json(record: Any) -> str:
    """The record as one line of compact ASCII JSON: as many bytes as characters."""
    return json.dumps(record, separators=(",", ":"))
