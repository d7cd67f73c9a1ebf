"""Loading data: `invoke seed`'s loaders beside one request and one process a record, and the memory that it takes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from statistics import mean
from threading import Event
from time import perf_counter
from typing import Any

from benchmarks.figures import Figure, Findings, rate
from benchmarks.one_by_one import (
    SERVICES,
    Target,
    awslocal,
    awslocal_args,
    boto3_put,
    shell_environment,
    timed_each,
)
from benchmarks.platform import Bench, Deployed
from benchmarks.results import number
from fixtures.generate import generate
from seed import dynamodb, kinesis, s3, sqs
from seed.dataset import Dataset
from seed.progress import Silent
from seed.sample import RecordsDirectory
from seed.target import SeedTarget

EVENTS_OF_THE_SAMPLE = 886

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_QUICK_SIZES = 3
_KEYS = {"products": "product_id", "customers": "customer_id", "stores": "store_id", "inventory": "product_id"}


def scale_of(events: int) -> int:
    """The scale at which the generator makes about so many events."""
    return max(1, round(events / EVENTS_OF_THE_SAMPLE))


def dataset_of(events: int, folder: Path) -> RecordsDirectory:
    """A generated dataset of about so many events."""
    generate(scale_of(events), folder)
    return RecordsDirectory(folder)


@contextmanager
def unread_target(deployed: Deployed, name: str) -> Iterator[SeedTarget]:
    """A stream, a queue, tables and a bucket that no function reads, so that only the loading is measured."""
    clients = {service: deployed.client(service) for service in SERVICES}
    clients["kinesis"].create_stream(StreamName=name, ShardCount=2)
    clients["kinesis"].get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    queue_url = clients["sqs"].create_queue(QueueName=name)["QueueUrl"]
    clients["s3"].create_bucket(Bucket=name)
    for table, key in _KEYS.items():
        clients["dynamodb"].create_table(
            TableName=f"{name}-{table}",
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    tables = {f"{table}_table": f"{name}-{table}" for table in _KEYS}
    region = str(deployed.session.region_name)
    try:
        yield SeedTarget(
            **tables,
            queue_url=queue_url,
            stream_name=name,
            raw_bucket=name,
            endpoint_url=deployed.endpoint,
            region=region,
            session=deployed.session,
        )
    finally:
        clients["kinesis"].delete_stream(StreamName=name)
        clients["sqs"].delete_queue(QueueUrl=queue_url)
        for table in _KEYS:
            clients["dynamodb"].delete_table(TableName=f"{name}-{table}")


def loaders(dataset: Dataset, target: SeedTarget) -> dict[str, Callable[[], object]]:
    """What `invoke seed` runs for each service."""
    progress, stop, stock_is_in = Silent(), Event(), Event()
    return {
        "kinesis": lambda: kinesis.load(dataset, target, progress, stop),
        "sqs": lambda: sqs.load(dataset, target, progress, stop),
        "dynamodb": lambda: dynamodb.load(dataset, target, progress, stop, stock_is_in),
        "s3": lambda: s3.load(dataset, target, progress, stop),
    }


def records_of(dataset: RecordsDirectory) -> dict[str, tuple[int, Iterator[Any]]]:
    """How many records of a dataset go to each service, and some of them; those of S3 are files."""
    counts = dataset.counts
    items = counts.products + counts.customers + counts.stores + counts.inventory
    return {
        "kinesis": (counts.events, dataset.events()),
        "sqs": (counts.messages, dataset.orders()),
        "dynamodb": (items, dataset.products()),
        "s3": (len(dataset.files), iter(dataset.files)),
    }


def compare(service: str, loaded: float, looped: float, by_process: float) -> list[Figure]:
    """The figures of one service from records a second: by the loader, by boto3 one by one, by `awslocal`."""
    unit = "files/s" if service == "s3" else "records/s"
    loader = Figure(f"{service}: invoke seed's loader", loaded, unit)
    loop = Figure(f"{service}: boto3, one by one", looped, unit)
    shell = Figure(f"{service}: awslocal, one by one", by_process, unit)
    return [loader.than(loop), loader.than(shell), loop, shell]


def whole_rates(counts: Mapping[str, int], seconds: Mapping[str, Sequence[float]]) -> list[float]:
    """Records a second over all services, one after the other, from the seconds that a record of each takes: a rate
    for each way of loading."""
    ways = zip(*(tuple(counts[service] * each for each in seconds[service]) for service in counts), strict=True)
    return [sum(counts.values()) / sum(way) for way in ways]


def measure(bench: Bench) -> Findings:
    deployed = bench.here.fresh("--no-seed")
    rounds, looped, by_process = bench.rounds(2, 4), bench.rounds(100, 500), bench.rounds(3, 5)
    dataset = dataset_of(bench.rounds(5_000, 20_000), bench.work / "loading")
    # In turns, so that what else the machine does meanwhile meets all of them.
    turns = [_load_in_turn(bench, deployed, dataset, f"bench-{turn}", looped, by_process) for turn in range(rounds)]
    means = {service: [mean(turn[service][way] for turn in turns) for way in range(3)] for service in SERVICES}
    counts = {service: count for service, (count, _) in records_of(dataset).items()}
    figures = compare("the whole dataset", *whole_rates(counts, means))
    for service in SERVICES:
        figures += compare(service, *(1 / seconds for seconds in means[service]))
    sizes, notes = _seed_sizes(bench)
    loaded = ", ".join(f"{count:,} for {service}" for service, (count, _) in records_of(dataset).items())
    notes += [
        "Loaders are measured on a stream, a queue, tables and a bucket that nothing reads.",
        f"In each of {rounds} turns a loader loaded all of a dataset ({loaded}), boto3 {looped} records of a service "
        f"and awslocal {by_process}, but no more files than the dataset has.",
        "Sizes are those of `invoke seed` on an empty platform, whose functions work on what is loaded meanwhile.",
    ]
    return Findings(figures + sizes, notes, {"seconds a record: loader, boto3, awslocal": turns})


def _load_in_turn(
    bench: Bench, deployed: Deployed, dataset: RecordsDirectory, name: str, looped: int, by_process: int
) -> dict[str, tuple[float, float, float]]:
    """Seconds a record, by service: of the loader, of boto3, of `awslocal`."""
    found = {}
    shell = shell_environment(deployed.endpoint)
    with unread_target(deployed, name) as target:
        where = Target(target.stream_name, target.queue_url, target.products_table, target.raw_bucket)
        load = loaders(dataset, target)
        for service, (count, records) in records_of(dataset).items():
            started = perf_counter()
            load[service]()
            loaded = (perf_counter() - started) / count
            some = list(islice(records, looped))
            one_by_one = mean(timed_each(boto3_put(service, getattr(target, service), where), some))
            words = (awslocal_args(service, record, where) for record in some[:by_process])
            found[service] = loaded, one_by_one, mean(awslocal(each, bench.work, shell) for each in words)
            rates = " / ".join(number(1 / seconds) for seconds in found[service])
            bench.steps.note(f"{service}: {rates} records/s (loader / boto3 / awslocal)")
    return found


def _seed_sizes(bench: Bench) -> tuple[list[Figure], list[str]]:
    figures: list[Figure] = []
    notes = []
    for size in _SIZES[: bench.rounds(_QUICK_SIZES, len(_SIZES))]:
        folder = bench.work / f"events-{size}"
        dataset = dataset_of(size, folder)
        bench.here.fresh("--no-seed")  # what functions make of the size before would go on for long
        done = bench.here.invoke("seed", "--dataset", str(folder))
        counts = dataset.counts
        speed = rate(f"invoke seed, {size:,} events", counts.events, done.seconds, "events")
        memory = Figure(f"invoke seed, {size:,} events: peak memory", done.peak_mb, "MB")
        figures += [speed.than(figures[0]), memory.than(figures[1])] if figures else [speed, memory]
        notes.append(f"{size:,}: {counts.events:,} events and {counts.messages:,} orders, {done.seconds:.1f} s.")
        shutil.rmtree(folder)
    return figures, notes
