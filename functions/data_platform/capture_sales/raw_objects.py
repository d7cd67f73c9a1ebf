"""From one Kinesis batch to the objects that hold it, the same at every delivery."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sales_event import MalformedEventError, parse


@dataclass(frozen=True)
class RawObject:
    """One gzip JSON Lines object of the raw bucket."""

    key: str
    body: bytes


@dataclass(frozen=True)
class Batch:
    """What becomes of a batch: its objects, the number of events stored and of events rejected by reason."""

    objects: tuple[RawObject, ...]
    stored: int
    rejected: dict[str, int]


def sort_batch(records: Iterable[dict[str, Any]]) -> Batch:
    """Valid events by their own date, malformed ones by the date they arrived on, each group one object.

    `records` are the `Records` of a Lambda event of one Kinesis shard, in the shard's order. An object is
    named by the first and the last record *it holds*, not by those of the batch: a shard is one unchanging
    sequence, so this name alone decides the object's content. Batches cut elsewhere at the next delivery
    write the same object wherever they hold the same events of that date, and batches without a record in
    common share no name.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    stored = 0
    reasons: Counter[str] = Counter()
    shard = ""
    for record in records:
        shard, _, sequence_number = record["eventID"].rpartition(":")
        data = base64.b64decode(record["kinesis"]["data"])
        try:
            event = parse(data)
        except MalformedEventError as malformed:
            reasons[str(malformed)] += 1
            arrival = datetime.fromtimestamp(float(record["kinesis"]["approximateArrivalTimestamp"]), UTC)
            prefix = f"rejected/sales_events/arrival_date={arrival:%Y-%m-%d}"
            line = _rejected_line(str(malformed), sequence_number, data)
        else:
            stored += 1
            prefix = f"sales_events/event_date={event.event_date}"
            line = event.json_line
        groups.setdefault(prefix, []).append((sequence_number, line))
    objects = tuple(
        RawObject(
            key=f"{prefix}/{shard}-{group[0][0]}-{group[-1][0]}.jsonl.gz",
            body=_compress(line for _, line in group),
        )
        for prefix, group in groups.items()
    )
    return Batch(objects, stored, dict(reasons))


def _rejected_line(reason: str, sequence_number: str, data: bytes) -> str:
    try:
        content, encoding = data.decode(), "utf-8"
    except UnicodeDecodeError:
        content, encoding = base64.b64encode(data).decode(), "base64"
    return json.dumps(
        {"reason": reason, "sequence_number": sequence_number, "data": content, "encoding": encoding},
        ensure_ascii=False,
    )


def _compress(lines: Iterable[str]) -> bytes:
    text = "".join(f"{line}\n" for line in lines)
    return gzip.compress(text.encode(), mtime=0)  # a time in the header would differ at every delivery
