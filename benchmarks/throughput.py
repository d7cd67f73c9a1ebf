"""How many records a second go through both flows when as many as can be put are put, now and at an older commit."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from threading import Event
from time import perf_counter, sleep
from typing import Any

from benchmarks.figures import Figure, Findings, rate
from benchmarks.platform import Bench, Deployed, Platform, messages_in
from benchmarks.seeding import EVENTS_OF_THE_SAMPLE, dataset_of
from fixtures.generate import ORDERS
from seed import dynamodb, kinesis, sqs
from seed.progress import Silent
from seed.sample import RecordsDirectory
from stockroom.errors import StockroomError
from stockroom.seeding import seed_target

_PATIENCE_SECONDS = 120
_LOOK_PAUSE_SECONDS = 0.2
_MOST = 0.95


def measure(bench: Bench) -> Findings:
    events = dataset_of(bench.rounds(5_000, 20_000), bench.work / "events")
    orders = dataset_of(bench.rounds(1_200, 5_000) * EVENTS_OF_THE_SAMPLE // ORDERS, bench.work / "orders")
    platforms = {"now": bench.here} | ({f"at {bench.against}": bench.before} if bench.against else {})
    found = {when: _measure_platform(platform, events, orders) for when, platform in platforms.items()}
    notes = [
        f"{events.counts.events:,} events and {orders.counts.messages:,} orders, put by the loaders of `invoke seed`; "
        "the time ends when the last of them is stored. A few are delivered again after a failure, which takes long.",
    ]
    if bench.against:
        notes.append("Both commits ran one after the other, with the same loaders and the same Python packages.")
    return Findings(
        compare(found), notes, {when: [figure.to_json() for figure in each] for when, each in found.items()}
    )


def compare(found: dict[str, list[Figure]]) -> list[Figure]:
    """Figures by when they were measured: the first ones beside those of the others, or as they are."""
    (now, figures), *others = found.items()
    named = [Figure(f"{each.name}, {now}", each.value, each.unit) for each in figures]
    for when, before in others:
        pairs = zip(named, before, strict=True)
        named = [each.than(Figure(f"{old.name}, {when}", old.value, old.unit)) for each, old in pairs]
    return named


def _measure_platform(platform: Platform, events: RecordsDirectory, orders: RecordsDirectory) -> list[Figure]:
    deployed = platform.fresh("--no-seed")
    deployed.wait_until_quiet()
    figures = _events_flow(deployed, events)
    deployed.wait_until_quiet()
    figures += _orders_flow(deployed, orders)
    platform.invoke("infra-down")
    return figures


def _events_flow(deployed: Deployed, dataset: RecordsDirectory) -> list[Figure]:
    target = seed_target(deployed.outputs, deployed.session, deployed.endpoint)
    stored = StoredEvents(deployed.client("s3"), target.raw_bucket)
    count = dataset.counts.events
    started = perf_counter()
    kinesis.load(dataset, target, Silent(), Event())
    put = perf_counter() - started
    looks = _look_until(stored.count, count, "events", started)
    return rates("events", count, put, looks)


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


def _orders_flow(deployed: Deployed, dataset: RecordsDirectory) -> list[Figure]:
    target = seed_target(deployed.outputs, deployed.session, deployed.endpoint)
    client, table = deployed.client("dynamodb"), deployed.outputs["table_names"]["orders"]
    queue = deployed.client("sqs")
    dynamodb.load(dataset, target, Silent(), Event(), Event())
    count = dataset.counts.messages
    started = perf_counter()
    sqs.load(dataset, target, Silent(), Event())
    put = perf_counter() - started
    # The queue tells what is left of it; a look at the table reads all of it, so there is one at the end.
    looks = _look_until(lambda: count - messages_in(queue, target.queue_url), count, "orders", started)

    def rows() -> int:
        pages = client.get_paginator("scan").paginate(TableName=table, Select="COUNT", ConsistentRead=True)
        return sum(page["Count"] for page in pages)

    looks += _look_until(rows, count, "orders", started)
    return rates("orders", count, put, looks)


Look = tuple[float, int]
"""Seconds since the first record was put, and how many were stored by then."""


def rates(what: str, count: int, put: float, looks: Sequence[Look]) -> list[Figure]:
    """Records a second: put within so many seconds, most of them stored, all of them stored."""
    most = next(seconds for seconds, stored in looks if stored >= count * _MOST)
    return [
        rate(f"{what} put", count, put, what),
        rate(f"{what} stored, the first {_MOST:.0%}", round(count * _MOST), most, what),
        rate(f"{what} stored", count, looks[-1][0], what),
    ]


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
