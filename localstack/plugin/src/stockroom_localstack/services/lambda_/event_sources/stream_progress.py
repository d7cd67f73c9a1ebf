"""How far event source mappings have come in their streams. It is part of a saved state."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from stockroom_emulation.stream_batches import Batch, sequence_number

from .stream_reads import Record
from .stream_windows import Window

OLDEST = ("TRIM_HORIZON", None)
LOOK_EVERY_SECONDS = 0.25  # as AWS at a shard of a table's stream; one that has more to read is read at once
MOST_BATCHES_AHEAD = 10  # of a lane that others do not wait for


@dataclass
class Lane:
    """Records of a shard that are delivered one batch after the other: those of some partition keys, or of all.

    buffer: records that make no full batch yet, and since when they wait. work: batches to deliver, in their order.
    done: sequence number up to which its records are done. window: the tumbling window that is open.
    """

    buffer: list[Record] = field(default_factory=list)
    since: float = 0.0
    work: deque[Batch] = field(default_factory=deque)
    done: int = 0
    window: Window | None = None

    def add(self, record: Record, now: float) -> None:
        """Take in a record that was read. One that is done already is left out: the shard may be read again from an
        earlier place."""
        if int(number_of(record)) > self.done:
            self.since = self.since if self.buffer else now
            self.buffer.append(record)

    def is_due(self, now: float) -> bool:
        """Whether a batch is to be delivered now."""
        return bool(self.work) and now >= self.work[0].retry_at

    def replace_first(self, left: Sequence[Batch]) -> None:
        """Note that the first batch was delivered. left: what of it is to be tried again."""
        batch = self.work.popleft()
        self.work.extendleft(reversed(left))
        if batch.ends_window:
            self.window = self.window if left else None
            return
        events = [event for one in left for event in one.events[:1]]
        first_left = batch.events.index(events[0]) if events else len(batch.events)
        if first_left == len(batch.events):
            self.done = int(batch.last)
        elif first_left:
            self.done = int(sequence_number(batch.events[first_left - 1]))

    def first_pending(self) -> int | None:
        """Sequence number of the first record that was read and is not done."""
        for batch in self.work:
            if batch.events:
                return int(sequence_number(batch.events[0]))
        return int(number_of(self.buffer[0])) if self.buffer else None

    def waiting(self) -> int:
        """How many records wait in it."""
        return len(self.buffer) + sum(len(batch.events) for batch in self.work)


@dataclass
class Shard:
    """How far a mapping has come in a shard, and what it has read beyond that.

    place: type and argument of an iterator at the first record that is not done. parents: shards to be finished first.
    lock: held by who reads, and who looks at what was read.
    """

    id: str
    parents: frozenset[str]
    place: tuple[str, Any]
    iterator: str | None = None
    closed: bool = False
    finished: bool = False
    read_at: float = 0.0
    read_up_to: str | None = None
    lanes: list[Lane] = field(default_factory=lambda: [Lane()])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def lane_of(self, key: str) -> Lane:
        """The lane of a partition key, the same one in any process."""
        if len(self.lanes) == 1:
            return self.lanes[0]
        return self.lanes[crc32(key.encode()) % len(self.lanes)]

    def divide(self, count: int) -> None:
        """Divide it into so many lanes. What was read and is not done is read again."""
        if len(self.lanes) != count:
            self.go_back()
            self.lanes = [Lane() for _ in range(count)]

    def keep_windows(self, keep: bool) -> None:
        """Forget the windows that are open unless `keep`: the mapping may have no tumbling windows any more."""
        for lane in self.lanes:
            lane.window = lane.window if keep else None

    def next_to_read(self) -> tuple[str, Any]:
        """Type and argument of an iterator at the first record that was not read."""
        return ("AFTER_SEQUENCE_NUMBER", self.read_up_to) if self.read_up_to else self.place

    def looked_at(self) -> float:
        """When the shard was read and had nothing more."""
        return self.read_at - LOOK_EVERY_SECONDS

    def note_progress(self) -> None:
        """Note from where another worker would have to read on."""
        pending = [number for lane in self.lanes if (number := lane.first_pending()) is not None]
        if pending:
            digits = len(self.read_up_to or "")
            self.place = ("AT_SEQUENCE_NUMBER", f"{min(pending):0{digits}}")
        elif self.read_up_to:
            self.place = ("AFTER_SEQUENCE_NUMBER", self.read_up_to)

    def is_done(self) -> bool:
        """Whether it is closed, and all that was read is delivered."""
        return self.closed and not any(lane.buffer or lane.work or lane.window for lane in self.lanes)

    def wanted(self, size: int, most: int) -> int:
        """How many records are to be read next, for batches of `size`."""
        if len(self.lanes) == 1:
            return 0 if self.lanes[0].work else size - len(self.lanes[0].buffer)
        if any(lane.waiting() >= MOST_BATCHES_AHEAD * size for lane in self.lanes):
            return 0
        return min(len(self.lanes) * size, most)

    def next_look(self, window: float) -> float:
        """When there may be something to do again. window: the batching window, in seconds."""
        if self.finished:
            return float("inf")
        looks = [lane.work[0].retry_at for lane in self.lanes if lane.work]
        looks += [lane.since + window for lane in self.lanes if lane.buffer and not lane.work]
        blocked = len(self.lanes) == 1 and bool(self.lanes[0].work)
        return min([*looks, *([] if blocked else [self.read_at])])

    def go_back(self) -> None:
        """Forget what was read and is not done."""
        self.iterator, self.closed, self.read_up_to = None, False, None
        for lane in self.lanes:
            lane.buffer.clear()
            lane.work.clear()


class Progress:
    """How far a mapping has come, whichever of its workers is at work. One works at a time.

    is_loaded: it comes from a saved state, with batches that are to be delivered as they are. A function that was
    under way when that was saved may have stored what is in them.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.shards: dict[str, Shard] = {}
        self.is_loaded = False

    def join(self) -> None:
        """Note that another worker goes on."""
        if not self.is_loaded:
            for shard in self.shards.values():
                shard.go_back()
        self.is_loaded = False


by_mapping: defaultdict[str, Progress] = defaultdict(Progress)  # by its UUID


def number_of(record: Record) -> str:
    """The sequence number of a record of Kinesis or of a table's stream."""
    return str(record["SequenceNumber"] if "SequenceNumber" in record else record["dynamodb"]["SequenceNumber"])


def arrival_of(record: Record) -> float:
    """When a record came to its stream, in seconds since 1970."""
    if "SequenceNumber" in record:
        return float(record["ApproximateArrivalTimestamp"])
    return float(record["dynamodb"]["ApproximateCreationDateTime"])


def mark_as_loaded() -> None:
    """Have mappings go on with the batches that a loaded state holds. To be called before event sources are started."""
    for progress in by_mapping.values():
        progress.is_loaded = True
