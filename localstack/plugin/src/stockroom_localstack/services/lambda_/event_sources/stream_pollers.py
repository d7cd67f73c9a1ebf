"""Reads Kinesis streams and streams of DynamoDB tables for event source mappings, as AWS does.

LocalStack's pollers keep no checkpoint: a mapping that is changed, or disabled and enabled again, starts anew or skips
what it had read but not delivered, and so does one whose place in the stream expired while it retried a batch. They
don't bisect, the retries of one shard hold up all others, and nothing ends an endless retry. This replaces how they
read and deliver; how records become events stays theirs.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from localstack.services.lambda_.event_source_mapping.pollers.dynamodb_poller import DynamoDBPoller
from localstack.services.lambda_.event_source_mapping.pollers.kinesis_poller import KinesisPoller
from localstack.services.lambda_.event_source_mapping.pollers.poller import (
    EmptyPollResultsException,
)
from stockroom_emulation.stream_batches import (
    Batch,
    Event,
    sequence_number,
)

from stockroom_localstack.services.lambda_.requirements_of_aws import LARGEST_REQUEST
from stockroom_localstack.state import background
from stockroom_localstack.state.gate import GATE

from .stream_deliveries import DeliveringPoller
from .stream_progress import LOOK_EVERY_SECONDS, OLDEST, Lane, Shard, arrival_of, by_mapping, number_of
from .stream_reads import KinesisReader, Record, TableStreamReader
from .stream_windows import window_at

LOG = logging.getLogger(__name__)

LIST_SHARDS_SECONDS = 10.0
AROUND_A_RECORD = 600


class CheckpointedPoller(DeliveringPoller):
    """Reads the shards of a stream, divides them into lanes and makes batches of what is in each.

    reader: reads records, most_read at once. The other attributes name arguments of the stream's API.
    """

    stream_argument: str
    number_argument: str
    most_read: int
    reader: KinesisReader | TableStreamReader
    _joined = False
    _list_at = 0.0

    def configure(self, mapping: Mapping[str, Any], stopped: threading.Event) -> None:
        """stopped: set when the mapping is changed, disabled or deleted."""
        self._is_shutdown = stopped
        self._bisects = bool(mapping.get("BisectBatchOnFunctionError"))
        self._start = (mapping["StartingPosition"], mapping.get("StartingPositionTimestamp"))
        self._batching_seconds = self.stream_parameters.get("MaximumBatchingWindowInSeconds") or 0
        self._window_seconds = mapping.get("TumblingWindowInSeconds") or 0
        self._lanes = mapping.get("ParallelizationFactor") or 1
        self._function = str(mapping["FunctionArn"])
        self._progress = by_mapping[mapping["UUID"]]
        self._sender: Any = self.processor.sender  # type: ignore[attr-defined]

    def begin(self) -> None:
        """From now on nothing is skipped: LATEST is where the stream is now."""
        if self._progress.shards:
            return  # it goes on where it was
        with self._progress.lock, GATE.work():
            self._list_shards()
            for shard in self._progress.shards.values():
                shard.iterator = self._iterator(shard, *shard.next_to_read())

    def poll_events(self) -> None:
        with self._progress.lock, GATE.work():
            shards = self._progress.shards
            if self._is_shutdown.is_set() or background.rests():
                return
            if not self._joined:
                self._joined = True
                self._progress.join()
                for shard in shards.values():
                    shard.divide(self._lanes)
                    shard.keep_windows(self._window_seconds > 0)
            self._list_shards()
            if not shards:
                raise EmptyPollResultsException(service=self.event_source(), source_arn=self.source_arn or "")
            self._advance_all(list(shards.values()))
            pause = self._next_look() - time.time()
        self._is_shutdown.wait(min(max(pause, 0), LOOK_EVERY_SECONDS))

    def _advance_all(self, shards: Sequence[Shard]) -> None:
        """Side by side, since no lane waits for another one's function, until there is nothing to do in any."""
        lanes = [(shard, lane) for shard in shards for lane in shard.lanes]
        moving = set(range(len(lanes)))
        changed = threading.Condition()

        def follow(number: int) -> None:
            try:
                while moving:
                    if self._advance(*lanes[number], changed):
                        moving.add(number)
                        continue
                    moving.discard(number)
                    with changed:
                        if moving:
                            changed.wait(LOOK_EVERY_SECONDS)
            finally:
                moving.discard(number)

        if len(lanes) == 1:
            follow(0)
            return
        for shard in shards:
            self._fill(shard, time.time())
        if not any(lane.is_due(time.time()) for _, lane in lanes):
            return
        with ThreadPoolExecutor(len(lanes)) as pool:
            for future in [pool.submit(GATE.handed_over(follow), number) for number in range(len(lanes))]:
                future.result()

    def _next_look(self) -> float:
        shards = self._progress.shards.values()
        return min(shard.next_look(self._batching_seconds) for shard in shards if not self._waits_for_parents(shard))

    def _waits_for_parents(self, shard: Shard) -> bool:
        known = self._progress.shards
        return any(parent in known and not known[parent].finished for parent in shard.parents)

    def _list_shards(self) -> None:
        if time.time() < self._list_at:
            return
        known = self._progress.shards
        place = OLDEST if known else self._start
        found: dict[str, Any] = {}
        start: dict[str, str] = {}
        more = True
        while more:
            description = self.source_client.describe_stream(**{self.stream_argument: self.source_arn}, **start)
            listed = description["StreamDescription"]
            found |= {shard["ShardId"]: shard for shard in listed["Shards"]}
            self._key_schema = listed.get("KeySchema", [])
            more = bool(listed["Shards"] and (listed.get("HasMoreShards") or listed.get("LastEvaluatedShardId")))
            start = {"ExclusiveStartShardId": listed["Shards"][-1]["ShardId"]} if more else {}
        for gone in known.keys() - found.keys():
            del known[gone]
        for name, shard in found.items():
            parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
            if name not in known:
                known[name] = Shard(name, frozenset(filter(None, parents)), place)
                known[name].divide(self._lanes)
        self._list_at = time.time() + LIST_SHARDS_SECONDS

    def _advance(self, shard: Shard, lane: Lane, changed: threading.Condition) -> bool:
        """One step in a lane. False: there is nothing to do at the moment."""
        if self._is_shutdown.is_set() or background.rests():
            return False
        now = time.time()
        read = self._fill(shard, now)
        if read:
            with changed:  # it may be for other lanes
                changed.notify_all()
        if not lane.is_due(now):
            return read
        self._deliver(shard, lane, now)
        return True

    def _fill(self, shard: Shard, now: float) -> bool:
        """Reads what there is and makes batches of it. Whether something was read."""
        if shard.finished or self._waits_for_parents(shard):
            return False
        with shard.lock:
            wanted = shard.wanted(self.stream_parameters["BatchSize"], self.most_read)
            read = wanted > 0 and not shard.closed and now >= shard.read_at and self._read(shard, wanted, now)
            for lane in shard.lanes:
                while self._make_batch(shard, lane, now):
                    pass
            if shard.is_done():
                shard.finished = True
                self._list_at = 0.0
            return read

    def _read(self, shard: Shard, wanted: int, now: float) -> bool:
        """Reads so many records at the most; whether there was something to read."""
        if shard.iterator is None:
            shard.iterator = self._iterator(shard, *shard.next_to_read())
        try:
            records, iterator = self.reader.read(shard.iterator, wanted)
        except ClientError as error:
            # A stream that was made anew under its name has other iterators, too.
            if not _lost_its_place(error) and _code(error) != "ResourceNotFoundException":
                raise
            shard.iterator = None
            return True
        if len(records) < wanted:
            shard.read_at = now + LOOK_EVERY_SECONDS
        for record in records:
            shard.lane_of(self._key(record)).add(record, now)
        shard.iterator = iterator
        shard.closed = not iterator
        if records:
            shard.read_up_to = number_of(records[-1])
            shard.note_progress()
        return bool(records)

    def _iterator(self, shard: Shard, kind: str, argument: Any) -> str:
        name = "Timestamp" if kind == "AT_TIMESTAMP" else self.number_argument
        try:
            answer = self.source_client.get_shard_iterator(
                **{self.stream_argument: self.source_arn},
                ShardId=shard.id,
                ShardIteratorType=kind,
                **({} if argument is None else {name: argument}),
            )
        except ClientError as error:
            # The record is gone: it was too old, or the stream was made anew under its name.
            gone = _lost_its_place(error) or _code(error) == "InvalidArgumentException"
            if not gone or not kind.endswith("_SEQUENCE_NUMBER"):
                raise
            shard.place, shard.read_up_to = OLDEST, None
            return self._iterator(shard, *OLDEST)
        iterator = str(answer["ShardIterator"])
        if kind == "LATEST":  # asked for again it would be later
            shard.place = self.reader.place(iterator)
        return iterator

    def _make_batch(self, shard: Shard, lane: Lane, now: float) -> bool:
        """Of what a lane has in hand, if it is time for one; whether there may be another one."""
        if lane.work:
            return False
        window, count, is_full = lane.window, self._fitting(lane.buffer), False
        if self._window_seconds:
            window = window or (window_at(arrival_of(lane.buffer[0]), self._window_seconds) if lane.buffer else None)
            inside = sum(arrival_of(record) < window.end for record in lane.buffer[:count]) if window else 0
            is_full, count = inside < count, inside
            if lane.window and not inside and (lane.buffer or shard.closed or lane.window.is_over(shard.looked_at())):
                lane.work.append(Batch((), "", ends_window=True, ends_early=now < lane.window.end))
                return False
        is_full = is_full or count < len(lane.buffer) or count == self.stream_parameters["BatchSize"] or shard.closed
        if not count or (not is_full and now - lane.since < self._batching_seconds):
            return False
        events = self.transform_into_events(lane.buffer[:count], shard.id)
        last = sequence_number(events[-1])
        # This may take long, and a state that is saved meanwhile has the records in the buffer.
        if passing := [event for event in events if self._passes(event)]:
            lane.work.append(Batch(tuple(self.add_source_metadata(passing)), last))
            lane.window = window
        else:
            lane.done = int(last)
        del lane.buffer[:count]
        lane.since = now
        if not passing:
            shard.note_progress()
        return True

    def _fitting(self, records: Sequence[Record]) -> int:
        """How many of the first records make one batch."""
        records, left = records[: self.stream_parameters["BatchSize"]], LARGEST_REQUEST
        for count, record in enumerate(records):
            left -= self._bytes(record)
            if left < 0 and count:
                return count
        return len(records)

    @abstractmethod
    def _key(self, record: Record) -> str:
        """What decides in which lane a record comes."""

    @abstractmethod
    def _bytes(self, record: Record) -> int:
        """What it takes of the room in an invocation."""

    def _passes(self, event: Event) -> bool:
        return not self.filter_patterns or bool(self.filter_events(self.pre_filter([event])))


class CheckpointedKinesisPoller(CheckpointedPoller, KinesisPoller):
    """The poller of a Kinesis stream."""

    stream_argument, number_argument = "StreamARN", "StartingSequenceNumber"
    most_read = 10_000

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.reader = KinesisReader()

    def _key(self, record: Record) -> str:
        return str(record["PartitionKey"])

    def _bytes(self, record: Record) -> int:
        return len(record["Data"]) + len(record["PartitionKey"]) + AROUND_A_RECORD

    def transform_into_events(self, records: list[Record], shard_id: str) -> list[Event]:
        return [
            {
                "eventID": f"{shard_id}:{record['SequenceNumber']}",
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": record["PartitionKey"],
                    "sequenceNumber": record["SequenceNumber"],
                    "data": record["Data"],
                    "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
                },
            }
            for record in records
        ]


class CheckpointedDynamoDBPoller(CheckpointedPoller, DynamoDBPoller):
    """The poller of a table's stream."""

    stream_argument, number_argument = "StreamArn", "SequenceNumber"
    most_read = 1000

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.reader = TableStreamReader(str(self.source_arn), self.source_client)

    def _key(self, record: Record) -> str:
        [name] = [each["AttributeName"] for each in self._key_schema if each["KeyType"] == "HASH"]
        return json.dumps(record["dynamodb"]["Keys"][name])

    def _bytes(self, record: Record) -> int:
        return len(json.dumps(record)) + AROUND_A_RECORD

    def transform_into_events(self, records: list[Record], shard_id: str) -> list[Event]:
        return [
            {name: record[name] for name in ("eventID", "eventName", "dynamodb")} | identity_in(record)
            for record in records
        ]


def identity_in(record: Record) -> Event:
    """Who else than a user has changed a table, as an event tells it: in other words than the stream's API."""
    if who := record.get("userIdentity"):
        return {"userIdentity": {"type": who["Type"], "principalId": who["PrincipalId"]}}
    return {}


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _lost_its_place(error: ClientError) -> bool:
    # The last is DynamoDB Local's, for an iterator in a shard that it has dropped.
    return _code(error) in ("ExpiredIteratorException", "TrimmedDataAccessException") or "Invalid ShardId" in str(error)
