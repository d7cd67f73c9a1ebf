"""Cheap reads that show that a platform is all there: Terraform's state, and all that the stacks' outputs name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from stockroom.aws import error_code
from stockroom.deployed.outputs import Outputs, published
from stockroom.deployed.terraform_state import DeployedStack, read_deployed
from stockroom.environments import Environment
from stockroom.seeder import Seeder

if TYPE_CHECKING:
    import boto3

Counts = Mapping[str, Mapping[str, int]]
"""Stack → how many records there are of what only seeding changes, by short name."""

_Check = tuple[str, Callable[[], object]]


class _Clients(NamedTuple):
    s3: Any
    dynamodb: Any
    sqs: Any
    kinesis: Any
    functions: Any


def prepare(session: boto3.Session) -> None:
    """Let the session load what `find_missing` needs, which takes half a second that something else may be done in."""
    _clients(session)


def _clients(session: boto3.Session) -> _Clients:
    return _Clients(*(session.client(name) for name in ("s3", "dynamodb", "sqs", "kinesis", "lambda")))


def find_missing(
    environment: Environment,
    session: boto3.Session,
    stacks: Iterable[str],
    release: str,
    counts: Counts,
    seeders: Mapping[str, Seeder],
) -> list[str]:
    """What is missing, in words; nothing when the platform is whole.

    `release` is the digest that every stack must be of, `counts` tells how many records must at least be there.
    """
    # Clients may be shared by threads, but not made by several at once.
    clients = _clients(session)
    names = list(stacks)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda name: read_deployed(environment, session, name), names))
        deployed = [stack for stack in found if stack and stack.resources]
        missing = [f"the stack '{name}'" for name in names if name not in {stack.name for stack in deployed}]
        missing += [f"release {release[:12]} of '{stack.name}'" for stack in deployed if not _is_of(stack, release)]
        if missing:
            return missing
        outputs = {stack.name: stack.outputs for stack in deployed}
        seeded = [stack for stack in outputs if counts.get(stack) and stack in seeders]
        counting = {stack: pool.submit(seeders[stack].count, outputs[stack], session) for stack in seeded}
        missing = [label for label in pool.map(_missing, _existence(clients, outputs)) if label]
        for stack, now in counting.items():
            missing += _fewer(counts[stack], now.result())
        return missing


def _fewer(before: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    return [f"records of {name}" for name, count in before.items() if now.get(name, 0) < count]


def count_seeded(session: boto3.Session, outputs: Outputs, seeders: Mapping[str, Seeder]) -> dict[str, dict[str, int]]:
    """How many records there are of what only seeding changes, by stack and short name."""
    return {stack: dict(seeder.count(outputs[stack], session)) for stack, seeder in seeders.items() if stack in outputs}


def _is_of(stack: DeployedStack, release: str) -> bool:
    return bool(stack.release) and stack.release["digest"] == release  # type: ignore[index]


def _existence(clients: _Clients, outputs: Outputs) -> Iterator[_Check]:
    for bucket in published(outputs, "bucket_names").values():
        yield f"bucket {bucket}", partial(clients.s3.head_bucket, Bucket=bucket)
    for table in published(outputs, "table_names").values():
        yield f"table {table}", partial(clients.dynamodb.describe_table, TableName=table)
    queues = (published(outputs, output) for output in ("queue_urls", "dead_letter_queue_urls"))
    for url in chain.from_iterable(found.values() for found in queues):
        yield f"queue {url}", partial(clients.sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["QueueArn"])
    for stream in published(outputs, "stream_names").values():
        yield f"stream {stream}", partial(clients.kinesis.describe_stream_summary, StreamName=stream)
    for function in published(outputs, "function_names").values():
        yield f"function {function}", partial(clients.functions.get_function_configuration, FunctionName=function)


# All that AWS calls what is not there. Any other refusal tells nothing about that.
_NOT_THERE = re.compile(r"NotFound|NoSuch|NonExistent|^404$")


def _missing(check: _Check) -> str | None:
    """What is missing when the check fails as it does for something that is not there; other errors are raised."""
    from botocore.exceptions import ClientError

    label, read = check
    try:
        read()
    except ClientError as error:
        if _NOT_THERE.search(error_code(error)):
            return label
        raise
    return None
