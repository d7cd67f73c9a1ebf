"""EventBridge's "Object Created" events in a batch of SQS messages, told apart by the date of their partition.

A partition is all that a bucket holds under one `…=YYYY-MM-DD/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import fields


@dataclass(frozen=True)
class Source:
    """Where the objects come from: `<prefix>YYYY-MM-DD/<name>`, where the whole name matches `name`."""

    bucket: str
    prefix: str
    name: re.Pattern[str]

    def date_in(self, key: str) -> str | None:
        """The date, `YYYY-MM-DD`, of an object of this source; None for any other key."""
        day, _, name = key.removeprefix(self.prefix).partition("/")
        if not key.startswith(self.prefix) or not self.name.fullmatch(name):
            return None
        try:
            return day if date.fromisoformat(day).isoformat() == day else None
        except ValueError:
            return None


@dataclass(frozen=True)
class Batch:
    """Ids of messages: by the date of their object, in the order of arrival, and refused with the reason."""

    dates: dict[str, list[str]]
    refused: dict[str, str]


def sort_messages(records: Iterable[dict[str, Any]], source: Source) -> Batch:
    """`records` are the `Records` of a Lambda event of an SQS queue."""
    dates: dict[str, list[str]] = {}
    refused: dict[str, str] = {}
    for record in records:
        try:
            day = _date_of(record["body"], source)
        except fields.MalformedError as malformed:
            refused[record["messageId"]] = str(malformed)
        else:
            dates.setdefault(day, []).append(record["messageId"])
    return Batch(dates, refused)


def _date_of(body: str, source: Source) -> str:
    event = fields.json_object(body, "message")
    if (event.get("source"), event.get("detail-type")) != ("aws.s3", "Object Created"):
        raise fields.MalformedError("message is no Object Created event of S3")
    try:
        bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    except (KeyError, TypeError):
        raise fields.MalformedError("message names no object") from None
    if bucket != source.bucket:
        raise fields.MalformedError("object is in another bucket")
    day = source.date_in(key) if isinstance(key, str) else None
    if day is None:
        raise fields.MalformedError(f"key has not the form {source.prefix}YYYY-MM-DD/{source.name.pattern}")
    return day
