"""Whether all that was seeded has arrived in the curated data and the tables, and waiting while it is on its way."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from seed.s3 import FOLDER, Seeded, read_seeded
from seed.sales_report.curated import (
    CURATED,
    PROCESSED,
    RAW_EVENTS,
    REJECTED_EVENTS,
    Buckets,
    DailySales,
    list_etags,
    partitions,
    read_daily_sales,
    read_event_ids,
)
from seed.sales_report.order_queues import NO_MESSAGES, Messages

if TYPE_CHECKING:
    import boto3

THREADS = 16
PATIENCE = 60.0  # seconds in which nothing moved, after which nothing will
PAUSE = 1.0  # seconds


@dataclass(frozen=True)
class Arrival:
    """How many distinct events of a dataset are in the processed zone, and how many were rejected as malformed."""

    seeded: Seeded
    processed: int
    rejected: int

    @property
    def missing(self) -> int:
        return max(self.seeded.events - self.processed - self.rejected, 0)


@dataclass(frozen=True)
class Look:
    """What one look at the lake showed.

    `behind` are the days whose curated object is not there or sums up an older processed one, of `days` days
    in all; `unfinished` is the number of datasets whose seeding has begun and not ended; `trace` is different
    after anything moved.
    """

    arrivals: tuple[Arrival, ...] = ()
    days: int = 0
    behind: tuple[date, ...] = ()
    unfinished: int = 0
    trace: Hashable = None
    messages: Messages = NO_MESSAGES

    @property
    def is_fresh(self) -> bool:
        """Whether nothing is on its way; dead letters are not."""
        return self.is_summed_up and not self.messages.waiting

    @property
    def is_summed_up(self) -> bool:
        return not self.behind and not any(arrival.missing for arrival in self.arrivals)

    @property
    def progress(self) -> str:
        """How far things are, in a few words."""
        arrived = sum(arrival.seeded.events - arrival.missing for arrival in self.arrivals)
        seeded = sum(arrival.seeded.events for arrival in self.arrivals)
        words = f"{arrived:,} of {seeded:,} seeded events, {self.days - len(self.behind):,} of {self.days:,} days"
        return f"{words}, {self.messages.waiting:,} orders wait" if self.messages.waiting else words

    @property
    def shortcomings(self) -> list[str]:
        """Why the figures are not complete, one phrase each."""
        phrases = [
            f"{arrival.missing:,} of {arrival.seeded.events:,} events of {arrival.seeded.dataset} are not processed yet"
            for arrival in self.arrivals
            if arrival.missing
        ]
        if self.behind:
            some = ", ".join(day.isoformat() for day in self.behind[:3]) + (", …" if len(self.behind) > 3 else "")
            phrases.append(f"{len(self.behind):,} of {self.days:,} days are not summed up yet ({some})")
        if self.unfinished:
            phrases.append(f"the seeding of {self.unfinished} dataset(s) has not ended")
        return phrases + self.messages.shortcomings

    @property
    def rejected(self) -> int:
        return sum(arrival.rejected for arrival in self.arrivals)


@dataclass
class Lake:
    """The lake of one platform, looked at again and again: an object that stayed the same is read once."""

    session: boto3.Session
    buckets: Buckets
    includes: Callable[[date], bool]
    """Which days are to be reported on."""

    count_messages: Callable[[], Messages] = Messages

    _ids: dict[str, tuple[str, pa.Array]] = field(default_factory=dict)
    _rejected: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    _sales: dict[date, tuple[str, DailySales]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._s3 = self.session.client("s3")

    def look(self) -> Look:
        """Everything anew. Raises StockroomError for objects that are not what they should be."""
        raw, processed_bucket, curated_bucket = self.buckets.raw, self.buckets.processed, self.buckets.curated
        with ThreadPoolExecutor(THREADS) as pool:
            listings = [
                pool.submit(list_etags, self._s3, bucket, prefix)
                for bucket, prefix in (
                    (raw, FOLDER),
                    (raw, RAW_EVENTS),
                    (raw, REJECTED_EVENTS),
                    (processed_bucket, "sales/"),
                    (curated_bucket, "daily_sales/"),
                )
            ]
            counting = pool.submit(self.count_messages)
            marks, raw_events, rejected, processed_etags, curated_etags = (listing.result() for listing in listings)
            processed, curated = partitions(processed_etags, PROCESSED), partitions(curated_etags, CURATED)

            def read_rejected(key: str) -> frozenset[str]:
                return rejected_ids(self._s3.get_object(Bucket=raw, Key=key)["Body"].read())

            def read_ids(key: str) -> pa.Array:
                return read_event_ids(self._s3, processed_bucket, key)

            seeding, unfinished = read_seeded(self._s3, raw, marks)
            for known, etags, read in (
                (self._ids, dict(processed.values()), read_ids),
                (self._rejected, rejected, read_rejected),
            ):
                changed = [key for key, etag in etags.items() if known.get(key, ("",))[0] != etag]
                for key, content in zip(changed, pool.map(read, changed), strict=True):
                    known[key] = (etags[key], content)
            self._read_curated(pool, processed, curated)
        days = {day: etag for day, (_, etag) in processed.items() if self.includes(day)}
        sources = {day: sales.source_etag for day, (_, sales) in self._sales.items()}
        return Look(
            arrivals=count_arrivals(
                seeding,
                [self._ids[key][1] for key, _ in processed.values()],
                [self._rejected[key][1] for key in rejected],
            ),
            days=len(days),
            behind=tuple(day for day, etag in days.items() if sources.get(day) != etag),
            unfinished=unfinished,
            messages=counting.result(),
            trace=(
                len(raw_events),
                frozenset(rejected.items()),
                frozenset(processed_etags.items()),
                frozenset(sources.items()),
            ),
        )

    def curated_days(self) -> list[date]:
        """All days that there are, also those not to report on, in order."""
        return list(partitions(list_etags(self._s3, self.buckets.curated, "daily_sales/"), CURATED))

    def daily_sales(self) -> pa.Table | None:
        """All rows of the days to report on, as they were at the last look (or are now, if there was none)."""
        if not self._sales:
            with ThreadPoolExecutor(THREADS) as pool:
                etags = list_etags(self._s3, self.buckets.curated, "daily_sales/")
                self._read_curated(pool, {}, partitions(etags, CURATED))
        tables = [sales.table for _, (_, sales) in sorted(self._sales.items(), key=lambda item: item[0])]
        table = pa.concat_tables(tables) if tables else None
        return table if table else None

    def _read_curated(
        self,
        pool: ThreadPoolExecutor,
        processed: Mapping[date, tuple[str, str]],
        curated: Mapping[date, tuple[str, str]],
    ) -> None:
        def is_known(day: date) -> bool:
            # Metadata can change without the ETag, so only what is up to date need not be read again.
            etag, sales = self._sales.get(day, ("", None))
            source = processed[day][1] if day in processed else None
            return sales is not None and etag == curated[day][1] and sales.source_etag == source

        changed = [day for day in curated if self.includes(day) and not is_known(day)]
        read = pool.map(lambda day: read_daily_sales(self._s3, self.buckets.curated, curated[day][0]), changed)
        for day, sales in zip(changed, read, strict=True):
            self._sales[day] = (curated[day][1], sales)


def count_arrivals(
    seeding: Iterable[Seeded], processed: Iterable[pa.ChunkedArray], rejected: Iterable[frozenset[str]]
) -> tuple[Arrival, ...]:
    """From the event ids of each processed object and of each rejected one."""
    chunks = [chunk for ids in processed for chunk in ids.chunks]
    stored = _prefixes(pc.unique(pa.chunked_array(chunks, pa.string())))
    refused = _prefixes(pa.array(sorted(frozenset().union(*rejected)), pa.string()))
    arrivals = []
    for seeded in seeding:
        own = pa.array(sorted(seeded.event_prefixes), pa.string())
        arrivals.append(Arrival(seeded, *(int(pc.sum(pc.is_in(of, own)).as_py() or 0) for of in (stored, refused))))
    return tuple(arrivals)


def _prefixes(ids: pa.Array) -> pa.Array:
    """What stands before "-<whole number>", of those ids that end so."""
    before = pc.replace_substring_regex(ids, "-[0-9]+$", "")
    return pc.filter(before, pc.not_equal(before, ids))


def rejected_ids(content: bytes) -> frozenset[str]:
    """The event ids in an object of rejected events, as far as they can be told."""
    found = set()
    for line in gzip.decompress(content).splitlines():
        try:
            event_id = json.loads(json.loads(line)["data"])["event_id"]
        except (ValueError, KeyError, TypeError):
            continue
        if isinstance(event_id, str):
            found.add(event_id)
    return frozenset(found)


def wait_until_fresh(
    look: Callable[[], Look],
    say: Callable[[str], None],
    clock: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> Look:
    """The first look that is fresh, or the last one when nothing has moved for PATIENCE seconds.

    Orders move when fewer wait than ever: where new ones come all the time, there are always some.
    """
    started = moved = clock()
    latest = look()
    fewest = latest.messages.waiting
    while not latest.is_fresh and clock() - moved < PATIENCE:
        say(latest.progress)
        # A look at a large lake is work for the emulator too: leave it most of the time for its own.
        pause(max(PAUSE, 2 * (clock() - started)))
        started = clock()
        before, latest = latest, look()
        if latest.messages.waiting < fewest or (latest.trace != before.trace and not latest.is_summed_up):
            moved = clock()
        fewest = min(fewest, latest.messages.waiting)
    return latest
