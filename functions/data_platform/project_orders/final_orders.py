"""Which changes of the orders table count, decided from one record of its stream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, cast, get_args

import fields
from stream_records import Change

Final = Literal["fulfilled", "backordered", "returned"]
FINAL: frozenset[str] = frozenset(get_args(Final))
UNDER_WAY = frozenset({"reserving", "releasing", "returning"})

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Line:
    """`quantity` units of a product (negative in a return) at a price per unit."""

    product_id: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True)
class FinalOrder:
    """An order that has reached its end, with what of it is counted; `order_date` is `YYYY-MM-DD`."""

    order_id: str
    order_date: str
    status: Final
    lines: tuple[Line, ...]


def reached_end(change: Change) -> FinalOrder | None:
    """The order that the change brought to its end; None when it did not.

    An order counts once, with what it was when it reached its end. So a final order that somebody changes or
    deletes by hand changes no total.

    Raises MalformedError when the item is no order.
    """
    if change.after is None:
        return None
    status = fields.present(change.after, "status")
    if not isinstance(status, str) or status not in FINAL | UNDER_WAY:
        # Also a status that is new in process_orders and unknown here: nothing may be missed silently.
        raise fields.MalformedError("status is none of an order")
    if status in UNDER_WAY or _was_final(change):
        return None
    lines = fields.present(change.after, "lines")
    if not isinstance(lines, list):
        raise fields.MalformedError("lines is not a list")
    if not lines:
        raise fields.MalformedError("lines is empty")
    return FinalOrder(
        order_id=fields.identifier(change.after, "order_id"),
        order_date=_date(change.after, "order_date"),
        status=cast("Final", status),
        lines=tuple(_line(line) for line in lines),
    )


def _was_final(change: Change) -> bool:
    status = change.before and change.before.get("status")
    return isinstance(status, str) and status in FINAL


def _line(line: object) -> Line:
    if not isinstance(line, dict):
        raise fields.MalformedError("line is not a map")
    return Line(
        product_id=fields.identifier(line, "product_id"),
        quantity=fields.quantity(line, "quantity"),
        unit_price=_price(line, "unit_price"),
    )


def _price(line: fields.Record, name: str) -> Decimal:
    number = fields.present(line, name)
    if type(number) not in (int, Decimal):
        raise fields.MalformedError(f"{name} is not a number")
    return fields.price({name: f"{number:f}" if isinstance(number, Decimal) else str(number)}, name)


def _date(image: fields.Record, name: str) -> str:
    value = fields.present(image, name)
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            date.fromisoformat(value)
        except ValueError:
            pass
        else:
            return value
    raise fields.MalformedError(f"{name} is not a date (YYYY-MM-DD)")
