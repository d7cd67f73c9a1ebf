"""The fields of sales events and of orders: what their values must look like, the same in both.

The constants are the rule; whoever makes such records keeps to them too (seed/record_rules.py). Each function below
reads one field of a record, and raises MalformedError when it is missing or malformed.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

WIDEST = 2**31 - 1  # what a 32-bit column of the processed data holds
LONGEST_IDENTIFIER = 128  # characters
PRICE_DECIMALS = 4

# Identifiers become keys of tables and indexes, where control characters and lone surrogates do not survive.
IDENTIFIER = re.compile(rf"[^\x00-\x1f\x7f\ud800-\udfff]{{1,{LONGEST_IDENTIFIER}}}")
PRICE = re.compile(rf"[0-9]{{1,9}}(\.[0-9]{{1,{PRICE_DECIMALS}}})?")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_CURRENCY = re.compile(r"[A-Z]{3}")

Record = dict[str, Any]


class MalformedError(ValueError):
    """The message is a short, stable reason that names the field."""


def json_object(text: str, what: str) -> Record:
    """The JSON object in `text`; reasons call it `what`.

    Raises MalformedError, also for what is no JSON but Python reads (NaN), and for a field given twice.
    """

    def unambiguous(pairs: list[tuple[str, Any]]) -> Record:
        fields = dict(pairs)
        if len(fields) < len(pairs):  # one reader would take the first, another the last
            raise MalformedError(f"{what} has a field twice")
        return fields

    try:
        record = json.loads(text, object_pairs_hook=unambiguous, parse_constant=_no_constant)
    except MalformedError:
        raise
    except (ValueError, RecursionError):  # also an integer of more digits than Python converts
        raise MalformedError(f"{what} is not JSON") from None
    if not isinstance(record, dict):
        raise MalformedError(f"{what} is not a JSON object")
    return record


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def present(record: Record, name: str) -> Any:
    if name not in record:
        raise MalformedError(f"{name} is missing")
    return record[name]


def identifier(record: Record, name: str) -> str:
    return _matching(record, name, IDENTIFIER, f"is not an identifier of 1 to {LONGEST_IDENTIFIER} characters")


def identifier_or_null(record: Record, name: str) -> str | None:
    return None if present(record, name) is None else identifier(record, name)


def time(record: Record, name: str) -> str:
    """ISO 8601 in UTC, as sent: `2010-12-01T08:26:00Z`, with up to 6 decimals."""
    value = _matching(record, name, _TIME, "is not an ISO 8601 time in UTC (…Z)")
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise MalformedError(f"{name} is not a date and time that exists") from None
    return value


def price(record: Record, name: str) -> Decimal:
    return Decimal(_matching(record, name, PRICE, f"is not a decimal string with at most {PRICE_DECIMALS} decimals"))


def currency(record: Record, name: str) -> str:
    return _matching(record, name, _CURRENCY, "is not a 3-letter code")


def line_number(record: Record, name: str) -> int:
    return _count(record, name, 1)


def quantity(record: Record, name: str) -> int:
    """Signed; which sign it must have, and that it is not zero, is for the record as a whole to say."""
    return _count(record, name, -WIDEST)


def _matching(record: Record, name: str, pattern: re.Pattern[str], problem: str) -> str:
    value = present(record, name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise MalformedError(f"{name} {problem}")
    return value


def _count(record: Record, name: str, lowest: int) -> int:
    value = present(record, name)
    if type(value) is not int:  # a bool is an int to isinstance
        raise MalformedError(f"{name} is not a whole number")
    if not lowest <= value <= WIDEST:
        raise MalformedError(f"{name} is out of range")
    return value
