"""Sales events onto the stream, each once.

A stream keeps whatever it is given, so an event must never be put twice. Two things could do that: a run
that was killed after it sent some, and a request whose answer got lost. In both cases the stream itself is
asked: it is read from its oldest record, and only what it lacks is put.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event, Lock
from time import monotonic
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from seed.dataset import Dataset
from seed.delivery import PATIENCE, ask, deliver, gone, in_batches, may_have_arrived, side_by_side
from seed.progress import Progress
from seed.records import to_json
from seed.target import SeedTarget
from stockroom.errors import StockroomError

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

STEP = "kinesis"
WORKERS = 1  # keeps events in time order, and the emulator takes no more from several
PAUSE = 2.0  # seconds; a request may still be under way when its sender is gone or knows no answer
_BATCH = 500  # records
_BATCH_BYTES = 5 * 1024 * 1024  # data and partition keys together


class Unsure(Exception):  # noqa: N818 - a state of knowledge, not an error for anyone to see
    """A request got no answer: its records may be on the stream or not."""


class EventSet:
    """A set of event ids, one bit each: 70 KB for all of Online Retail. `number_of` gives each id of the dataset its
    bit, and None for others, which are left out."""

    def __init__(self, number_of: Callable[[str], int | None]) -> None:
        self._number_of = number_of
        self._bits = bytearray()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, event_id: str) -> bool:
        number = self._number_of(event_id) if self._count else None
        return (
            number is not None and number >> 3 < len(self._bits) and bool(self._bits[number >> 3] & 1 << (number & 7))
        )

    def add(self, event_id: str) -> None:
        number = self._number_of(event_id)
        if number is None:
            return
        if (missing := (number >> 3) + 1 - len(self._bits)) > 0:
            self._bits.extend(bytes(max(missing, len(self._bits) // 2)))
        if not self._bits[number >> 3] & 1 << (number & 7):
            self._bits[number >> 3] |= 1 << (number & 7)
            self._count += 1


@dataclass(frozen=True, slots=True)
class _Entry:
    event_id: str
    partition_key: str
    data: bytes

    def size(self) -> int:
        return len(self.data) + len(self.partition_key.encode())


def load(
    dataset: Dataset,
    target: SeedTarget,
    progress: Progress,
    stop: Event,
    interrupted_at: datetime | None = None,
) -> int:
    """Puts every event that the stream lacks, in time order; returns how many it had.

    `interrupted_at` is when an earlier, unfinished run started, if there was one. Raises StockroomError
    where the stream no longer keeps what that run sent.
    """
    what = f"stream {target.stream_name}"
    progress.started(STEP, dataset.counts.events, "records")
    present = EventSet(dataset.number_of)
    if interrupted_at is not None:
        _check_retention(target, interrupted_at, what, stop)
        stop.wait(PAUSE)
        _read_stream(target, present, what, stop)
        progress.advanced(STEP, len(present))
    found = len(present)
    last_growth = monotonic()
    while True:
        before = len(present)
        try:
            _put_missing(dataset, target, present, what, progress, stop)
            break
        except Unsure as unsure:
            stop.wait(PAUSE)
            sent = len(present)
            _read_stream(target, present, what, stop)
            progress.advanced(STEP, len(present) - sent)
            if len(present) > before:
                last_growth = monotonic()
            elif monotonic() - last_growth > PATIENCE:
                raise gone(what, unsure.__cause__) from unsure
    progress.finished(STEP)
    return found


def _put_missing(
    dataset: Dataset, target: SeedTarget, present: EventSet, what: str, progress: Progress, stop: Event
) -> None:
    lock = Lock()

    def missing() -> Iterator[_Entry]:
        for event in dataset.events():
            if event["event_id"] not in present:
                yield _Entry(event["event_id"], event["order_id"], to_json(event).encode())

    def send(entries: Sequence[_Entry]) -> Sequence[_Entry]:
        try:
            answer = target.kinesis.put_records(
                StreamName=target.stream_name,
                Records=[{"Data": entry.data, "PartitionKey": entry.partition_key} for entry in entries],
            )
        except (BotoCoreError, ClientError) as error:
            if may_have_arrived(error):
                raise Unsure from error
            raise
        failed = []
        with lock:
            for entry, result in zip(entries, answer["Records"], strict=True):
                if result.get("ErrorCode"):
                    failed.append(entry)
                else:
                    present.add(entry.event_id)
        progress.advanced(STEP, len(entries) - len(failed))
        return failed

    def send_batch(entries: Sequence[_Entry]) -> None:
        deliver(entries, send, what, stop)

    side_by_side(in_batches(missing(), _BATCH, _Entry.size, _BATCH_BYTES), send_batch, WORKERS)


def _check_retention(target: SeedTarget, interrupted_at: datetime, what: str, stop: Event) -> None:
    answer = ask(partial(target.kinesis.describe_stream_summary, StreamName=target.stream_name), what, stop)
    hours = answer["StreamDescriptionSummary"]["RetentionPeriodHours"]
    if datetime.now(UTC) - interrupted_at > timedelta(hours=hours):
        raise StockroomError(
            f"{what} keeps records for {hours} hours, and an interrupted seeding of this dataset started "
            "before that: which events it sent can no longer be told",
            hint="seed a fresh platform: invoke infra-down && invoke infra-up",
        )


def _read_stream(target: SeedTarget, present: EventSet, what: str, stop: Event) -> None:
    """Adds every event of the dataset that the stream holds now."""
    client = target.kinesis
    for shard in _shards(client, target.stream_name, what, stop):
        start = ask(
            partial(
                client.get_shard_iterator,
                StreamName=target.stream_name,
                ShardId=shard,
                ShardIteratorType="TRIM_HORIZON",
            ),
            what,
            stop,
        )
        at: str | None = start["ShardIterator"]
        while at:
            answer = ask(partial(client.get_records, ShardIterator=at), what, stop)
            for record in answer["Records"]:
                if event_id := event_id_of(record["Data"]):
                    present.add(event_id)
            # An empty answer is no end: only being level with the newest record is.
            level = not answer["Records"] and not answer.get("MillisBehindLatest")
            at = None if level else answer.get("NextShardIterator")


def _shards(client: KinesisClient, stream: str, what: str, stop: Event) -> Iterator[str]:
    """All shards, also those that a resharding closed: they may still hold records."""
    answer = ask(partial(client.list_shards, StreamName=stream), what, stop)
    while True:
        yield from (shard["ShardId"] for shard in answer["Shards"])
        if not (token := answer.get("NextToken")):
            return
        answer = ask(partial(client.list_shards, NextToken=token), what, stop)


def event_id_of(data: bytes) -> str | None:
    """The event_id of a record's data, or None: the stream may hold what is no event."""
    try:
        event = json.loads(data)
    except ValueError:
        return None
    event_id = event.get("event_id") if isinstance(event, dict) else None
    return event_id if isinstance(event_id, str) else None
