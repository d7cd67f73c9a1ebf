"""What runs, which release, what is deployed, how many records are where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from stockroom.aws import session_for
from stockroom.deployed.outputs import Key, urls_of
from stockroom.deployed.terraform_state import DeployedStack, read_all_deployed
from stockroom.engines import EngineStatus, make_engine
from stockroom.environments import LOCAL, read_environment
from stockroom.settings import Settings
from stockroom.stacks import read_manifests

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class Records:
    """Counts by short name: items, messages (waiting, in flight or delayed), records still in the stream, objects."""

    tables: dict[str, int]
    queues: dict[str, int]
    streams: dict[str, int]
    buckets: dict[str, int]


@dataclass(frozen=True)
class Status:
    """The whole answer of `infra-status`; stacks, and records by stack, are empty when the engine does not run."""

    engine: EngineStatus
    stacks: list[DeployedStack]
    records: dict[str, Records]
    urls: dict[Key, str] = field(default_factory=dict)

    @property
    def release(self) -> dict[str, Any] | None:
        """The record of the release that was deployed, of the first stack that has one."""
        return next((stack.release for stack in self.stacks if stack.release), None)

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints; docs/commands.md describes it."""
        return {
            "engine": asdict(self.engine),
            "endpoint": self.engine.endpoint,
            "release": self.release,
            "resources": {stack.name: [asdict(resource) for resource in stack.resources] for stack in self.stacks},
            "outputs": {stack.name: stack.outputs for stack in self.stacks},
            "urls": {str(key): url for key, url in self.urls.items()},
            "records": {stack: asdict(records) for stack, records in self.records.items()},
        }


def read_status(settings: Settings) -> Status:
    engine = make_engine(settings).status()
    if engine.state != "running":
        return Status(engine, [], {})
    environment = read_environment(LOCAL)
    session = session_for(environment, engine.endpoint)
    stacks = read_all_deployed(environment, session)
    records = {stack.name: count_records(session, stack.outputs) for stack in stacks}
    urls = urls_of(read_manifests(), {stack.name: stack.outputs for stack in stacks})
    return Status(engine, stacks, records, urls)


def count_records(session: boto3.Session, outputs: Mapping[str, Any]) -> Records:
    """How many records are where, for everything that a stack's outputs name. -1 means that it is missing."""
    queues = dict(outputs.get("queue_urls", {}))
    queues |= {f"{name} (dead letters)": url for name, url in outputs.get("dead_letter_queue_urls", {}).items()}
    with ThreadPoolExecutor(16) as pool:

        def count(one: Callable[[Any, str], int], service: str, names: Mapping[str, str]) -> dict[str, Any]:
            # Clients may be shared by threads, but not made by several at once.
            client = session.client(service)  # type: ignore[call-overload]
            return {name: pool.submit(_or_missing, one, client, where) for name, where in sorted(names.items())}

        pending = (
            count(_count_items, "dynamodb", outputs.get("table_names", {})),
            count(count_messages, "sqs", queues),
            count(_count_stream_records, "kinesis", outputs.get("stream_names", {})),
            count(_count_objects, "s3", outputs.get("bucket_names", {})),
        )
        return Records(*({name: future.result() for name, future in counts.items()} for counts in pending))


def _or_missing(count: Callable[[Any, str], int], client: Any, where: str) -> int:
    from botocore.exceptions import ClientError

    try:
        return count(client, where)
    except ClientError:
        return -1


def _count_items(dynamodb: DynamoDBClient, table: str) -> int:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, Select="COUNT")
    return sum(page["Count"] for page in pages)


def count_messages(sqs: SQSClient, url: str) -> int:
    attributes = sqs.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ],
    )["Attributes"]
    return sum(int(value) for value in attributes.values())


def _count_stream_records(kinesis: KinesisClient, stream: str) -> int:
    total = 0
    for page in kinesis.get_paginator("list_shards").paginate(StreamName=stream):
        for shard in page["Shards"]:
            iterator: str | None = kinesis.get_shard_iterator(
                StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while iterator:
                answer = kinesis.get_records(ShardIterator=iterator, Limit=10_000)
                total += len(answer["Records"])
                at_end = answer.get("MillisBehindLatest", 0) == 0
                iterator = None if at_end else answer.get("NextShardIterator")
    return total


def _count_objects(s3: S3Client, bucket: str) -> int:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return sum(page["KeyCount"] for page in pages)


def engine_summary(engine: EngineStatus) -> str:
    words = [f"{engine.name} {engine.state}"]
    words += [f"version {engine.version}"] if engine.version else []
    words += [f"process {engine.pid}"] if engine.pid else []
    words += [f"{engine.memory_mb} MB"] if engine.memory_mb else []
    words += [engine.detail] if engine.detail else []
    return ", ".join(words)


def resource_tree(stacks: list[DeployedStack]) -> Tree:
    """Stacks, their modules, their resources with their names on AWS."""
    tree = Tree("deployed")
    for stack in stacks:
        release = f"release {escape(stack.release['digest'][:12])}" if stack.release else "apply not finished"
        branch = tree.add(f"[bold]{stack.name}[/bold]  {len(stack.resources)} resources, {release}")
        modules: dict[str, Tree] = {}
        for resource in stack.resources:
            module, _, name = resource.address.rpartition(f".{resource.type}.")
            if module and module not in modules:
                modules[module] = branch.add(escape(module.removeprefix("module.")))
            parent = modules.get(module, branch)
            shown = escape(f"{resource.type}.{name or resource.address.split('.')[-1]}")
            parent.add(f"{shown}  [dim]{escape(resource.id)}[/dim]")
    return tree


def record_table(records: Mapping[str, Records]) -> Table:
    """How many records are where, by stack."""
    table = Table("stack", "where", "name", "records", box=None, pad_edge=False, header_style="dim")
    table.columns[3].justify = "right"
    units = {"tables": "items", "queues": "messages", "streams": "records", "buckets": "objects"}
    for stack, counted in records.items():
        for kind, counts in asdict(counted).items():
            for name, count in counts.items():
                table.add_row(stack, kind[:-1], escape(name), "missing" if count < 0 else f"{count:,} {units[kind]}")
    return table
