"""Streams: their shards and consumers, and what may be done with them.

https://docs.aws.amazon.com/kinesis/latest/APIReference/Welcome.html
https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from itertools import pairwise
from operator import attrgetter

from localstack.aws.api.kinesis import (
    InvalidArgumentException,
    LimitExceededException,
    ResourceInUseException,
    ResourceNotFoundException,
    ValidationException,
)

from .shards import Batch, Entry, Record, Shard

HASH_KEYS = 2**128
# As on AWS, 56 digits, and the later number is the greater one, also of a shard that came out of another.
FIRST_NUMBER = 49 * 10**54
KIB, MIB = 2**10, 2**20

BUSY_SECONDS = 0.5  # how long a stream or a consumer is being made, changed or deleted
ON_DEMAND_SHARDS = 4
MOST_TAGS = 50
MOST_CONSUMERS = 20
MOST_RECORDS_PUT = 500
MOST_BYTES_PUT = 10 * MIB
MOST_RECORDS_READ = 10_000
MOST_BYTES_READ = 10 * MIB
RECORD_KIB = 1024  # unless a stream says otherwise
LONGEST_KEY = 256
RETENTION_HOURS = (24, 8760)
HOUR = 3600.0


@dataclass
class Consumer:
    """One with a throughput of its own. created: seconds since 1970."""

    name: str
    arn: str
    created: float
    tags: dict[str, str] = field(default_factory=dict)

    def is_active(self) -> bool:
        """Whether it is made by now, and may subscribe."""
        return time.time() >= self.created + BUSY_SECONDS


@dataclass
class Stream:
    """
    first, number: the sequence numbers that it gave out first, and gives out next.
    made: "ACTIVE", or what it is until `busy_until`: "CREATING", "UPDATING", "DELETING".
    """

    name: str
    arn: str
    account: str
    on_demand: bool
    created: float
    retention_hours: int = RETENTION_HOURS[0]
    key_id: str | None = None
    record_kib: int = RECORD_KIB
    metrics: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    consumers: dict[str, Consumer] = field(default_factory=dict)
    shards: dict[str, Shard] = field(default_factory=dict)
    made: str = "ACTIVE"
    busy_until: float = 0.0
    first: int = FIRST_NUMBER
    number: int = 0
    _open: list[Shard] = field(default_factory=list)

    def __post_init__(self) -> None:
        # None of a stream that had its name before.
        self.first = self.number = FIRST_NUMBER + round(self.created * 1000) * 10**20

    # Its state

    @property
    def status(self) -> str:
        """As the API tells it."""
        return self.made if time.time() < self.busy_until else "ACTIVE"

    @property
    def is_gone(self) -> bool:
        """Whether it was deleted and is to be forgotten."""
        return self.made == "DELETING" and time.time() >= self.busy_until

    @property
    def encryption(self) -> str:
        """Its encryption type, as the API tells it."""
        return "KMS" if self.key_id else "NONE"

    def become(self, made: str) -> None:
        """CREATING, UPDATING or DELETING from now on, for BUSY_SECONDS."""
        self.made, self.busy_until = made, time.time() + BUSY_SECONDS

    def require_active(self) -> None:
        """Raises ResourceInUseException."""
        if self.status != "ACTIVE":
            raise ResourceInUseException(
                f"Stream {self.name} under account {self.account} not ACTIVE, instead in state {self.status}"
            )

    # Shards

    def open_shards(self) -> list[Shard]:
        """By their hash keys."""
        return self._open

    def shard(self, shard_id: str) -> Shard:
        """By its id. Raises ResourceNotFoundException."""
        if shard_id not in self.shards:
            raise ResourceNotFoundException(
                f"Shard {shard_id} in stream {self.name} under account {self.account} does not exist"
            )
        return self.shards[shard_id]

    def add_shard(self, low: int, high: int, parents: tuple[str, ...] = ()) -> None:
        """A new open shard with the hash keys from `low` to `high`."""
        # Without shards that are gone, the last one still has the greatest number.
        following = int(next(reversed(self.shards), "-1").rpartition("shardId-")[2]) + 1
        opened = time.time() if parents else self.created
        shard = Shard(f"shardId-{following:012}", low, high, self.number, parents, opened=opened)
        self.number += 1
        self.shards[shard.id] = shard
        self._open = sorted((one for one in self.shards.values() if not one.closed), key=attrgetter("low"))

    def divide(self, count: int) -> None:
        """Its first shards."""
        bounds = [HASH_KEYS * number // count for number in range(count + 1)]
        for low, following in pairwise(bounds):
            self.add_shard(low, following - 1)

    def split(self, shard_id: str, hash_key: int) -> None:
        """Close a shard, and open two, the second from the hash key on. Raises InvalidArgumentException."""
        shard = self._eligible(shard_id)
        if not shard.low < hash_key <= shard.high:
            raise InvalidArgumentException(
                f"NewStartingHashKey {hash_key} used in SplitShard() on shard {shard_id} in stream {self.name} under "
                f"account {self.account} is not both greater than one plus the shard's StartingHashKey {shard.low} and "
                f"less than the shard's EndingHashKey {shard.high}."
            )
        self._close(shard)
        self.add_shard(shard.low, hash_key - 1, (shard.id,))
        self.add_shard(hash_key, shard.high, (shard.id,))

    def merge(self, shard_id: str, adjacent_id: str) -> None:
        """Close two neighbours, and open one in place of them. Raises InvalidArgumentException."""
        one, other = self._eligible(shard_id), self._eligible(adjacent_id)
        low, high = sorted((one, other), key=attrgetter("low"))
        if low.high + 1 != high.low:
            raise InvalidArgumentException(
                f"Shards {shard_id} and {adjacent_id} in stream {self.name} under account {self.account} are not an "
                "adjacent pair of shards eligible for merging"
            )
        self._close(one)
        self._close(other)
        self.add_shard(low.low, high.high, (one.id, other.id))

    def scale(self, count: int) -> None:
        """Splits the widest and merges the narrowest neighbours until there are so many open shards."""
        present = len(self._open)
        if not present / 2 <= count <= present * 2:
            raise LimitExceededException(
                f"UpdateShardCount cannot scale from {present} to {count} open shards: at most double, at least half."
            )
        while len(self._open) < count:
            widest = max(self._open, key=lambda shard: shard.high - shard.low)
            self.split(widest.id, (widest.low + widest.high + 1) // 2)
        while len(self._open) > count:
            first, second = min(pairwise(self._open), key=lambda pair: pair[1].high - pair[0].low)
            self.merge(first.id, second.id)

    def _eligible(self, shard_id: str) -> Shard:
        shard = self.shard(shard_id)
        if shard.closed:
            raise InvalidArgumentException(
                f"Shard {shard_id} in stream {self.name} under account {self.account} has already been merged or "
                "split, and thus is not eligible for merging or splitting."
            )
        return shard

    def _close(self, shard: Shard) -> None:
        shard.closed, shard.ended = True, time.time()

    def trim_horizon(self) -> float:
        """The time before which nothing is kept."""
        return max(time.time() - self.retention_hours * HOUR, self.created)

    def drop_old_shards(self) -> None:
        """Those whose records are all gone."""
        oldest = time.time() - self.retention_hours * HOUR
        for shard in [shard for shard in self.shards.values() if shard.closed and shard.ended < oldest]:
            del self.shards[shard.id]

    def has_given_out(self, number: int) -> bool:
        """Whether the sequence number is one of this stream's."""
        return self.first <= number < self.number

    # Records

    def put(self, entries: Sequence[Entry]) -> list[tuple[Shard, int]]:
        """All of them or, where one may not be put, none. Returns where each is."""
        now = time.time_ns() // 1_000_000 / 1000
        lows = [shard.low for shard in self._open]
        targets = [self._open[bisect_right(lows, self._hash(entry)) - 1] for entry in entries]
        places = []
        for entry, shard in zip(entries, targets, strict=True):
            shard.records.append(Record(self.number, now, entry.key, entry.data))
            shard.last = self.number
            places.append((shard, self.number))
            self.number += 1
        for shard in self._open:
            shard.trim(now - self.retention_hours * HOUR)
        return places

    def _hash(self, entry: Entry) -> int:
        if not 0 < len(entry.key) <= LONGEST_KEY:
            raise ValidationException(
                f"1 validation error detected: Value '{entry.key[:300]}' at 'partitionKey' failed to satisfy "
                f"constraint: Member must have length between 1 and {LONGEST_KEY}"
            )
        if len(entry.data) + len(entry.key.encode()) > self.record_kib * KIB:
            raise InvalidArgumentException(
                f"Data and partition key of a record have more than the {self.record_kib} KiB that the stream "
                f"{self.name} under account {self.account} takes."
            )
        if entry.hash_key is None:
            return int.from_bytes(md5(entry.key.encode(), usedforsecurity=False).digest())
        if not entry.hash_key.isdecimal() or int(entry.hash_key) >= HASH_KEYS:
            raise InvalidArgumentException(
                f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was "
                f"{entry.hash_key}"
            )
        return int(entry.hash_key)

    def read(self, shard_id: str, after: int, limit: int) -> Batch:
        """Records of a shard behind a sequence number, so many or MOST_BYTES_READ. Raises ResourceNotFoundException."""
        shard = self.shard(shard_id)
        shard.trim(time.time() - self.retention_hours * HOUR)
        index = shard.after(after)
        records: list[Record] = []
        size = 0
        for record in shard.records[index : index + limit]:
            size += len(record.data)
            if size > MOST_BYTES_READ and records:
                break
            records.append(record)
        rest = len(shard.records) - index - len(records)
        behind = 0
        if rest:
            reached = records[-1].arrival if records else shard.records[index].arrival
            behind = round((shard.records[-1].arrival - reached) * 1000)
        place = records[-1].number if records else after
        return Batch(records, rest, None if shard.closed and not rest else place, behind)

    def children(self, shard_id: str) -> list[Shard]:
        """The shards that came out of a shard."""
        return [shard for shard in self.shards.values() if shard_id in shard.parents]


def check_tags(present: Mapping[str, str], added: Mapping[str, str]) -> None:
    """Raises InvalidArgumentException."""
    for key, value in added.items():
        if not 0 < len(key) <= 128 or len(value) > 256 or key.startswith("aws:") or not _is_plain(key + value):
            raise InvalidArgumentException(f"Some tags contain invalid characters or lengths, such as {key!r}.")
    if len({*present, *added}) > MOST_TAGS:
        raise InvalidArgumentException(f"Failed to add tags: the maximum number of tags is {MOST_TAGS}.")


def _is_plain(text: Iterable[str]) -> bool:
    return all(one.isalnum() or one.isspace() or one in "_.:/=+-@" for one in text)
