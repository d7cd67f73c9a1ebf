"""Cheap reads that show that a platform is all there: Terraform's state, and all that the stacks' outputs name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from stockroom.aws import error_code
from stockroom.deployed.outputs import Outputs, published
from stockroom.deployed.terraform_state import DeployedStack, read_deployed
from stockroom.environments import Environment

if TYPE_CHECKING:
    import boto3

# Only seeding fills them, so they hold as many items after a start as when the state was saved.
_TABLES_OF_SEEDS = ("products", "customers", "stores")

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
    environment: Environment, session: boto3.Session, stacks: list[str], release: str, tables: Mapping[str, int]
) -> list[str]:
    """What is missing, in words; nothing when the platform is whole.

    `release` is the digest that every stack must be of, `tables` counts items that must at least be there.
    """
    # Clients may be shared by threads, but not made by several at once.
    clients = _clients(session)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda name: read_deployed(environment, session, name), stacks))
        deployed = [stack for stack in found if stack and stack.resources]
        missing = [f"the stack '{name}'" for name in stacks if name not in {stack.name for stack in deployed}]
        missing += [f"release {release[:12]} of '{stack.name}'" for stack in deployed if not _is_of(stack, release)]
        if missing:
            return missing
        outputs = {stack.name: stack.outputs for stack in deployed}
        checks = [*_existence(clients, outputs), *_counts(clients.dynamodb, outputs, tables)]
        return [words for words in pool.map(_missing, checks) if words]


def count_seeded(session: boto3.Session, outputs: Outputs) -> dict[str, int]:
    """Items by table as `<stack>/<name>`, of the tables that only seeding fills."""
    dynamodb = session.client("dynamodb")
    tables = published(outputs, "table_names")
    return {str(key): _items(dynamodb, table) for key, table in tables.items() if key.name in _TABLES_OF_SEEDS}


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


def _counts(dynamodb: Any, outputs: Outputs, tables: Mapping[str, int]) -> Iterator[_Check]:
    names = {str(key): table for key, table in published(outputs, "table_names").items()}
    for table, items in tables.items():
        name = names.get(table, table)
        yield f"items of table {name}", partial(_at_least, dynamodb, name, items)


def _at_least(dynamodb: Any, table: str, items: int) -> None:
    if _items(dynamodb, table) < items:
        raise LookupError(table)


def _items(dynamodb: Any, table: str) -> int:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, Select="COUNT")
    return sum(page["Count"] for page in pages)


# All that AWS calls what is not there. Any other refusal tells nothing about that.
_NOT_THERE = re.compile(r"NotFound|NoSuch|NonExistent|^404$")


def _missing(check: _Check) -> str | None:
    """What is missing when the check fails as it does for something that is not there; other errors are raised."""
    from botocore.exceptions import ClientError

    words, read = check
    try:
        read()
    except LookupError:
        return words
    except ClientError as error:
        if _NOT_THERE.search(error_code(error)):
            return words
        raise
    return None
