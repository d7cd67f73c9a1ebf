"""What a sales event must look like, decided from its bytes alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import fields


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
    try:
        event = fields.json_object(text, "event")
        for name, read in _FIELDS.items():
            read(event, name)
    except fields.MalformedError as malformed:
        raise MalformedEventError(str(malformed)) from None
    # Inside JSON strings line breaks are escaped, so a raw one is only space between two tokens.
    return SalesEvent(event["event_time"][:10], text.strip().replace("\r", " ").replace("\n", " "))


def _text(event: fields.Record, name: str) -> str:
    value = fields.present(event, name)
    if not isinstance(value, str):
        raise fields.MalformedError(f"{name} is not a string")
    if re.search(r"[\ud800-\udfff]", value):
        raise fields.MalformedError(f"{name} holds half a character")
    return value


def _quantity(event: fields.Record, name: str) -> int:
    value = fields.quantity(event, name)
    if value == 0:
        raise fields.MalformedError(f"{name} is zero")
    return value


_FIELDS: dict[str, Callable[[fields.Record, str], object]] = {
    "event_id": fields.identifier,
    "event_time": fields.time,
    "order_id": fields.identifier,
    "line": fields.line_number,
    "product_id": fields.identifier,
    "description": _text,
    "quantity": _quantity,
    "unit_price": fields.price,
    "currency": fields.currency,
    "customer_id": fields.identifier_or_null,
    "store_id": fields.identifier,
    "country": fields.identifier,
}
