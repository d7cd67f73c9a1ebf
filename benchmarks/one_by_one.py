"""Loading data without the toolkit: one request a record with boto3, or one process a record with `awslocal`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.commands import run
from seed.dynamodb import to_item
from seed.records import to_json
from stockroom.environments import LOCAL, local_process_environment, read_environment

SERVICES = ("kinesis", "sqs", "dynamodb", "s3")


@dataclass(frozen=True)
class Target:
    """Where records go: a stream, a queue, a table, a bucket."""

    stream: str
    queue_url: str
    table: str
    bucket: str


def awslocal_args(service: str, record: Any, target: Target) -> list[str]:
    """The `awslocal` command line that puts one record; a record of S3 is the path of a file."""
    match service:
        case "kinesis":
            where = ["put-record", "--stream-name", target.stream, "--partition-key", record["order_id"]]
            return ["kinesis", *where, "--data", to_json(record)]
        case "sqs":
            return ["sqs", "send-message", "--queue-url", target.queue_url, "--message-body", to_json(record)]
        case "dynamodb":
            return ["dynamodb", "put-item", "--table-name", target.table, "--item", json.dumps(to_item(record))]
        case "s3":
            return ["s3", "cp", "--quiet", str(record), f"s3://{target.bucket}/by-hand/{Path(record).name}"]
    raise ValueError(service)


def boto3_put(service: str, client: Any, target: Target) -> Callable[[Any], object]:
    """A function that puts one record."""
    match service:
        case "kinesis":
            return lambda record: client.put_record(
                StreamName=target.stream, PartitionKey=record["order_id"], Data=to_json(record).encode()
            )
        case "sqs":
            return lambda record: client.send_message(QueueUrl=target.queue_url, MessageBody=to_json(record))
        case "dynamodb":
            return lambda record: client.put_item(TableName=target.table, Item=to_item(record))
        case "s3":
            return lambda file: client.put_object(
                Bucket=target.bucket, Key=f"loop/{Path(file).name}", Body=Path(file).read_bytes()
            )
    raise ValueError(service)


def timed_each(put: Callable[[Any], object], records: Iterable[Any]) -> list[float]:
    """Put the records one after the other; seconds of each."""
    seconds = []
    for record in records:
        started = perf_counter()
        put(record)
        seconds.append(perf_counter() - started)
    return seconds


def awslocal(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    """Run `awslocal`; its seconds. Raises StockroomError when it fails."""
    return run([tool("awslocal"), *words], folder, environment).seconds


def tool(name: str) -> str:
    """A command that came with the toolkit's requirements."""
    return str(Path(sys.executable).parent / name)


def shell_environment(endpoint: str) -> dict[str, str]:
    """The variables of a shell after `eval "$(invoke env)"`, in which the toolkit's commands are found."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    extra = {"PATH": path, "DISABLE_DEPRECATION_NOTICE": "1"}
    return local_process_environment(os.environ, endpoint, read_environment(LOCAL).region, extra)
