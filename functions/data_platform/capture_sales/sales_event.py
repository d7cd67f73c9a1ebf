"""What a sales event must look like, decided from its bytes alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# Identifiers become keys of tables and indexes, where control characters and lone surrogates do not survive.
_IDENTIFIER = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,128}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_PRICE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,4})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_WIDEST = 2**31 - 1  # what a 32-bit column of the processed data holds


@dataclass(frozen=True)
class SalesEvent:
    """A valid event: its own date (`YYYY-MM-DD`, UTC) and its JSON as sent, on one line."""

    event_date: str
    json_line: str


class MalformedEventError(ValueError):
    """The bytes are no sales event; the message is a short, stable reason that names the field."""


def parse(data: bytes) -> SalesEvent:
    """The event in `data`, with every field checked and every unknown field kept.

    Raises MalformedEventError.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise MalformedEventError("event is not UTF-8") from None
    event = _object(text)
    for field, problem_of in _FIELDS.items():
        if field not in event:
            raise MalformedEventError(f"{field} is missing")
        if problem := problem_of(event[field]):
            raise MalformedEventError(f"{field} {problem}")
    # Inside JSON strings line breaks are escaped, so a raw one is only space between two tokens.
    return SalesEvent(event["event_time"][:10], text.strip().replace("\r", " ").replace("\n", " "))


def _object(text: str) -> dict[str, Any]:
    try:
        event = json.loads(text, object_pairs_hook=_unambiguous, parse_constant=_no_constant)
    except MalformedEventError:
        raise
    except (ValueError, RecursionError):  # also an integer of more digits than Python converts
        raise MalformedEventError("event is not JSON") from None
    if not isinstance(event, dict):
        raise MalformedEventError("event is not a JSON object")
    return event


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):  # one reader would take the first, another the last
        raise MalformedEventError("event has a field twice")
    return fields


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _identifier(value: object) -> str | None:
    if isinstance(value, str) and _IDENTIFIER.fullmatch(value):
        return None
    return "is not an identifier of 1 to 128 characters"


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return "is not a string"
    return "holds half a character" if re.search(r"[\ud800-\udfff]", value) else None


def _time(value: object) -> str | None:
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return "is not a date and time that exists"
        return None
    return "is not an ISO 8601 time in UTC (…Z)"


def _count(value: object, lowest: int) -> str | None:
    if type(value) is not int:  # a bool is an int to isinstance
        return "is not a whole number"
    return None if lowest <= value <= _WIDEST else "is out of range"


def _line(value: object) -> str | None:
    return _count(value, 1)


def _quantity(value: object) -> str | None:
    return "is zero" if value == 0 and type(value) is int else _count(value, -_WIDEST)


def _price(value: object) -> str | None:
    if isinstance(value, str) and _PRICE.fullmatch(value):
        return None
    return "is not a decimal string with at most 4 decimals"


def _currency(value: object) -> str | None:
    return None if isinstance(value, str) and _CURRENCY.fullmatch(value) else "is not a 3-letter code"


def _customer(value: object) -> str | None:
    return None if value is None else _identifier(value)


_FIELDS: dict[str, Callable[[object], str | None]] = {
    "event_id": _identifier,
    "event_time": _time,
    "order_id": _identifier,
    "line": _line,
    "product_id": _identifier,
    "description": _text,
    "quantity": _quantity,
    "unit_price": _price,
    "currency": _currency,
    "customer_id": _customer,
    "store_id": _identifier,
    "country": _identifier,
}
