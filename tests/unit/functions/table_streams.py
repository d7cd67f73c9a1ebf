"""Streams of tables, made by hand: records as Lambda hands them over, and deliveries as Lambda makes them."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

Record = dict[str, Any]


def image(item: dict[str, Any]) -> Record:
    return {name: TypeSerializer().serialize(value) for name, value in item.items()}


def record(number: int, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Record:
    """The change of an item; `number` is its sequence number, and the seconds after 2025-12-01T00:00:00Z (of a day)."""
    name = "INSERT" if before is None else "REMOVE" if after is None else "MODIFY"
    change: Record = {
        "SequenceNumber": str(number),
        "ApproximateCreationDateTime": 1764547200.0 + number % 86400,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
        "Keys": {},
    }
    if before is not None:
        change["OldImage"] = image(before)
    if after is not None:
        change["NewImage"] = image(after)
    return {"eventID": f"e{number}", "eventName": name, "eventSource": "aws:dynamodb", "dynamodb": change}


@dataclass
class Context:
    """What Lambda tells a function of its call; with `calls` left, there is time left."""

    calls: int = 1_000_000
    function_name: str = "function"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn"
    aws_request_id: str = "request"

    def get_remaining_time_in_millis(self) -> int:
        self.calls -= 1
        return 30_000 if self.calls >= 0 else 0


Handler = Callable[[Record, Any], Record]


def deliver(handler: Handler, batch: Sequence[Record], attempts: int = 1000) -> list[Record]:
    """Deliver a batch as a stream does, from the first failed record again; what is left after the last attempt."""
    left = list(batch)
    for _ in range(attempts):
        try:
            failures = handler({"Records": left}, Context())["batchItemFailures"]
        except Killed:
            continue
        if not failures:
            return []
        (failure,) = failures
        numbers = [each["dynamodb"]["SequenceNumber"] for each in left]
        left = left[numbers.index(failure["itemIdentifier"]) :]
    return left


class Killed(BaseException):
    """Lambda ended the call where it stood."""


def load(function: str, monkeypatch: pytest.MonkeyPatch, **environment: str) -> Any:
    """The function's module, loaded as in a new process of Lambda."""
    for name, value in ({"AWS_DEFAULT_REGION": "eu-west-1"} | environment).items():
        monkeypatch.setenv(name, value)
    return importlib.reload(importlib.import_module(function))
