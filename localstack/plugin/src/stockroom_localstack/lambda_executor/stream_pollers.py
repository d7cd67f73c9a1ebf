"""Reads Kinesis streams and streams of DynamoDB tables for event source mappings, as AWS does.

LocalStack's pollers keep no checkpoint: a mapping that is changed, or disabled and enabled again, starts anew or skips
what it had read but not delivered, and so does one whose place in the stream expired while it retried a batch. They
don't bisect, the retries of one shard hold up all others, and nothing ends an endless retry. This replaces how they
read and deliver; how records become events stays theirs.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from localstack.services.lambda_.event_source_mapping.event_processor import BatchFailureError, PartialBatchFailureError
from localstack.services.lambda_.event_source_mapping.pollers.dynamodb_poller import DynamoDBPoller
from localstack.services.lambda_.event_source_mapping.pollers.kinesis_poller import KinesisPoller
from localstack.services.lambda_.event_source_mapping.pollers.poller import (
    EmptyPollResultsException,
    get_batch_item_failures,
)
from localstack.services.lambda_.event_source_mapping.pollers.stream_poller import StreamPoller
from localstack.utils.strings import long_uid

from ..state import background
from ..state.gate import GATE
from . import metrics
from .stream_batches import (
    Batch,
    Event,
    after_failure,
    arrival,
    expired_events,
    failure_context,
    first_failure,
    sequence_number,
    split,
)
from .stream_reads import KinesisReader, Record, TableStreamReader

LOG = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 0.25  # as AWS at a shard of a table's stream; one that has more to read is read at once
LIST_SHARDS_SECONDS = 10.0
THROTTLED_SECONDS = 1.0
OLDEST = ("TRIM_HORIZON", None)


@dataclass
class Shard:
    """How far a mapping has come in a shard, and what it has read beyond that.

    place: type and argument of an iterator at the first record that is not done. parents: shards to be finished first.
    buffer: records that make no full batch yet, and since when they wait. work: batches to deliver, in their order.
    """

    id: str
    parents: frozenset[str]
    place: tuple[str, Any]
    iterator: str | None = None
    closed: bool = False
    finished: bool = False
    buffer: list[Record] = field(default_factory=list)
    since: float = 0.0
    read_at: float = 0.0
    work: deque[Batch] = field(default_factory=deque)

    def done_up_to(self, number: str) -> None:
        self.place = ("AFTER_SEQUENCE_NUMBER", number)

    def next_look(self, window: float) -> float:
        """When there may be something to do, with a batching window of so many seconds."""
        if self.finished:
            return float("inf")
        if self.work:
            return self.work[0].retry_at
        if self.buffer:
            return min(self.read_at, self.since + window)
        return self.read_at

    def go_back(self) -> None:
        """Forgets what was read and is not done."""
        self.iterator, self.closed = None, False
        self.buffer.clear()
        self.work.clear()


class Progress:
    """How far a mapping has come, for all the workers that it has in the course of its life. One at a time goes on.

    is_loaded: it comes from a saved state, with batches that are to be delivered as they are. A function that was under
    way when that was saved may have stored what is in them.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.shards: dict[str, Shard] = {}
        self.is_loaded = False

    def join(self) -> None:
        """Another worker goes on."""
        if not self.is_loaded:
            for shard in self.shards.values():
                shard.go_back()
        self.is_loaded = False


_progress: defaultdict[str, Progress] = defaultdict(Progress)  # by the mapping's UUID


class CheckpointedPoller(StreamPoller):
    stream_argument: str
    number_argument: str
    reader: KinesisReader | TableStreamReader
    _joined = False
    _list_at = 0.0

    def configure(self, mapping: Mapping[str, Any], stopped: threading.Event) -> None:
        """stopped: set when the mapping is changed, disabled or deleted."""
        self._is_shutdown = stopped
        self._bisects = bool(mapping.get("BisectBatchOnFunctionError"))
        self._start = (mapping["StartingPosition"], mapping.get("StartingPositionTimestamp"))
        self._window = self.stream_parameters.get("MaximumBatchingWindowInSeconds") or 0
        self._function = str(mapping["FunctionArn"])
        self._progress = _progress[mapping["UUID"]]

    def begin(self) -> None:
        """From now on nothing is skipped: LATEST is where the stream is now."""
        if self._progress.shards:
            return  # it goes on where it was
        with self._progress.lock, GATE.work():
            self._list_shards()
            for shard in self._progress.shards.values():
                shard.iterator = self._iterator(shard)

    def poll_events(self) -> None:
        with self._progress.lock, GATE.work():
            shards = self._progress.shards
            if self._is_shutdown.is_set() or background.rests():
                return
            if not self._joined:
                self._joined = True
                self._progress.join()
            self._list_shards()
            if not shards:
                raise EmptyPollResultsException(service=self.event_source(), source_arn=self.source_arn or "")
            self._advance_all(list(shards.values()))
            pause = self._next_look() - time.time()
        self._is_shutdown.wait(min(max(pause, 0), LOOK_EVERY_SECONDS))

    def _advance_all(self, shards: Sequence[Shard]) -> None:
        """Side by side, since no shard waits for another one's function, until there is nothing to do in any."""
        moving = {shard.id for shard in shards}

        def follow(shard: Shard) -> None:
            try:
                while moving:
                    if self._advance(shard):
                        moving.add(shard.id)
                        continue
                    moving.discard(shard.id)
                    if moving:
                        time.sleep(LOOK_EVERY_SECONDS)
            finally:
                moving.discard(shard.id)

        if len(shards) == 1:
            follow(shards[0])
            return
        with ThreadPoolExecutor(len(shards)) as pool:
            for future in [pool.submit(GATE.handed_over(follow), shard) for shard in shards]:
                future.result()

    def _next_look(self) -> float:
        shards = self._progress.shards.values()
        return min(shard.next_look(self._window) for shard in shards if not self._waits_for_parents(shard))

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
            more = bool(listed["Shards"] and (listed.get("HasMoreShards") or listed.get("LastEvaluatedShardId")))
            start = {"ExclusiveStartShardId": listed["Shards"][-1]["ShardId"]} if more else {}
        for gone in known.keys() - found.keys():
            del known[gone]
        for name, shard in found.items():
            parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
            known.setdefault(name, Shard(name, frozenset(filter(None, parents)), place))
        self._list_at = time.time() + LIST_SHARDS_SECONDS

    def _advance(self, shard: Shard) -> bool:
        """One step in a shard. False: there is nothing to do at the moment."""
        now = time.time()
        if self._is_shutdown.is_set() or background.rests() or shard.finished or self._waits_for_parents(shard):
            return False
        if shard.work:
            if now < shard.work[0].retry_at:
                return False
            self._deliver(shard, now)
            return True
        size = self.stream_parameters["BatchSize"]
        # A buffer may be full already: that of a state which was saved while it became a batch.
        wanted = 0 if shard.closed or now < shard.read_at else size - len(shard.buffer)
        read = wanted > 0 and self._read(shard, wanted, now)
        if shard.buffer and (shard.closed or len(shard.buffer) >= size or now - shard.since >= self._window):
            self._make_batch(shard)
            return True
        if shard.closed and not shard.buffer:
            shard.finished = True
            self._list_at = 0.0
        return read

    def _read(self, shard: Shard, wanted: int, now: float) -> bool:
        """Reads so many records at the most; whether there was something to read."""
        if shard.iterator is None:
            shard.iterator = self._iterator(shard)
        try:
            records, iterator = self.reader.read(shard.iterator, wanted)
        except ClientError as error:
            if not _lost_its_place(error):
                raise
            shard.buffer.clear()
            shard.iterator = None
            return True
        if len(records) < wanted:
            shard.read_at = now + LOOK_EVERY_SECONDS
        if records:
            if not shard.buffer:
                shard.since = now
            if shard.place[0] in ("TRIM_HORIZON", "AT_TIMESTAMP"):
                shard.place = ("AT_SEQUENCE_NUMBER", self._number(records[0]))
            shard.buffer += records
        shard.iterator = iterator
        shard.closed = not iterator
        return bool(records)

    def _iterator(self, shard: Shard) -> str:
        kind, argument = shard.place
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
            shard.place = OLDEST
            return self._iterator(shard)
        iterator = str(answer["ShardIterator"])
        if kind == "LATEST":  # asked for again it would be later
            shard.place = self.reader.place(iterator)
        return iterator

    def _number(self, record: Mapping[str, Any]) -> str:
        return str(record["SequenceNumber"] if "SequenceNumber" in record else record["dynamodb"]["SequenceNumber"])

    def _make_batch(self, shard: Shard) -> None:
        events = self.transform_into_events(shard.buffer, shard.id)
        last = sequence_number(events[-1])
        if passing := [event for event in events if self._passes(event)]:
            shard.work.append(Batch(tuple(self.add_source_metadata(passing)), last))
        else:
            shard.done_up_to(last)
        shard.buffer = []

    def _passes(self, event: Event) -> bool:
        return not self.filter_patterns or bool(self.filter_events(self.pre_filter([event])))

    def _deliver(self, shard: Shard, now: float) -> None:
        """Hands the first batch of a shard to the function, and puts what is left of it in its place."""
        batch = shard.work[0]
        maximum_age = self.stream_parameters.get("MaximumRecordAgeInSeconds", -1)
        expired = expired_events(batch, maximum_age, now) if maximum_age > 0 else 0
        left: list[Batch]
        if expired:
            old, *left = split(batch, expired) if expired < len(batch.events) else (batch,)
            self._discard(shard, old, "RecordAgeExceeded")
        else:
            left = self._invoke(batch)
            if left and self._is_exhausted(left[0]):
                self._discard(shard, left.pop(0), "RetryAttemptsExhausted")
                assert not left
        shard.work.popleft()
        shard.work.extendleft(reversed(left))
        first_left = batch.events.index(left[0].events[0]) if left else len(batch.events)
        if first_left == len(batch.events):
            shard.done_up_to(batch.last)
        elif first_left:
            shard.done_up_to(sequence_number(batch.events[first_left - 1]))

    def _invoke(self, batch: Batch) -> list[Batch]:
        """What is to be tried again."""
        metrics.iterator_age(self._function, max(time.time() - arrival(batch.events[-1]), 0))
        tried = replace(batch, invocations=batch.invocations + 1)
        first = 0
        try:
            self.processor.process_events_batch(list(batch.events))
            return []
        except PartialBatchFailureError as failure:
            numbers = {sequence_number(event) for event in batch.events}
            response: Any = failure.partial_failure_payload
            first = first_failure(batch, get_batch_item_failures(response, numbers))
            tried = replace(tried, error=failure.error)
        except BatchFailureError as failure:
            tried = replace(tried, error=failure.error)
        except ClientError as error:
            # Throttled, or the function is not there: it was not invoked, and no attempt is used up.
            LOG.warning("could not invoke %s with records of %s: %s", self._function, self.source_arn, error)
            return [replace(batch, retry_at=time.time() + THROTTLED_SECONDS)]
        except Exception as error:
            LOG.error("the answer of %s to records of %s makes no sense: %s", self._function, self.source_arn, error)
        return after_failure(tried, first, bisects=self._bisects, now=time.time())

    def _is_exhausted(self, batch: Batch) -> bool:
        most: int = self.stream_parameters.get("MaximumRetryAttempts", -1)
        return 0 <= most < batch.failures

    def _discard(self, shard: Shard, batch: Batch, condition: str) -> None:
        """As on AWS, a destination that can't be reached gets nothing, and the shard goes on."""
        context = failure_context(batch, condition, self._function, long_uid())
        try:
            self.send_events_to_dlq(shard.id, list(batch.events), context=context)
        except Exception as error:
            LOG.error("records %s of %s are lost to their destination: %s", batch.last, self.source_arn, error)

    def get_approximate_arrival_time(self, record: Event) -> float:
        return arrival(record)


class CheckpointedKinesisPoller(CheckpointedPoller, KinesisPoller):
    stream_argument, number_argument = "StreamARN", "StartingSequenceNumber"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.reader = KinesisReader()

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
    stream_argument, number_argument = "StreamArn", "SequenceNumber"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.reader = TableStreamReader(str(self.source_arn), self.source_client)

    def transform_into_events(self, records: list[Record], shard_id: str) -> list[Event]:
        return [{name: record[name] for name in ("eventID", "eventName", "dynamodb")} for record in records]


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _lost_its_place(error: ClientError) -> bool:
    # The last is DynamoDB Local's, for an iterator in a shard that it has dropped.
    return _code(error) in ("ExpiredIteratorException", "TrimmedDataAccessException") or "Invalid ShardId" in str(error)


def go_on_where_saved() -> None:
    """To be called when a state was loaded, before its event sources are started."""
    for progress in _progress.values():
        progress.is_loaded = True
