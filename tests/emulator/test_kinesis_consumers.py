"""Consumers of Kinesis: subscriptions to shards, and workers that share them as Amazon's client library does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .recipe import wait_for

WHOLE = {"Type": "TRIM_HORIZON"}


class Stream:
    def __init__(self, kinesis: Any, name: str, shards: int) -> None:
        self.kinesis, self.name = kinesis, name
        kinesis.create_stream(StreamName=name, ShardCount=shards)
        self.wait()
        self.arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]

    def wait(self) -> None:
        def is_active() -> bool:
            summary = self.kinesis.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
            return bool(summary["StreamStatus"] == "ACTIVE")

        wait_for("the stream to be active", is_active)

    def put(self, *bodies: str, hash_key: int = 0) -> list[str]:
        """The records' sequence numbers."""
        records = [{"Data": body.encode(), "PartitionKey": body, "ExplicitHashKey": str(hash_key)} for body in bodies]
        answer = self.kinesis.put_records(StreamName=self.name, Records=records)
        return [record["SequenceNumber"] for record in answer["Records"]]

    def shards(self, **filter_: Any) -> list[str]:
        options = {"ShardFilter": filter_} if filter_ else {}
        return [shard["ShardId"] for shard in self.kinesis.list_shards(StreamName=self.name, **options)["Shards"]]

    def split(self, shard: str) -> None:
        self.kinesis.split_shard(StreamName=self.name, ShardToSplit=shard, NewStartingHashKey=str(2**127))
        self.wait()

    def consumer(self, name: str) -> str:
        """ARN of one that is active."""
        arn = str(
            self.kinesis.register_stream_consumer(StreamARN=self.arn, ConsumerName=name)["Consumer"]["ConsumerARN"]
        )

        def is_active() -> bool:
            described = self.kinesis.describe_stream_consumer(ConsumerARN=arn)["ConsumerDescription"]
            return bool(described["ConsumerStatus"] == "ACTIVE")

        wait_for("the consumer to be active", is_active)
        return arn

    def subscribe(self, consumer: str, shard: str, **position: Any) -> Iterator[dict[str, Any]]:
        answer = self.kinesis.subscribe_to_shard(
            ConsumerARN=consumer, ShardId=shard, StartingPosition=position or WHOLE
        )
        return (event["SubscribeToShardEvent"] for event in answer["EventStream"])


@pytest.fixture
def stream(aws: Callable[[str], Any], unique: str) -> Iterator[Stream]:
    made = Stream(aws("kinesis"), unique, 1)
    yield made
    made.wait()
    made.kinesis.delete_stream(StreamName=unique, EnforceConsumerDeletion=True)


def _bodies(event: dict[str, Any]) -> list[str]:
    return [record["Data"].decode() for record in event["Records"]]


# Subscriptions


def test_a_subscription_sends_what_comes_at_once(stream: Stream) -> None:
    [shard] = stream.shards()
    events = stream.subscribe(stream.consumer("a"), shard, Type="LATEST")
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, events)
        numbers = stream.put("1", "2")
        first = coming.result()
    if not first["Records"]:  # it was quiet for five seconds before
        first = next(events)
    assert _bodies(first) == ["1", "2"]
    assert first["ContinuationSequenceNumber"] >= numbers[-1]


def test_a_subscription_goes_on_where_the_last_one_ended_also_without_records(stream: Stream) -> None:
    [shard], consumer = stream.shards(), stream.consumer("a")
    stream.put("old")
    empty = next(stream.subscribe(consumer, shard, Type="LATEST"))
    assert (_bodies(empty), empty["MillisBehindLatest"]) == ([], 0)
    stream.put("between")
    number = empty["ContinuationSequenceNumber"]
    again = next(stream.subscribe(stream.consumer("b"), shard, Type="AFTER_SEQUENCE_NUMBER", SequenceNumber=number))
    assert _bodies(again) == ["between"]
    assert again["ContinuationSequenceNumber"] > number


def test_a_shard_that_was_split_ends_with_its_children(stream: Stream) -> None:
    [shard], consumer = stream.shards(), stream.consumer("a")
    stream.put("1")
    events = stream.subscribe(consumer, shard)
    assert _bodies(next(events)) == ["1"]
    stream.put("2")
    stream.split(shard)
    *records, last = events
    assert [body for event in [*records, last] for body in _bodies(event)] == ["2"]
    assert "ContinuationSequenceNumber" not in last
    assert {child["ShardId"] for child in last["ChildShards"]} == set(stream.shards()) - {shard}
    assert all(child["ParentShards"] == [shard] for child in last["ChildShards"])


def test_a_second_subscription_waits_for_five_seconds_and_ends_the_first(stream: Stream) -> None:
    [shard], consumer = stream.shards(), stream.consumer("a")
    began = time.monotonic()
    first = stream.subscribe(consumer, shard, Type="LATEST")
    with pytest.raises(stream.kinesis.exceptions.ResourceInUseException):
        stream.subscribe(consumer, shard)
    wait_for("the first to be five seconds old", lambda: time.monotonic() > began + 5.5)
    stream.subscribe(consumer, shard)
    assert all(not event["Records"] for event in first)  # and it ends


def test_a_subscription_ends_with_its_consumer(stream: Stream) -> None:
    [shard], consumer = stream.shards(), stream.consumer("a")
    events = stream.subscribe(consumer, shard, Type="LATEST")
    stream.kinesis.deregister_stream_consumer(ConsumerARN=consumer)
    assert all(not event["Records"] for event in events)


def test_who_is_not_active_subscribes_to_nothing(stream: Stream) -> None:
    made = stream.kinesis.register_stream_consumer(StreamARN=stream.arn, ConsumerName="new")["Consumer"]
    assert made["ConsumerStatus"] == "CREATING"
    with pytest.raises(stream.kinesis.exceptions.ResourceInUseException):
        stream.subscribe(made["ConsumerARN"], stream.shards()[0])


# Places


def test_only_numbers_of_the_stream_are_places(stream: Stream) -> None:
    [shard] = stream.shards()
    described = stream.kinesis.list_shards(StreamName=stream.name)["Shards"][0]
    start = described["SequenceNumberRange"]["StartingSequenceNumber"]
    [number] = stream.put("1")

    def found(kind: str, number: str) -> list[str]:
        iterator = stream.kinesis.get_shard_iterator(
            StreamName=stream.name, ShardId=shard, ShardIteratorType=kind, StartingSequenceNumber=number
        )["ShardIterator"]
        return _bodies(stream.kinesis.get_records(ShardIterator=iterator))

    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        assert found(kind, start) == ["1"]  # where a shard begins there is no record
        for strange in ("0", "1", str(int(number) + 1), "9" * 56):
            with pytest.raises(stream.kinesis.exceptions.InvalidArgumentException, match="did not come from"):
                found(kind, strange)
    assert found("AT_SEQUENCE_NUMBER", number) == ["1"]
    assert found("AFTER_SEQUENCE_NUMBER", number) == []


def test_a_time_to_come_is_no_place(stream: Stream) -> None:
    with pytest.raises(stream.kinesis.exceptions.InvalidArgumentException, match="later than now"):
        stream.kinesis.get_shard_iterator(
            StreamName=stream.name,
            ShardId=stream.shards()[0],
            ShardIteratorType="AT_TIMESTAMP",
            Timestamp=datetime.now(UTC) + timedelta(hours=1),
        )


def test_shards_are_chosen_by_when_they_were_open(stream: Stream) -> None:
    [parent] = stream.shards()
    second = int(time.time())
    wait_for("the next second", lambda: int(time.time()) > second)  # boto3 sends whole seconds
    before = datetime.now(UTC)
    wait_for("the one after", lambda: int(time.time()) > second + 1)
    stream.split(parent)
    second = int(time.time())
    wait_for("the next second", lambda: int(time.time()) > second)
    after = datetime.now(UTC)
    children = [shard for shard in stream.shards() if shard != parent]
    assert stream.shards(Type="AT_LATEST") == children
    assert stream.shards(Type="AT_TRIM_HORIZON") == [parent]
    assert stream.shards(Type="FROM_TRIM_HORIZON") == [parent, *children]
    assert stream.shards(Type="AFTER_SHARD_ID", ShardId=parent) == children
    assert stream.shards(Type="AT_TIMESTAMP", Timestamp=before) == [parent]
    assert stream.shards(Type="AT_TIMESTAMP", Timestamp=after) == children
    assert stream.shards(Type="FROM_TIMESTAMP", Timestamp=before) == [parent, *children]
    assert stream.shards(Type="FROM_TIMESTAMP", Timestamp=after) == children
    for kind in ("AFTER_SHARD_ID", "AT_TIMESTAMP", "FROM_TIMESTAMP"):
        with pytest.raises(stream.kinesis.exceptions.InvalidArgumentException):
            stream.shards(Type=kind)


# A consumer as Amazon's library is one: leases in a table, parents before children, checkpoints, takeover.


@dataclass
class Worker:
    """Takes leases that nobody renews, subscribes to their shards, and writes after each event how far it has come."""

    name: str
    stream: Stream
    leases: dict[str, dict[str, Any]]  # the lease table: by shard, its owner and checkpoint
    lock: threading.Lock
    seen: list[tuple[str, str]]  # shard and body, by all workers
    dies_after: int = 10**9  # so many records
    consumer: str = field(init=False)

    def __post_init__(self) -> None:
        self.consumer = self.stream.consumer(self.name)

    def run(self, is_done: Callable[[], bool]) -> None:
        while not is_done():
            if shard := self._take():
                if not self._follow(shard):
                    return  # it dies, and renews no lease
            else:
                time.sleep(0.05)

    def _take(self) -> str | None:
        shards = self.stream.kinesis.list_shards(StreamName=self.stream.name)["Shards"]
        with self.lock:
            for shard in shards:
                lease = self.leases.setdefault(shard["ShardId"], {"owner": None, "checkpoint": None})
                parents = [shard[name] for name in ("ParentShardId", "AdjacentParentShardId") if name in shard]
                ready = all(self.leases[parent]["checkpoint"] == "SHARD_END" for parent in parents)
                if ready and lease["owner"] is None and lease["checkpoint"] != "SHARD_END":
                    lease["owner"] = self.name
                    return str(shard["ShardId"])
        return None

    def _follow(self, shard: str) -> bool:
        lease = self.leases[shard]
        number = lease["checkpoint"]
        begin = {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": number} if number else WHOLE
        for event in self.stream.subscribe(self.consumer, shard, **begin):
            for body in _bodies(event):
                if self.dies_after <= 0:
                    lease["owner"] = None  # which others find out when it is not renewed
                    return False
                self.seen.append((shard, body))
                self.dies_after -= 1
            # As the library checks it: the one or the other.
            assert ("ContinuationSequenceNumber" in event) != bool(event.get("ChildShards"))
            lease["checkpoint"] = event.get("ContinuationSequenceNumber", "SHARD_END")
        lease["owner"] = None
        return True


def test_workers_share_shards_and_take_over_from_one_that_died(stream: Stream) -> None:
    bodies = [f"{number:03}" for number in range(60)]
    [parent] = stream.shards()
    leases: dict[str, dict[str, Any]] = {}
    seen: list[tuple[str, str]] = []
    lock = threading.Lock()

    def is_done() -> bool:
        return {body for _, body in seen} == set(bodies)

    stream.put(*bodies[:20])
    mortal = Worker("mortal", stream, leases, lock, seen, dies_after=10)
    mortal.run(is_done)
    assert [body for _, body in seen] == bodies[:10]
    workers = [Worker(name, stream, leases, lock, seen) for name in ("one", "other")]
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(worker.run, is_done) for worker in workers]
        stream.put(*bodies[20:30])
        stream.split(parent)
        stream.put(*bodies[30:45])
        stream.put(*bodies[45:], hash_key=2**128 - 1)
        wait_for("all records", is_done, 60)
        # Subscriptions have nothing to come any more; deleting their consumers ends them.
        for worker in workers:
            stream.kinesis.deregister_stream_consumer(ConsumerARN=worker.consumer)
        for each in running:
            each.result(30)
    of_parent = [body for shard, body in seen if shard == parent]
    assert of_parent == bodies[:10] + bodies[:30]  # what the dead one had not written down came again
    of_children = seen[len(of_parent) :]
    assert parent not in {shard for shard, _ in of_children}
    assert len({shard for shard, _ in of_children}) == 2
    for shard in {shard for shard, _ in of_children}:
        found = [body for other, body in of_children if other == shard]
        assert found == sorted(found)
    assert len(of_children) == 30
