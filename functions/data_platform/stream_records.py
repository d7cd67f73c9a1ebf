"""Records of a DynamoDB table's stream as Lambda hands them over, and how a batch of them fails.

What was written to a table by hand is in its stream as well. A record that cannot be read is for the caller to
report as failed: it is tried again as often as the event source allows, and then waits in the on-failure queue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from fields import MalformedError, Record

_LONGEST_NUMBER = 64  # digits of a sequence number: 21 on AWS, 56 where a stream is kept in Kinesis


@dataclass(frozen=True)
class Change:
    """One change of one item; `before` is None for a new item, `after` for a deleted one.

    `sequence` is the record's sequence number with zeros before it, so that sequences compare as strings: it
    rises with every change of an item. The images hold text as str, whole numbers as int, others as Decimal;
    sets and binary values, which nobody here reads, stay as they are.
    """

    sequence: str
    time: datetime
    before: Record | None
    after: Record | None


def sequence_number(record: dict[str, Any]) -> str:
    """The record's name in the answer to Lambda. Raises KeyError for what is no stream's record at all."""
    return str(record["dynamodb"]["SequenceNumber"])


def read(record: dict[str, Any]) -> Change:
    """The change in one of a Lambda event's `Records`. Raises MalformedError."""
    number = sequence_number(record)
    if not (number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER):
        raise MalformedError("SequenceNumber is not a number")
    images = record["dynamodb"]
    before = _image(images, "OldImage", wanted=record.get("eventName") != "INSERT")
    after = _image(images, "NewImage", wanted=record.get("eventName") != "REMOVE")
    return Change(number.zfill(_LONGEST_NUMBER), _time(images), before, after)


def batch_response(failed: Iterable[str]) -> dict[str, Any]:
    """What the function answers: of the `failed` sequence numbers only the lowest, as a stream goes on from there.

    The records after it come again whether they failed or not.
    """
    first = min(failed, key=int, default=None)
    return {"batchItemFailures": [] if first is None else [{"itemIdentifier": first}]}


def _image(images: dict[str, Any], name: str, wanted: bool) -> Record | None:
    if not wanted:
        return None
    if not isinstance(image := images.get(name), dict):
        raise MalformedError(f"{name} is missing")
    return {attribute: _value(value, attribute) for attribute, value in image.items()}


def _value(value: object, attribute: str) -> Any:
    """The value in an attribute value such as {"N": "2.55"}."""
    match value:
        case {"S": str(plain)} | {"BOOL": bool(plain)}:
            return plain
        case {"N": str(digits)}:
            return _number(digits, attribute)
        case {"NULL": True}:
            return None
        case {"L": list(values)}:
            return [_value(each, attribute) for each in values]
        case {"M": dict(values)}:
            return {name: _value(each, name) for name, each in values.items()}
        case {"B": _} | {"BS": _} | {"SS": _} | {"NS": _}:
            return value
    raise MalformedError(f"{attribute} is not an attribute value")


def _number(digits: str, attribute: str) -> int | Decimal:
    try:
        number = Decimal(digits)
    except InvalidOperation:
        raise MalformedError(f"{attribute} is not a number") from None
    if not number.is_finite() or abs(number.adjusted()) > 130:  # beyond what DynamoDB holds
        raise MalformedError(f"{attribute} is not a number")
    return int(number) if number == number.to_integral_value() else number


def _time(images: dict[str, Any]) -> datetime:
    seconds = images.get("ApproximateCreationDateTime")
    try:
        return datetime.fromtimestamp(int(seconds), UTC)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        raise MalformedError("ApproximateCreationDateTime is not a number of seconds") from None
