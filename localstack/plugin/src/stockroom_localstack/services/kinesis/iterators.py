"""Shard iterators: a place in a shard of a stream, as text that tells a client nothing."""

from __future__ import annotations

import base64
import json
import time
from typing import NamedTuple

from localstack.aws.api.kinesis import ExpiredIteratorException, InvalidArgumentException

LIVES_SECONDS = 300.0


class Place(NamedTuple):
    """Behind the record `after` of a shard. created: when the stream was made; another may have its name by now."""

    stream: str
    created: float
    shard: str
    after: int


def encode(place: Place) -> str:
    """An iterator at the place, made now."""
    return base64.b64encode(json.dumps([*place, time.time()]).encode()).decode()


def decode(iterator: str) -> Place:
    """Raises InvalidArgumentException and, five minutes after it was made, ExpiredIteratorException."""
    iterator = iterator.removeprefix('"').removesuffix('"')  # as AWS's command line prints it
    try:
        stream, created, shard, after, issued = json.loads(base64.b64decode(iterator, validate=True))
        place = Place(str(stream), float(created), str(shard), int(after))
        age = time.time() - float(issued)
    except (ValueError, TypeError):
        raise InvalidArgumentException("Invalid ShardIterator.") from None
    if age > LIVES_SECONDS:
        raise ExpiredIteratorException(
            f"Iterator expired. The iterator was created {age:.0f} seconds ago, and iterators live for "
            f"{LIVES_SECONDS:.0f} seconds."
        )
    return place
