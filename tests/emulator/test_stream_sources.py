"""Event source mappings of streams: nothing is skipped, nothing comes twice without need, failures are set aside."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zlib import crc32

import pytest
from botocore.exceptions import ClientError

from .functions import Functions
from .recipe import wait_for
from .test_dynamodb_streams import Table, delete_expired, live_until

# Sends what it gets to a queue, and fails as the bodies say: `raise`, `report`, or `slow` for one second more. With
# `meet` it waits until another one has sent something too, and tells so.
SOURCE = """
    import base64, json, os, time
    import boto3
    sqs = boto3.client("sqs")
    def body_of(record):
        if "kinesis" in record:
            return base64.b64decode(record["kinesis"]["data"]).decode()
        return record["dynamodb"]["Keys"]["id"]["S"]
    def number_of(record):
        return record["kinesis"]["sequenceNumber"] if "kinesis" in record else record["dynamodb"]["SequenceNumber"]
    def waiting(sqs):
        asked = sqs.get_queue_attributes(QueueUrl=os.environ["SEEN"], AttributeNames=["ApproximateNumberOfMessages"])
        return int(asked["Attributes"]["ApproximateNumberOfMessages"])
    def handler(event, context):
        bodies = [body_of(record)[:100] for record in event["Records"]]
        sqs.send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(bodies))
        if any(body.startswith("slow") for body in bodies):
            time.sleep(1)
        if any(body.startswith("meet") for body in bodies):
            while waiting(sqs) < 2:
                time.sleep(0.1)
            sqs.send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(["met"]))
        if any(body.startswith("raise") for body in bodies):
            raise ValueError(bodies)
        failed = [number_of(record) for record in event["Records"] if body_of(record).startswith("report")]
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
"""

QUEUES = "arn:aws:sqs:us-east-1:000000000000"


class Source:
    """A Kinesis stream of one shard, a function that reads it, and the queues for what the function saw and for what
    it failed."""

    def __init__(self, aws: Callable[[str], Any], functions: Functions, name: str, shards: int = 1) -> None:
        self.name = name
        self.kinesis, self.sqs, self.cloudwatch, self.functions = (
            aws("kinesis"),
            aws("sqs"),
            aws("cloudwatch"),
            functions,
        )
        self.kinesis.create_stream(StreamName=name, ShardCount=shards)
        self.seen_queue = self.sqs.create_queue(QueueName=f"{name}-seen")["QueueUrl"]
        self._failed = self.sqs.create_queue(QueueName=f"{name}-failed")["QueueUrl"]
        self.function = functions.make(SOURCE, Environment={"Variables": {"SEEN": self.seen_queue}})
        self.batches: list[list[str]] = []
        self.kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
        self.arn = f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}"

    def map(self, **options: Any) -> str:
        """UUID of a mapping that is enabled."""
        mapping = self.functions.service.create_event_source_mapping(
            **{
                "FunctionName": self.function,
                "EventSourceArn": self.arn,
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": 10,
            }
            | {
                "DestinationConfig": {
                    "OnFailure": {"Destination": f"arn:aws:sqs:us-east-1:000000000000:{self.name}-failed"}
                }
            }
            | options,
        )["UUID"]
        self.wait_for_state(mapping, "Enabled")
        return str(mapping)

    def wait_for_state(self, mapping: str, state: str) -> None:
        service = self.functions.service
        wait_for(state, lambda: service.get_event_source_mapping(UUID=mapping)["State"] == state)

    def update(self, mapping: str, **options: Any) -> None:
        self.functions.service.update_event_source_mapping(UUID=mapping, **options)
        self.wait_for_state(mapping, "Disabled" if options.get("Enabled") is False else "Enabled")

    def put(self, *bodies: str, key: str = "same") -> None:
        records = [{"Data": body.encode(), "PartitionKey": key} for body in bodies]
        assert self.kinesis.put_records(StreamName=self.name, Records=records)["FailedRecordCount"] == 0

    def put_into_each_of_two_shards(self, *bodies: str) -> None:
        for body, key in zip(bodies, ("0", str(2**128 - 1)), strict=True):
            self.kinesis.put_record(StreamName=self.name, Data=body.encode(), PartitionKey="key", ExplicitHashKey=key)

    def waiting(self) -> int:
        """How many messages of the function nobody has looked at."""
        name = "ApproximateNumberOfMessages"
        asked = self.sqs.get_queue_attributes(QueueUrl=self.seen_queue, AttributeNames=[name])
        return int(asked["Attributes"][name])

    def seen(self) -> list[list[str]]:
        """All batches so far."""
        found = self.sqs.receive_message(QueueUrl=self.seen_queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self.batches.append(json.loads(message["Body"]))
            self.sqs.delete_message(QueueUrl=self.seen_queue, ReceiptHandle=message["ReceiptHandle"])
        return self.batches

    def counts(self) -> Counter[str]:
        return Counter(body for batch in self.seen() for body in batch)

    def lengths(self) -> int:
        """How many records the function has seen, whatever they are."""
        return sum(len(batch) for batch in self.seen())

    def failures(self, number: int, seconds: float = 30) -> list[dict[str, Any]]:
        """What was sent to the failure destination, once it is this many."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            for message in self.sqs.receive_message(QueueUrl=self._failed, WaitTimeSeconds=1).get("Messages", []):
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self._failed, ReceiptHandle=message["ReceiptHandle"])
            return len(found) >= number

        wait_for(f"{number} messages at the failure destination", look, seconds)
        return found


@pytest.fixture
def source(aws: Callable[[str], Any], functions: Functions, unique: str) -> Iterator[Source]:
    made = Source(aws, functions, unique)
    yield made
    for mapping in functions.service.list_event_source_mappings(FunctionName=made.function)["EventSourceMappings"]:
        if mapping["State"] != "Deleting":
            functions.service.delete_event_source_mapping(UUID=mapping["UUID"])
    made.kinesis.delete_stream(StreamName=unique)


def test_a_mapping_goes_on_where_it_was(source: Source) -> None:
    source.put("1", "2")
    mapping = source.map()
    wait_for("the first records", lambda: source.counts() == {"1": 1, "2": 1})
    source.update(mapping, Enabled=False)
    source.put("3")
    source.update(mapping, Enabled=True)
    wait_for("what came meanwhile", lambda: source.counts() == {"1": 1, "2": 1, "3": 1})
    source.put("4")
    source.update(mapping, BatchSize=5)
    source.put("5")
    wait_for("the rest", lambda: source.counts() == dict.fromkeys("12345", 1))
    [listed] = source.functions.service.list_event_source_mappings(FunctionName=source.function)["EventSourceMappings"]
    assert listed["State"] == "Enabled"


def test_a_batch_in_work_is_not_given_out_again_when_the_mapping_is_changed(source: Source) -> None:
    mapping = source.map()
    source.put("slow")
    wait_for("the slow record", lambda: source.counts() == {"slow": 1})
    source.update(mapping, BatchSize=5)
    source.put("last")
    wait_for("the last record", lambda: source.counts()["last"])
    assert source.counts() == {"slow": 1, "last": 1}


def test_records_that_wait_for_a_full_batch_outlast_a_change_of_the_mapping(source: Source) -> None:
    mapping = source.map(BatchSize=3, MaximumBatchingWindowInSeconds=60)
    source.put("1", "2")
    source.update(mapping, MaximumRetryAttempts=5)
    source.put("3")
    wait_for("the full batch", lambda: source.seen() == [["1", "2", "3"]])


def test_an_endless_retry_ends_with_its_mapping(source: Source) -> None:
    mapping = source.map()
    source.put("raise")
    wait_for("a retry", lambda: source.counts()["raise"] > 1)
    source.update(mapping, MaximumRetryAttempts=0)
    [message] = source.failures(1)
    assert message["requestContext"]["approximateInvokeCount"] == 1
    source.put("next")
    wait_for("the next record", lambda: source.counts()["next"] == 1)


@pytest.fixture
def two_shards(aws: Callable[[str], Any], functions: Functions, unique: str) -> Iterator[Source]:
    made = Source(aws, functions, unique, shards=2)
    mapping = made.map()
    yield made
    functions.service.delete_event_source_mapping(UUID=mapping)
    made.kinesis.delete_stream(StreamName=unique)


def test_the_retries_of_one_shard_hold_up_no_other(two_shards: Source) -> None:
    two_shards.put_into_each_of_two_shards("raise", "good")
    wait_for("the other shard's record", lambda: two_shards.counts()["good"] == 1 and two_shards.counts()["raise"] > 1)


def test_the_function_works_on_two_shards_at_once(two_shards: Source) -> None:
    two_shards.put_into_each_of_two_shards("meet one", "meet other")
    wait_for("both to have met", lambda: two_shards.waiting() == 4)
    assert two_shards.counts() == {"meet one": 1, "meet other": 1, "met": 2}


def test_a_split_batch_sets_aside_only_the_records_that_fail(source: Source) -> None:
    bodies = ["1", "2", "raise", "4", "5", "6", "7", "8"]
    source.put(*bodies)
    before = datetime.now(UTC)
    source.map(BisectBatchOnFunctionError=True, MaximumRetryAttempts=1)
    [message] = source.failures(1)
    after = datetime.now(UTC)
    calls = [
        bodies,
        ["1", "2", "raise", "4"],
        ["1", "2"],
        ["raise", "4"],
        ["raise"],
        ["raise"],
        ["4"],
        ["5", "6", "7", "8"],
    ]
    wait_for("all calls", lambda: len(source.seen()) >= len(calls))
    assert source.seen() == calls

    iterator = source.kinesis.get_shard_iterator(
        StreamName=source.name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    record = source.kinesis.get_records(ShardIterator=iterator)["Records"][2]
    assert record["Data"] == b"raise"
    arrival = record["ApproximateArrivalTimestamp"].astimezone(UTC)
    told = arrival.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert message["KinesisBatchInfo"] == {
        "shardId": "shardId-000000000000",
        "startSequenceNumber": record["SequenceNumber"],
        "endSequenceNumber": record["SequenceNumber"],
        "approximateArrivalOfFirstRecord": told,
        "approximateArrivalOfLastRecord": told,
        "batchSize": 1,
        "streamArn": source.arn,
    }
    assert message["version"] == "1.0"
    assert before - timedelta(milliseconds=1) <= datetime.fromisoformat(message["timestamp"]) <= after
    request = message["requestContext"]
    assert request["condition"] == "RetryAttemptsExhausted"
    assert request["functionArn"].endswith(f":function:{source.function}")
    assert message["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}


def test_a_reported_failure_splits_its_batch_right_there(source: Source) -> None:
    source.put("1", "report", "3", "4")
    source.map(
        BisectBatchOnFunctionError=True, MaximumRetryAttempts=1, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    [message] = source.failures(1)
    assert message["KinesisBatchInfo"]["batchSize"] == 1
    wait_for("the records behind it", lambda: source.counts()["4"])
    assert source.seen() == [
        ["1", "report", "3", "4"],
        ["report", "3", "4"],
        ["report", "3"],
        ["report"],
        ["report"],
        ["3"],
        ["4"],
    ]


def test_a_throttled_function_uses_up_no_attempts(source: Source) -> None:
    service = source.functions.service
    service.put_function_concurrency(FunctionName=source.function, ReservedConcurrentExecutions=0)
    source.put("1")
    source.map(MaximumRetryAttempts=0)
    wait_for("throttles", lambda: _metric(source, "Throttles", "Sum") >= 2, 40)
    service.delete_function_concurrency(FunctionName=source.function)
    wait_for("the record", lambda: source.counts() == {"1": 1})


def test_cloudwatch_knows_how_old_records_were_and_how_long_the_function_took(source: Source) -> None:
    source.put("slow")
    source.map()
    wait_for("the record", source.counts)
    assert 1000 <= wait_for("its duration", lambda: _metric(source, "Duration", "Maximum")) < 10_000
    assert wait_for("its age", lambda: _metric(source, "IteratorAge", "Maximum")) > 0
    assert _metric(source, "Errors", "Maximum") == 0


def _metric(source: Source, name: str, statistic: str) -> float:
    now = datetime.now(UTC)
    points = source.cloudwatch.get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=name,
        Dimensions=[{"Name": "FunctionName", "Value": source.function}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=3600,
        Statistics=[statistic],
    )["Datapoints"]
    return max((float(point[statistic]) for point in points), default=0.0)


def test_a_filter_chooses_records_and_leaves_them_as_they_were(source: Source) -> None:
    source.put('{"kind": "sale",  "n": 1}', "no JSON", '{"kind": "other"}', '{"kind": "sale",  "n": 2}')
    source.map(FilterCriteria={"Filters": [{"Pattern": json.dumps({"data": {"kind": ["sale"]}})}]})
    wanted = {'{"kind": "sale",  "n": 1}': 1, '{"kind": "sale",  "n": 2}': 1}
    wait_for("the records that pass", lambda: source.counts() == wanted)


def test_a_stream_that_is_split_is_read_on_in_its_new_shards(source: Source) -> None:
    source.map()
    source.put("1")
    source.kinesis.update_shard_count(StreamName=source.name, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    source.kinesis.get_waiter("stream_exists").wait(StreamName=source.name, WaiterConfig={"Delay": 1})
    for number in range(20):
        source.put(f"after-{number}", key=f"key-{number}")
    wanted = {"1": 1} | {f"after-{number}": 1 for number in range(20)}
    wait_for("the records of all shards", lambda: source.counts() == wanted, 40)


def test_every_change_of_a_table_reaches_the_function_once(
    aws: Callable[[str], Any], source: Source, unique: str
) -> None:
    table = Table(aws, unique)
    mapping = source.map(EventSourceArn=table.stream_arn, BatchSize=100)

    def write(number: int) -> None:
        put = {"Put": {"TableName": unique, "Item": {"id": {"S": f"item-{number}"}}}}
        table.service.transact_write_items(TransactItems=[put, {"Update": table.addition("total")}])

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(write, range(150)))
        source.update(mapping, BatchSize=50)
        list(writers.map(write, range(150, 300)))
    wanted = Counter({f"item-{number}": 1 for number in range(300)}) + Counter(total=300)
    wait_for("all changes", lambda: source.counts().total() >= 600, 60)
    assert source.counts() == wanted
    source.functions.service.delete_event_source_mapping(UUID=mapping)
    table.service.delete_table(TableName=unique)


def test_a_function_gets_only_what_the_service_removed(
    aws: Callable[[str], Any], source: Source, endpoint: str, unique: str
) -> None:
    table = Table(aws, unique)
    live_until(table)
    by_the_service = {"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}
    filters = {"Filters": [{"Pattern": json.dumps(by_the_service)}]}
    mapping = source.map(EventSourceArn=table.stream_arn, FilterCriteria=filters)
    ended = {"N": str(int(datetime.now(UTC).timestamp()) - 60)}
    for key in ("by the user", "by the service"):
        table.service.put_item(TableName=unique, Item={"id": {"S": key}, "ends": ended})
    table.service.delete_item(TableName=unique, Key={"id": {"S": "by the user"}})
    assert delete_expired(endpoint) == 1
    wait_for("the removal", lambda: source.counts() == {"by the service": 1})
    source.functions.service.delete_event_source_mapping(UUID=mapping)
    table.service.delete_table(TableName=unique)


def test_a_change_that_has_become_too_old_is_set_aside(aws: Callable[[str], Any], source: Source, unique: str) -> None:
    table = Table(aws, unique)
    table.put("raise", 1)
    # AWS takes no less than a minute.
    mapping = source.map(EventSourceArn=table.stream_arn, MaximumRecordAgeInSeconds=5)
    [message] = source.failures(1)
    assert message["requestContext"]["condition"] == "RecordAgeExceeded"
    assert message["requestContext"]["approximateInvokeCount"] >= 1
    assert "responseContext" not in message
    table.put("next", 1)
    wait_for("the next record", lambda: source.counts()["next"] == 1)
    source.functions.service.delete_event_source_mapping(UUID=mapping)
    table.service.delete_table(TableName=unique)


def test_what_fails_of_a_table_says_where_it_is_in_the_stream(
    aws: Callable[[str], Any], source: Source, unique: str
) -> None:
    table = Table(aws, unique)
    for key in ("1", "raise", "3"):
        table.put(key, 1)
    mapping = source.map(EventSourceArn=table.stream_arn, BisectBatchOnFunctionError=True, MaximumRetryAttempts=0)
    [message] = source.failures(1)
    record = table.records()[1]
    told = record["dynamodb"]["ApproximateCreationDateTime"].astimezone(UTC).isoformat().replace("+00:00", "Z")
    number = record["dynamodb"]["SequenceNumber"]
    info = message["DDBStreamBatchInfo"]
    assert info.pop("shardId").startswith("shardId-")
    assert info == {
        "startSequenceNumber": number,
        "endSequenceNumber": number,
        "approximateArrivalOfFirstRecord": told,
        "approximateArrivalOfLastRecord": told,
        "batchSize": 1,
        "streamArn": table.stream_arn,
    }
    wait_for("the other records", lambda: source.counts() == {"1": 3, "raise": 3, "3": 2})
    source.functions.service.delete_event_source_mapping(UUID=mapping)
    table.service.delete_table(TableName=unique)


@pytest.fixture
def busy_tables(aws: Callable[[str], Any], unique: str) -> Iterator[tuple[Table, Table]]:
    """Two tables: while something is written to one, the other one is to lose nothing."""
    tables = Table(aws, unique), Table(aws, f"{unique}-other")
    yield tables
    for table in tables:
        table.service.delete_table(TableName=table.name)


def test_latest_of_a_table_without_changes_begins_with_the_first(
    source: Source, busy_tables: tuple[Table, Table]
) -> None:
    table, other = busy_tables
    source.map(EventSourceArn=table.stream_arn, StartingPosition="LATEST")
    for key in "123":
        other.put(key, 1)
        table.put(key, 1)
    wait_for("all changes", lambda: source.counts() == {"1": 1, "2": 1, "3": 1})


def test_latest_is_when_the_mapping_was_made_however_often_it_is_disabled(
    source: Source, busy_tables: tuple[Table, Table]
) -> None:
    table, other = busy_tables
    table.put("before", 1)
    mapping = source.map(EventSourceArn=table.stream_arn, StartingPosition="LATEST")
    for number in range(2):
        source.update(mapping, Enabled=False)
        other.put(f"{number}", 1)
        table.put(f"{number}", 1)
        source.update(mapping, Enabled=True)
    wait_for("what came meanwhile", lambda: source.counts() == {"0": 1, "1": 1})


def test_latest_of_kinesis_is_when_the_mapping_was_made(source: Source) -> None:
    source.put("before")
    mapping = source.map(StartingPosition="LATEST")
    source.update(mapping, Enabled=False)
    source.put("meanwhile")
    source.update(mapping, Enabled=True)
    source.put("after")
    wait_for("what came since", lambda: source.counts() == {"meanwhile": 1, "after": 1})


def _in_each_lane(factor: int) -> list[str]:
    """A partition key for each lane of a shard that is divided into so many."""
    keys: dict[int, str] = {}
    for number in count():
        keys.setdefault(crc32(f"key-{number}".encode()) % factor, f"key-{number}")
        if len(keys) == factor:
            return [keys[lane] for lane in range(factor)]
    raise AssertionError


def test_batches_of_one_shard_are_worked_on_at_once(source: Source) -> None:
    for body, key in zip(("meet one", "meet other"), _in_each_lane(2), strict=True):
        source.put(body, key=key)
    source.map(ParallelizationFactor=2)
    wait_for("both to have met", lambda: source.waiting() == 4)
    assert source.counts() == {"meet one": 1, "meet other": 1, "met": 2}


def test_records_of_one_key_stay_in_order_whatever_others_do(source: Source) -> None:
    keys = _in_each_lane(10)
    for number in range(30):
        for key in keys:
            source.put(f"{key} {number:02}", key=key)
    source.map(ParallelizationFactor=10, BatchSize=7)
    wait_for("all records", lambda: source.counts().total() >= 300, 60)
    assert source.counts() == {f"{key} {number:02}": 1 for key in keys for number in range(30)}
    assert all(len(batch) <= 7 for batch in source.batches)
    for batch in source.batches:
        assert batch == sorted(batch)


def test_a_key_that_fails_holds_up_no_other_and_nothing_is_lost_or_doubled(source: Source) -> None:
    one, other = _in_each_lane(2)
    source.put("raise", "after", key=one)
    mapping = source.map(ParallelizationFactor=2, BatchSize=1)
    for number in range(12):
        source.put(f"{number}", key=other)
    wait_for("the other key's records", lambda: source.counts()["11"] == 1 and source.counts()["raise"] > 1)
    assert source.counts()["after"] == 0
    source.update(mapping, MaximumRetryAttempts=0)  # another worker goes on
    [message] = source.failures(1)
    assert message["KinesisBatchInfo"]["batchSize"] == 1
    wait_for("the record behind it", lambda: source.counts()["after"] == 1)
    assert {source.counts()[f"{number}"] for number in range(12)} == {1}


def test_changes_of_one_item_stay_in_order_whatever_others_do(
    aws: Callable[[str], Any], source: Source, unique: str
) -> None:
    table = Table(aws, unique)
    mapping = source.map(EventSourceArn=table.stream_arn, ParallelizationFactor=4, BatchSize=5)
    keys = [f"item-{number}" for number in range(12)]
    for value in range(5):
        for key in keys:
            table.put(key, value)
    wait_for("all changes", lambda: source.counts() == dict.fromkeys(keys, 5), 60)
    source.functions.service.delete_event_source_mapping(UUID=mapping)
    table.service.delete_table(TableName=unique)


def test_a_batch_has_no_more_than_an_invocation_takes(source: Source) -> None:
    large = "x" * 900_000
    for number in range(8):
        source.put(f"{number} {large}")
    source.map(BatchSize=100)
    wait_for("all records", lambda: source.lengths() == 8)


# Tumbling windows

WINDOWS = """
    import base64, json, os
    import boto3
    sqs = boto3.client("sqs")
    def body_of(record):
        if "kinesis" in record:
            return base64.b64decode(record["kinesis"]["data"]).decode()
        return record["dynamodb"]["Keys"]["id"]["S"]
    def handler(event, context):
        bodies = [body_of(record) for record in event.pop("Records")]
        told = event | {"bodies": bodies, "size": len(json.dumps(event["state"]))}
        if told["size"] > 1000:
            told["state"] = {}
        sqs.send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(told))
        if "raise" in bodies and len(bodies) > 1:
            raise ValueError("too many")
        if "forget" in bodies:
            return {}
        if "grow" in bodies:
            return {"state": {"large": "x" * 1_100_000}}
        return {"state": {"seen": event["state"].get("seen", []) + bodies}}
"""


class Windows:
    """A function that aggregates, and what it was told."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.function = source.functions.make(WINDOWS, Environment={"Variables": {"SEEN": source.seen_queue}})
        self.told: list[dict[str, Any]] = []

    def map(self, seconds: int, **options: Any) -> str:
        return self.source.map(FunctionName=self.function, TumblingWindowInSeconds=seconds, **options)

    def events(self) -> list[dict[str, Any]]:
        found = self.source.sqs.receive_message(QueueUrl=self.source.seen_queue, MaxNumberOfMessages=10)
        for message in found.get("Messages", []):
            self.told.append(json.loads(message["Body"]))
            self.source.sqs.delete_message(QueueUrl=self.source.seen_queue, ReceiptHandle=message["ReceiptHandle"])
        return self.told

    def aggregated(self) -> list[str]:
        """What the windows that ended have seen."""
        return [body for end in self.finals() for body in end["state"]["seen"]]

    def finals(self) -> list[dict[str, Any]]:
        return [event for event in self.events() if event["isFinalInvokeForWindow"]]


@pytest.fixture
def windows(source: Source) -> Iterator[Windows]:
    made = Windows(source)
    yield made
    service = source.functions.service
    for mapping in service.list_event_source_mappings(FunctionName=made.function)["EventSourceMappings"]:
        service.delete_event_source_mapping(UUID=mapping["UUID"])


def test_a_window_hands_its_state_on_and_ends_once(windows: Windows) -> None:
    mapping = windows.map(5, BatchSize=2)
    windows.source.put(*"123456789")
    wait_for("all windows to end", lambda: windows.aggregated() == [*"123456789"])
    for event in windows.told:
        start, end = (datetime.fromisoformat(event["window"][name]) for name in ("start", "end"))
        assert (end - start).total_seconds() == 5
        assert start.timestamp() % 5 == 0
        assert event["shardId"] == "shardId-000000000000"
        assert event["eventSourceARN"] == windows.source.arn
        assert not event["isWindowTerminatedEarly"]
        assert bool(event["bodies"]) != event["isFinalInvokeForWindow"]
    starts = [event["window"]["start"] for event in windows.told]
    assert starts == sorted(starts)
    assert len({event["window"]["start"] for event in windows.finals()}) == len(windows.finals())
    windows.source.update(mapping, Enabled=False)


def test_a_state_outlasts_a_change_of_the_mapping_and_a_failure_does_not_count(windows: Windows) -> None:
    mapping = windows.map(20, BisectBatchOnFunctionError=True)
    windows.source.put("1")
    wait_for("the first record", windows.events)
    windows.source.update(mapping, Enabled=False)
    windows.source.put("2", "raise", "3")
    windows.source.update(mapping, Enabled=True)
    wait_for(
        "the window to end",
        lambda: windows.aggregated() == ["1", "2", "raise", "3"],
        60,
    )


def test_a_function_that_says_no_state_has_failed(windows: Windows) -> None:
    windows.map(900, MaximumRetryAttempts=1)
    windows.source.put("forget")
    [message] = windows.source.failures(1)
    assert message["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert message["requestContext"]["approximateInvokeCount"] == 2


def test_a_state_that_becomes_too_large_ends_its_window_early(windows: Windows) -> None:
    windows.map(900, BatchSize=1)
    windows.source.put("grow", "next")
    wait_for("what comes next", lambda: len(windows.events()) == 3)
    grown, end, following = windows.told
    assert (grown["bodies"], grown["state"]) == (["grow"], {})
    assert (end["isFinalInvokeForWindow"], end["isWindowTerminatedEarly"]) == (True, True)
    assert end["size"] > 1_100_000
    assert (following["bodies"], following["state"]) == (["next"], {})


def test_a_window_ends_with_its_shard(windows: Windows) -> None:
    windows.map(900)
    windows.source.put("1")
    wait_for("the record", windows.events)
    windows.source.kinesis.split_shard(
        StreamName=windows.source.name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127)
    )
    [end] = wait_for("the end", windows.finals)
    assert (end["state"], end["isWindowTerminatedEarly"]) == ({"seen": ["1"]}, True)
    windows.source.put("2")
    wait_for("the next record", lambda: len(windows.events()) == 3)
    assert (windows.told[-1]["state"], windows.told[-1]["bodies"]) == ({}, ["2"])


def test_windows_of_a_table(aws: Callable[[str], Any], windows: Windows, unique: str) -> None:
    table = Table(aws, unique)
    mapping = windows.map(4, EventSourceArn=table.stream_arn)
    for key in "123":
        table.put(key, 1)
    wait_for("the windows to end", lambda: windows.aggregated() == [*"123"], 40)
    assert {event["eventSourceARN"] for event in windows.told} == {table.stream_arn}
    windows.source.functions.service.delete_event_source_mapping(UUID=mapping)
    table.service.delete_table(TableName=unique)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"ParallelizationFactor": 11}, "less than or equal to 10"),
        ({"TumblingWindowInSeconds": 901}, "less than or equal to 900"),
        ({"TumblingWindowInSeconds": 10, "ParallelizationFactor": 2}, "has no effect on the local emulator together"),
    ],
)
def test_options_that_can_not_be_are_refused(source: Source, options: dict[str, int], wanted: str) -> None:
    with pytest.raises(ClientError, match=wanted):
        source.map(**options)
