"""The streams of tables: what was written, as the functions that read it get it, and handing it over again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import datetime
from typing import Any

from tests.e2e.data_platform.platform import Platform

Record = dict[str, Any]  # as one of the `Records` of a Lambda event

BATCH_SIZE = 100
_MOST_BYTES = 4_000_000  # Lambda takes 6 MB
_EMPTY_ANSWERS = 3  # answers without records may come before ones with some


class TableStream:
    """The stream of a table, from the moment on when this object is made: make it before you write."""

    def __init__(self, platform: Platform, table: str) -> None:
        self._client = platform.client("dynamodbstreams")
        self._arn: str = platform.table(table).latest_stream_arn
        self._iterators: dict[str, str | None] = {shard: self._iterator(shard, "LATEST") for shard in self._shards()}
        self._records: list[Record] = []

    def records(self, of: str) -> list[Record]:
        """The changes so far of items with `of` in their key, each item's in the order in which they were made."""
        for shard in self._shards():
            iterator = self._iterators[shard] if shard in self._iterators else self._iterator(shard, "TRIM_HORIZON")
            found, self._iterators[shard] = self._read(iterator)
            self._records += found
        return [deepcopy(record) for record in self._records if of in key_of(record)]

    def oldest_records(self, most: int) -> list[Record]:
        """What the stream holds from its start on, whoever wrote it; about so many records at most."""
        found: list[Record] = []
        for shard in self._shards():
            if len(found) < most:
                found += self._read(self._iterator(shard, "TRIM_HORIZON"), most)[0]
        return found

    def _shards(self) -> list[str]:
        shards: list[str] = []
        start: dict[str, str] = {}
        while True:
            listed = self._client.describe_stream(StreamArn=self._arn, **start)["StreamDescription"]
            shards += [shard["ShardId"] for shard in listed["Shards"]]
            if "LastEvaluatedShardId" not in listed:
                return shards
            start = {"ExclusiveStartShardId": listed["LastEvaluatedShardId"]}

    def _iterator(self, shard: str, kind: str) -> str:
        answer = self._client.get_shard_iterator(StreamArn=self._arn, ShardId=shard, ShardIteratorType=kind)
        return str(answer["ShardIterator"])

    def _read(self, iterator: str | None, most: float = float("inf")) -> tuple[list[Record], str | None]:
        """What is there from the iterator on, and the iterator behind it; None when the shard has ended."""
        found: list[Record] = []
        empty = 0
        while iterator and empty < _EMPTY_ANSWERS and len(found) < most:
            answer = self._client.get_records(ShardIterator=iterator)
            found += [self._as_event(record) for record in answer["Records"]]
            iterator = answer.get("NextShardIterator")
            empty = 0 if answer["Records"] else empty + 1
        return found, iterator

    def _as_event(self, record: Record) -> Record:
        about = {name: record[name] for name in ("eventID", "eventName", "eventVersion", "awsRegion", "dynamodb")}
        return about | {"eventSource": "aws:dynamodb", "eventSourceARN": self._arn}


def key_of(record: Record) -> str:
    """The value of the key of a table that has one attribute as its key, a text."""
    (value,) = record["dynamodb"]["Keys"].values()
    return str(value["S"])


def number_of(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def deliver(platform: Platform, function: str, records: Sequence[Record]) -> list[str]:
    """Hand records to the function as its event source does, batch after batch; the sequence numbers that it reports
    as failed."""
    failed: list[str] = []
    for batch in _batches(records):
        answer = platform.functions.invoke(
            FunctionName=platform.outputs["function_names"][function], Qualifier="live", Payload=_payload(batch)
        )
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        failed += [failure["itemIdentifier"] for failure in payload["batchItemFailures"]]
    return failed


def deliver_side_by_side(platform: Platform, function: str, batches: Sequence[Sequence[Record]]) -> None:
    """Hand over batches all at once. As a stream does, it delivers again what failed, but no more than five times."""
    _ = platform.functions  # made once, before the threads want it

    def until_done(records: Sequence[Record]) -> list[str]:
        failed: list[str] = []
        for _ in range(5):
            if not (failed := deliver(platform, function, records)):
                break
        return failed

    with ThreadPoolExecutor(len(batches)) as workers:
        assert not any(workers.map(until_done, batches))


def _batches(records: Sequence[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    for record in records:
        bytes_of_record = len(_payload([record]))
        if batch and (len(batch) == BATCH_SIZE or size + bytes_of_record > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += bytes_of_record
    if batch:
        yield batch


def _payload(records: Sequence[Record]) -> bytes:
    def encode(value: object) -> float:
        assert isinstance(value, datetime)
        return value.timestamp()

    return json.dumps({"Records": list(records)}, default=encode).encode()


def take_failed(platform: Platform, queue: str, record: Record) -> list[Record]:
    """Take the messages about this record off the on-failure queue of its stream; all others are soon back."""
    return [json.loads(body) for body in platform.take_dead_letters(f'"{number_of(record)}"', queue)]
