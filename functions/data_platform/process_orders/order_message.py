"""What an order on the queue must look like, decided from the message's text alone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

# Identifiers become keys of tables and indexes, where control characters and lone surrogates do not survive.
_IDENTIFIER = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,128}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_PRICE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_WIDEST = 2**31 - 1

# A DynamoDB item holds 400 KiB. What is above this limit stays free for progress and shortages.
_LARGEST = 330 * 1024


class OrderRefusedError(ValueError):
    """The message is no order; its text is a short, stable reason that names the field.

    `order_id` is the one that the message carries, as far as it can be told.
    """

    def __init__(self, reason: str, order_id: str | None = None) -> None:
        super().__init__(reason)
        self.order_id = order_id


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
    message = _object(body)
    claimed = message.get("order_id")
    order_id = claimed if isinstance(claimed, str) else None
    try:
        order = Order(
            order_id=_identifier(message, "order_id"),
            order_time=_time(message, "order_time"),
            customer_id=_customer(message, "customer_id"),
            store_id=_identifier(message, "store_id"),
            country=_identifier(message, "country"),
            currency=_matching(message, "currency", _CURRENCY, "is not a 3-letter code"),
            lines=_lines(message),
        )
        _check_together(order)
    except OrderRefusedError as refused:
        raise OrderRefusedError(str(refused), order_id) from None
    return order


def _object(body: str) -> dict[str, Any]:
    try:
        message = json.loads(body, object_pairs_hook=_unambiguous, parse_constant=_no_constant)
    except OrderRefusedError:
        raise
    except (ValueError, RecursionError):  # also an integer of more digits than Python converts
        raise OrderRefusedError("message is not JSON") from None
    if not isinstance(message, dict):
        raise OrderRefusedError("message is not a JSON object")
    return message


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):  # one reader would take the first, another the last
        raise OrderRefusedError("message has a field twice")
    return fields


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _lines(message: dict[str, Any]) -> tuple[Line, ...]:
    lines = _field(message, "lines")
    if not isinstance(lines, list):
        raise OrderRefusedError("lines is not a list")
    if not lines:
        raise OrderRefusedError("lines is empty")
    return tuple(_line(line) for line in lines)


def _line(line: object) -> Line:
    if not isinstance(line, dict):
        raise OrderRefusedError("line is not a JSON object")
    return Line(
        line=_count(line, "line", 1),
        product_id=_identifier(line, "product_id"),
        quantity=_count(line, "quantity", -_WIDEST),
        unit_price=_price(line, "unit_price"),
    )


def _check_together(order: Order) -> None:
    """What no single field tells."""
    if len({line.line for line in order.lines}) < len(order.lines):
        raise OrderRefusedError("line is given twice")
    if any(line.quantity == 0 for line in order.lines):
        raise OrderRefusedError("quantity is zero")
    if order.kind == "order" and any(line.quantity < 0 for line in order.lines):
        raise OrderRefusedError("quantity is negative in an order")
    if order.kind == "return" and any(line.quantity > 0 for line in order.lines):
        raise OrderRefusedError("quantity is positive in a return")
    # 70 bytes a line are its attribute names, numbers and DynamoDB's own overhead, at their largest.
    if sum(70 + len(line.product_id.encode()) for line in order.lines) > _LARGEST:
        raise OrderRefusedError("lines is larger than one DynamoDB item")


def _field(record: dict[str, Any], name: str) -> Any:
    if name not in record:
        raise OrderRefusedError(f"{name} is missing")
    return record[name]


def _matching(record: dict[str, Any], name: str, pattern: re.Pattern[str], problem: str) -> str:
    value = _field(record, name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise OrderRefusedError(f"{name} {problem}")
    return value


def _identifier(record: dict[str, Any], name: str) -> str:
    return _matching(record, name, _IDENTIFIER, "is not an identifier of 1 to 128 characters")


def _customer(record: dict[str, Any], name: str) -> str | None:
    return None if _field(record, name) is None else _identifier(record, name)


def _time(record: dict[str, Any], name: str) -> str:
    value = _matching(record, name, _TIME, "is not an ISO 8601 time in UTC (…Z)")
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise OrderRefusedError(f"{name} is not a date and time that exists") from None
    return value


def _price(record: dict[str, Any], name: str) -> Decimal:
    return Decimal(_matching(record, name, _PRICE, "is not a decimal string with at most 4 decimals"))


def _count(record: dict[str, Any], name: str, lowest: int) -> int:
    value = _field(record, name)
    if type(value) is not int:  # a bool is an int to isinstance
        raise OrderRefusedError(f"{name} is not a whole number")
    if not lowest <= value <= _WIDEST:
        raise OrderRefusedError(f"{name} is out of range")
    return value
