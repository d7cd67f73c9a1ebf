"""Shards and the records in them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple


class Record(NamedTuple):
    """arrival: seconds since 1970, to the millisecond, as AWS tells it."""

    number: int
    arrival: float
    key: str
    data: bytes


class Entry(NamedTuple):
    """A record to be put: its data, partition key and explicit hash key."""

    data: bytes
    key: str
    hash_key: str | None


@dataclass
class Shard:
    """
    low, high: the first and the last hash key. parents: shards that it came out of, one of a split, two of a merge.
    start: a sequence number less than that of its first record. last: of its last record, `start` before there was one.
    opened, ended: when, in seconds since 1970.
    """

    id: str
    low: int
    high: int
    start: int
    parents: tuple[str, ...] = ()
    last: int = 0
    closed: bool = False
    records: list[Record] = field(default_factory=list)
    opened: float = 0.0
    ended: float = 0.0

    def __post_init__(self) -> None:
        self.last = self.last or self.start

    def was_open_at(self, moment: float) -> bool:
        """Whether records could be put into it at the moment, in seconds since 1970."""
        return self.opened <= moment and (not self.closed or self.ended > moment)

    def after(self, number: int) -> int:
        """Index of the first record behind a sequence number."""
        return bisect_right(self.records, number, key=attrgetter("number"))

    def number_before(self, moment: float) -> int:
        """Sequence number behind which the records are that arrived at the moment or later."""
        index = bisect_left(self.records, moment, key=attrgetter("arrival"))
        return self.records[index].number - 1 if index < len(self.records) else self.last

    def trim(self, moment: float) -> None:
        """Drops the records that arrived before."""
        if self.records and self.records[0].arrival < moment:
            del self.records[: bisect_left(self.records, moment, key=attrgetter("arrival"))]


class Batch(NamedTuple):
    """What was read of a shard, and how much is left. after: the place behind it, None at the end of a closed shard."""

    records: list[Record]
    left: int
    after: int | None
    milliseconds_behind: int
