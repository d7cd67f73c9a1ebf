"""How many records a second go through both flows when as many as can be put are put, now and at an older commit."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from threading import Event
from time import perf_counter, sleep
from typing import Any

from benchmarks.figures import Figure, Findings, rate
from benchmarks.platform import Bench, Platform, messages_in
from benchmarks.seeding import EVENTS_OF_THE_SAMPLE, dataset_of
from fixtures.generate import ORDERS
from seed import dynamodb, kinesis, sqs
from seed.progress import Silent
from seed.sample import RecordsDirectory
from seed.target import target_of
from stockroom.errors import StockroomError

_TURNS = 4
_PATIENCE_SECONDS = 120
_LOOK_PAUSE_SECONDS = 0.2
_MOST = 0.95


@dataclass(frozen=True)
class Turn:
    """What became of some records: how many they are, and the seconds from the first put to the last, until most of
    them were stored, and until all were."""

    count: int
    put: float
    most: float
    stored: float


def measure(bench: Bench) -> Findings:
    events, orders = bench.work / "events", bench.work / "orders"
    dataset_of(bench.rounds(40_000, 80_000), events)
    all_orders = dataset_of(bench.rounds(1_200, 5_000) * EVENTS_OF_THE_SAMPLE // ORDERS, orders)
    parts = list(zip(parts_of(events, _TURNS), parts_of(orders, _TURNS), strict=True))
    platforms = {"now": bench.here} | ({f"at {bench.against}": bench.before} if bench.against else {})
    with ExitStack() as up:
        contenders = {}
        for when, platform in platforms.items():
            contenders[when] = up.enter_context(Contender(platform, all_orders))
        for part in parts:
            for contender in contenders.values():
                contender.take_turn(*part)
    found = {when: rates(contender.turns) for when, contender in contenders.items()}
    count = {what: sum(turn.count for turn in turns) for what, turns in contenders["now"].turns.items()}
    notes = [
        f"{count['events']:,} events and {count['orders']:,} orders in {_TURNS} turns, put by the loaders of `invoke "
        "seed`; a turn ends when the last of them is stored. Few come again after a failure, which takes long.",
    ]
    if bench.against:
        notes.append(
            "Both commits took these turns one by one, with the same loaders and the same Python packages; the other "
            "one's processes were stopped meanwhile."
        )
    samples = {
        when: {what: [asdict(turn) for turn in turns] for what, turns in contender.turns.items()}
        for when, contender in contenders.items()
    }
    return Findings(compare(found), notes, samples)


def parts_of(folder: Path, count: int) -> list[RecordsDirectory]:
    """The orders and events of a generated dataset in so many parts, one after the other, in folders below its own."""
    files = sorted(folder.glob("*.jsonl"))
    parts = [folder / str(number) for number in range(count)]
    for number, part in enumerate(parts):
        part.mkdir()
        for file in files:
            if file.stem not in {"orders", "sales_events"}:
                shutil.copy(file, part)
                continue
            lines = file.read_bytes().splitlines(keepends=True)
            own = lines[len(lines) * number // count : len(lines) * (number + 1) // count]
            (part / file.name).write_bytes(b"".join(own))
    return list(map(RecordsDirectory, parts))


def rates(flows: Mapping[str, Sequence[Turn]]) -> list[Figure]:
    """Records a second of each flow, over all of its turns: put, most of them stored, all of them stored."""
    figures = []
    for what, turns in flows.items():
        count = sum(turn.count for turn in turns)
        figures += [
            rate(f"{what} put", count, sum(turn.put for turn in turns), what),
            rate(f"{what} stored, the first {_MOST:.0%}", round(count * _MOST), sum(turn.most for turn in turns), what),
            rate(f"{what} stored", count, sum(turn.stored for turn in turns), what),
        ]
    return figures


def compare(found: dict[str, list[Figure]]) -> list[Figure]:
    """Figures by when they were measured: the first ones beside those of the others, or as they are."""
    (now, figures), *others = found.items()
    named = [Figure(f"{each.name}, {now}", each.value, each.unit) for each in figures]
    for when, before in others:
        pairs = zip(named, before, strict=True)
        named = [each.than(Figure(f"{old.name}, {when}", old.value, old.unit)) for each, old in pairs]
    return named


class Contender:
    """A platform that takes turns with others; until it has one, its processes stand still."""

    def __init__(self, platform: Platform, orders: RecordsDirectory) -> None:
        self.turns: dict[str, list[Turn]] = {"events": [], "orders": []}
        self._platform = platform
        self._orders = orders

    def __enter__(self) -> Contender:
        self._deployed = self._platform.fresh("--no-seed")
        self._target = target_of(self._deployed.outputs, self._deployed.session, self._deployed.endpoint)
        self._s3, self._queue = self._deployed.client("s3"), self._deployed.client("sqs")
        self._dynamodb = self._deployed.client("dynamodb")
        dynamodb.load(self._orders, self._target, Silent(), Event(), Event())
        self._stored = StoredEvents(self._s3, self._target.raw_bucket)
        self._platform.stand_still()
        return self

    def __exit__(self, *_: object) -> None:
        self._platform.go_on()
        self._platform.invoke("infra-down")

    def take_turn(self, events: RecordsDirectory, orders: RecordsDirectory) -> None:
        self._platform.go_on()
        self._deployed.wait_until_quiet()
        self.turns["events"].append(self._events_flow(events))
        self._deployed.wait_until_quiet()
        self.turns["orders"].append(self._orders_flow(orders))
        self._deployed.wait_until_quiet()
        self._platform.stand_still()

    def _events_flow(self, part: RecordsDirectory) -> Turn:
        count, before = part.counts.events, self._stored.count()
        started = perf_counter()
        kinesis.load(part, self._target, Silent(), Event())
        put = perf_counter() - started
        return as_turn(count, put, _look_until(lambda: self._stored.count() - before, count, "events", started))

    def _orders_flow(self, part: RecordsDirectory) -> Turn:
        table = self._deployed.outputs["table_names"]["orders"]

        def rows() -> int:
            pages = self._dynamodb.get_paginator("scan").paginate(TableName=table, Select="COUNT", ConsistentRead=True)
            return sum(page["Count"] for page in pages)

        count, before = part.counts.messages, rows()
        started = perf_counter()
        sqs.load(part, self._target, Silent(), Event())
        put = perf_counter() - started
        # The queue tells what is left of it; a look at the table reads all of it, so there is one at the end.
        left = partial(messages_in, self._queue, self._target.queue_url)
        looks = _look_until(lambda: count - left(), count, "orders", started)
        looks += _look_until(lambda: rows() - before, count, "orders", started)
        return as_turn(count, put, looks)


class StoredEvents:
    """Counts the events in the raw bucket; its objects never change, so each is read once."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._lines: dict[str, int] = {}

    def count(self) -> int:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix="sales_events/")
        for key in (entry["Key"] for page in pages for entry in page.get("Contents", [])):
            if key not in self._lines:
                body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
                self._lines[key] = gzip.decompress(body).count(b"\n")
        return sum(self._lines.values())


Look = tuple[float, int]
"""Seconds since the first record was put, and how many were stored by then."""


def as_turn(count: int, put: float, looks: Sequence[Look]) -> Turn:
    """A turn of so many records, as the looks saw it that were made until all of them were stored."""
    most = next(seconds for seconds, stored in looks if stored >= count * _MOST)
    return Turn(count, put, most, looks[-1][0])


def _look_until(count: Callable[[], int], wanted: int, what: str, started: float) -> list[Look]:
    """Look until there are so many; all looks. Raises StockroomError when they become no more for a while."""
    looks: list[Look] = []
    seen, changed = -1, perf_counter()
    while True:
        now = count()
        looks.append((perf_counter() - started, now))
        if now >= wanted:
            return looks
        if now != seen:
            seen, changed = now, perf_counter()
        elif perf_counter() - changed > _PATIENCE_SECONDS:
            raise StockroomError(
                f"only {now:,} of {wanted:,} {what} were stored, and for {_PATIENCE_SECONDS} s no more"
            )
        sleep(_LOOK_PAUSE_SECONDS)
