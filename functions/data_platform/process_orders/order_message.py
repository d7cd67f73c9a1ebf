"""What an order on the queue must look like, decided from the message's text alone."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

import fields

# A DynamoDB item holds 400 KiB. What is above this limit stays free for progress and shortages.
_LARGEST = 330 * 1024


class OrderRefusedError(ValueError):
    """The message is no order; its text is a short, stable reason that names the field.

    `order_id` is the one that the message carries, as far as it can be told.
    """

    def __init__(self, reason: str, order_id: str | None = None) -> None:
        super().__init__(reason)
        self.order_id = order_id


class UnknownProductError(OrderRefusedError):
    """The order names products that are not in the inventory, or not yet."""


@dataclass(frozen=True)
class Line:
    """One line of an order: `quantity` units of a product (negative in a return) at a price per unit."""

    line: int
    product_id: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True)
class Order:
    """An order, or a return: its id starts with C and its quantities are negative."""

    order_id: str
    order_time: str
    customer_id: str | None
    store_id: str
    country: str
    currency: str
    lines: tuple[Line, ...]

    @property
    def kind(self) -> Literal["order", "return"]:
        return "return" if self.order_id.startswith("C") else "order"

    @property
    def units(self) -> int:
        """Signed sum of the quantities."""
        return sum(line.quantity for line in self.lines)

    @property
    def revenue(self) -> Decimal:
        """Signed sum of the lines' amounts, exact."""
        return sum((line.quantity * line.unit_price for line in self.lines), Decimal(0))

    @cached_property
    def quantities(self) -> dict[str, int]:
        """Signed units by product, in the order of the product ids: the order in which stock is moved."""
        totals: dict[str, int] = {}
        for line in self.lines:
            totals[line.product_id] = totals.get(line.product_id, 0) + line.quantity
        return dict(sorted(totals.items()))


def parse(body: str) -> Order:
    """The order in a message's body, with every field checked. Fields that no order has are left out.

    Raises OrderRefusedError.
    """
    order_id = None
    try:
        message = fields.json_object(body, "message")
        claimed = message.get("order_id")
        order_id = claimed if isinstance(claimed, str) else None
        order = Order(
            order_id=fields.identifier(message, "order_id"),
            order_time=fields.time(message, "order_time"),
            customer_id=fields.identifier_or_null(message, "customer_id"),
            store_id=fields.identifier(message, "store_id"),
            country=fields.identifier(message, "country"),
            currency=fields.currency(message, "currency"),
            lines=_lines(message),
        )
        _check_together(order)
    except fields.MalformedError as malformed:
        raise OrderRefusedError(str(malformed), order_id) from None
    return order


def _lines(message: fields.Record) -> tuple[Line, ...]:
    lines = fields.present(message, "lines")
    if not isinstance(lines, list):
        raise fields.MalformedError("lines is not a list")
    if not lines:
        raise fields.MalformedError("lines is empty")
    return tuple(_line(line) for line in lines)


def _line(line: object) -> Line:
    if not isinstance(line, dict):
        raise fields.MalformedError("line is not a JSON object")
    return Line(
        line=fields.line_number(line, "line"),
        product_id=fields.identifier(line, "product_id"),
        quantity=fields.quantity(line, "quantity"),
        unit_price=fields.price(line, "unit_price"),
    )


def _check_together(order: Order) -> None:
    """What no single field tells."""
    if len({line.line for line in order.lines}) < len(order.lines):
        raise fields.MalformedError("line is given twice")
    if any(line.quantity == 0 for line in order.lines):
        raise fields.MalformedError("quantity is zero")
    if order.kind == "order" and any(line.quantity < 0 for line in order.lines):
        raise fields.MalformedError("quantity is negative in an order")
    if order.kind == "return" and any(line.quantity > 0 for line in order.lines):
        raise fields.MalformedError("quantity is positive in a return")
    # 70 bytes a line are its attribute names, numbers and DynamoDB's own overhead, at their largest.
    if sum(70 + len(line.product_id.encode()) for line in order.lines) > _LARGEST:
        raise fields.MalformedError("lines is larger than one DynamoDB item")
