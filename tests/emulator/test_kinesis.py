"""Kinesis, as the emulator does it itself."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from .functions import client
from .recipe import wait_for


@pytest.fixture
def stream(aws: Callable[[str], Any], unique: str) -> Iterator[str]:
    """Name of a stream that the test makes. As on AWS, only five can be in the making at a time."""
    yield unique
    kinesis = aws("kinesis")
    kinesis.get_waiter("stream_exists").wait(StreamName=unique, WaiterConfig={"Delay": 1})
    kinesis.delete_stream(StreamName=unique)


def _tags(kinesis: Any, name: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in kinesis.list_tags_for_stream(StreamName=name)["Tags"]}


def test_the_tags_of_a_new_stream_are_there_at_once(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    tags = {f"key {number}": f"välue {number}" for number in range(23)}
    kinesis.create_stream(StreamName=stream, ShardCount=1, Tags=tags)
    assert _tags(kinesis, stream) == tags
    arn = f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"
    by_arn = kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in by_arn} == tags


def test_tags_are_changed_by_arn(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName=stream, ShardCount=1, Tags={"Owner": "shop", "Stage": "test"})
    arn = f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"
    kinesis.tag_resource(ResourceARN=arn, Tags={"Owner": "web", "Size": "1"})
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["Stage"])
    assert _tags(kinesis, stream) == {"Owner": "web", "Size": "1"}


def test_streams_of_one_name_in_two_regions_have_their_own_tags(aws: Callable[[str], Any], stream: str) -> None:
    here, there = aws("kinesis"), client("kinesis", aws("kinesis").meta.endpoint_url, region="eu-west-1")
    here.create_stream(StreamName=stream, ShardCount=1, Tags={"in": "us-east-1"})
    there.create_stream(StreamName=stream, ShardCount=1, Tags={"in": "eu-west-1"})
    assert (_tags(here, stream), _tags(there, stream)) == ({"in": "us-east-1"}, {"in": "eu-west-1"})


@pytest.mark.parametrize(
    "tags", [{"aws:owner": "shop"}, {"bad%key": "1"}, {f"key {number}": "" for number in range(51)}]
)
def test_tags_that_are_refused_leave_no_stream(aws: Callable[[str], Any], unique: str, tags: dict[str, str]) -> None:
    kinesis = aws("kinesis")
    with pytest.raises(kinesis.exceptions.InvalidArgumentException):
        kinesis.create_stream(StreamName=unique, ShardCount=1, Tags=tags)

    def is_gone() -> bool:
        try:
            kinesis.describe_stream_summary(StreamName=unique)
        except kinesis.exceptions.ResourceNotFoundException:
            return True
        return False

    wait_for("the stream to be deleted", is_gone)


def test_a_second_stream_of_the_name_does_not_change_the_first(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName=stream, ShardCount=1, Tags={"first": "1"})
    with pytest.raises(kinesis.exceptions.ResourceInUseException):
        kinesis.create_stream(StreamName=stream, ShardCount=1, Tags={"second": "2"})
    assert _tags(kinesis, stream) == {"first": "1"}


HASH_KEY_OF_SHARD = {"shardId-000000000000": "0", "shardId-000000000001": str(2**128 - 1)}


def _records_of(kinesis: Any, **first: Any) -> Iterator[dict[str, Any]]:
    """The records of a shard, from an iterator on. first: what get_shard_iterator takes."""
    iterator = kinesis.get_shard_iterator(**first)["ShardIterator"]
    while records := (answer := kinesis.get_records(ShardIterator=iterator, Limit=3000))["Records"]:
        yield from records
        iterator = answer["NextShardIterator"]


def _fill_stream(kinesis: Any, stream: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Puts the entries into a new stream of two shards. Returns their answers."""
    kinesis.create_stream(StreamName=stream, ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})
    answers = []
    for first in range(0, len(entries), 500):
        answer = kinesis.put_records(StreamName=stream, Records=entries[first : first + 500])
        assert answer["FailedRecordCount"] == 0
        answers += answer["Records"]
    return answers


def test_records_that_are_put_in_batches_are_kept_once_and_in_order(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    entries: list[dict[str, Any]] = [
        {"Data": f"{number}".encode(), "PartitionKey": f"key {number % 97}"} for number in range(10_000)
    ]
    wanted: list[str | None] = [None] * len(entries)
    for number in range(0, len(entries), 7):
        wanted[number] = shard = sorted(HASH_KEY_OF_SHARD)[number % 2]
        entries[number]["ExplicitHashKey"] = HASH_KEY_OF_SHARD[shard]
    answers = _fill_stream(kinesis, stream, entries)

    assert all(answer["ShardId"] == shard for answer, shard in zip(answers, wanted, strict=True) if shard)
    for shard in HASH_KEY_OF_SHARD:
        sent = [
            (answer["SequenceNumber"], entry["PartitionKey"], entry["Data"])
            for answer, entry in zip(answers, entries, strict=True)
            if answer["ShardId"] == shard
        ]
        assert len({number for number, *_ in sent}) == len(sent) > 3_000
        place = {"StreamName": stream, "ShardId": shard}
        found = [
            (record["SequenceNumber"], record["PartitionKey"], record["Data"])
            for record in _records_of(kinesis, **place, ShardIteratorType="TRIM_HORIZON")
        ]
        assert found == sent
        for index in (0, 1, 2_345, len(sent) - 2, len(sent) - 1):
            after = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": sent[index][0]}
            iterator = kinesis.get_shard_iterator(**place, **after)["ShardIterator"]
            rest = kinesis.get_records(ShardIterator=iterator, Limit=3)["Records"]
            assert [record["SequenceNumber"] for record in rest] == [number for number, *_ in sent[index + 1 :][:3]]


def test_put_records_refuses_what_it_did(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})
    arn = f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"
    good = {"Data": b"1", "PartitionKey": "1"}
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
        kinesis.put_records(StreamName=f"{stream}-missing", Records=[good])
    for bad in ({**good, "Data": b"1" * (2**20 + 1)}, {**good, "ExplicitHashKey": str(2**128)}):
        with pytest.raises(kinesis.exceptions.InvalidArgumentException):
            kinesis.put_records(StreamARN=arn, Records=[good, bad])
    assert kinesis.put_records(StreamARN=arn, Records=[good])["FailedRecordCount"] == 0
    place = {"StreamName": stream, "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    assert [record["Data"] for record in _records_of(kinesis, **place)] == [b"1"]


# Shards


def _active(kinesis: Any, stream: str) -> None:
    summary = {"StreamName": stream}
    wait_for(
        "the stream to be active",
        lambda: kinesis.describe_stream_summary(**summary)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE",
    )


def _shards(kinesis: Any, stream: str, **which: Any) -> dict[str, Any]:
    return {shard["ShardId"]: shard for shard in kinesis.list_shards(StreamName=stream, **which)["Shards"]}


def _open_ranges(kinesis: Any, stream: str) -> list[tuple[int, int]]:
    ranges = (shard["HashKeyRange"] for shard in _shards(kinesis, stream, ShardFilter={"Type": "AT_LATEST"}).values())
    return sorted((int(each["StartingHashKey"]), int(each["EndingHashKey"])) for each in ranges)


def test_a_split_shard_ends_and_names_its_children(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    _fill_stream(kinesis, stream, [{"Data": b"before", "PartitionKey": "1", "ExplicitHashKey": "0"}])
    first, second = sorted(_shards(kinesis, stream))
    kinesis.split_shard(StreamName=stream, ShardToSplit=first, NewStartingHashKey="1000")
    with pytest.raises(kinesis.exceptions.ResourceInUseException):  # it is UPDATING
        kinesis.merge_shards(StreamName=stream, ShardToMerge=first, AdjacentShardToMerge=second)
    _active(kinesis, stream)
    kinesis.put_record(StreamName=stream, Data=b"after", PartitionKey="1", ExplicitHashKey="1000")

    shards = _shards(kinesis, stream)
    children = {name: shard for name, shard in shards.items() if shard.get("ParentShardId") == first}
    assert [shard["HashKeyRange"]["StartingHashKey"] for shard in children.values()] == ["0", "1000"]
    assert "EndingSequenceNumber" in shards[first]["SequenceNumberRange"]
    assert "EndingSequenceNumber" not in shards[second]["SequenceNumberRange"]
    whole = {"StreamName": stream, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = kinesis.get_shard_iterator(**whole, ShardId=first)["ShardIterator"]
    answer = kinesis.get_records(ShardIterator=iterator)
    assert [record["Data"] for record in answer["Records"]] == [b"before"]
    assert "NextShardIterator" not in answer
    assert {child["ShardId"] for child in answer["ChildShards"]} == set(children)
    assert [record["Data"] for record in _records_of(kinesis, **whole, ShardId=sorted(children)[1])] == [b"after"]
    with pytest.raises(kinesis.exceptions.InvalidArgumentException):
        kinesis.split_shard(StreamName=stream, ShardToSplit=first, NewStartingHashKey="2000")


def test_merged_shards_become_one(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    _fill_stream(kinesis, stream, [])
    first, second = sorted(_shards(kinesis, stream))
    kinesis.merge_shards(StreamName=stream, ShardToMerge=first, AdjacentShardToMerge=second)
    _active(kinesis, stream)
    [merged] = _shards(kinesis, stream, ShardFilter={"Type": "AT_LATEST"}).values()
    assert (merged["ParentShardId"], merged["AdjacentParentShardId"]) == (first, second)
    assert _open_ranges(kinesis, stream) == [(0, 2**128 - 1)]


def test_scaling_leaves_no_gap_between_hash_keys(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    _fill_stream(kinesis, stream, [])
    for count in (3, 6, 4, 2, 1):
        answer = kinesis.update_shard_count(StreamName=stream, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        assert answer["TargetShardCount"] == count
        _active(kinesis, stream)
        ranges = _open_ranges(kinesis, stream)
        assert len(ranges) == count
        assert (ranges[0][0], ranges[-1][1]) == (0, 2**128 - 1)
        assert all(high + 1 == low for (_, high), (low, _) in pairwise(ranges))
    with pytest.raises(kinesis.exceptions.LimitExceededException):
        kinesis.update_shard_count(StreamName=stream, TargetShardCount=3, ScalingType="UNIFORM_SCALING")


def test_lists_come_in_pages(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName=stream, ShardCount=5)
    first = kinesis.list_shards(StreamName=stream, MaxResults=3)
    rest = kinesis.list_shards(NextToken=first["NextToken"])
    names = [shard["ShardId"] for page in (first, rest) for shard in page["Shards"]]
    assert names == [f"shardId-{number:012}" for number in range(5)]
    described = kinesis.describe_stream(StreamName=stream, Limit=2, ExclusiveStartShardId=names[0])["StreamDescription"]
    assert [shard["ShardId"] for shard in described["Shards"]] == names[1:3]
    assert described["HasMoreShards"]
    pages = kinesis.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 1})
    assert stream in [name for page in pages for name in page["StreamNames"]]


# Places in a shard


def test_a_reader_begins_where_it_says(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    hash_key = HASH_KEY_OF_SHARD["shardId-000000000000"]
    entry = {"PartitionKey": "1", "ExplicitHashKey": hash_key}
    numbers = [answer["SequenceNumber"] for answer in _fill_stream(kinesis, stream, [{**entry, "Data": b"1"}] * 2)]
    second = int(time.time())
    wait_for("the next second", lambda: int(time.time()) > second)  # boto3 sends whole seconds
    between = datetime.now(UTC)
    place = {"StreamName": stream, "ShardId": "shardId-000000000000"}
    latest = kinesis.get_shard_iterator(**place, ShardIteratorType="LATEST")["ShardIterator"]
    numbers.append(kinesis.put_record(StreamName=stream, **entry, Data=b"2")["SequenceNumber"])

    def found(**where: Any) -> list[str]:
        return [record["SequenceNumber"] for record in _records_of(kinesis, **place, **where)]

    assert found(ShardIteratorType="TRIM_HORIZON") == numbers
    assert found(ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == numbers[1:]
    assert found(ShardIteratorType="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == numbers[2:]
    assert found(ShardIteratorType="AT_TIMESTAMP", Timestamp=between) == numbers[2:]
    assert [one["SequenceNumber"] for one in kinesis.get_records(ShardIterator=latest)["Records"]] == numbers[2:]
    assert sorted(numbers, key=int) == numbers
    assert {len(number) for number in numbers} == {56}


def test_an_iterator_tells_how_far_it_is_behind_and_when_it_arrived(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    hash_key = HASH_KEY_OF_SHARD["shardId-000000000000"]
    before = time.time()
    _fill_stream(kinesis, stream, [{"Data": b"1", "PartitionKey": "1", "ExplicitHashKey": hash_key}])
    time.sleep(0.1)
    kinesis.put_record(StreamName=stream, Data=b"2", PartitionKey="1", ExplicitHashKey=hash_key)
    place = {"StreamName": stream, "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    iterator = kinesis.get_shard_iterator(**place)["ShardIterator"]
    one = kinesis.get_records(ShardIterator=iterator, Limit=1)
    assert one["MillisBehindLatest"] >= 100
    [record] = one["Records"]
    assert before - 0.001 <= record["ApproximateArrivalTimestamp"].timestamp() <= time.time()
    assert kinesis.get_records(ShardIterator=one["NextShardIterator"])["MillisBehindLatest"] == 0


def test_iterators_of_nothing_are_refused(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    place = {"StreamName": stream, "ShardId": "shardId-000000000000"}
    iterator = kinesis.get_shard_iterator(**place, ShardIteratorType="LATEST")["ShardIterator"]
    content = json.loads(base64.b64decode(iterator))
    old = base64.b64encode(json.dumps([*content[:-1], content[-1] - 301]).encode()).decode()
    with pytest.raises(kinesis.exceptions.ExpiredIteratorException):
        kinesis.get_records(ShardIterator=old)
    assert kinesis.get_records(ShardIterator=f'"{iterator}"')["Records"] == []  # as AWS's command line prints it
    for bad in ("nonsense", iterator[:-8]):
        with pytest.raises(kinesis.exceptions.InvalidArgumentException):
            kinesis.get_records(ShardIterator=bad)
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
        kinesis.get_shard_iterator(StreamName=stream, ShardId="shardId-000000000009", ShardIteratorType="LATEST")
    with pytest.raises(kinesis.exceptions.InvalidArgumentException):
        kinesis.get_shard_iterator(**place, ShardIteratorType="AFTER_SEQUENCE_NUMBER")


# Settings of a stream


def test_what_is_changed_is_described(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName=stream, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    _active(kinesis, stream)
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)
    with pytest.raises(kinesis.exceptions.ResourceInUseException):
        kinesis.start_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    _active(kinesis, stream)
    with pytest.raises(kinesis.exceptions.InvalidArgumentException):
        kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=72)
    kinesis.start_stream_encryption(StreamARN=arn, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    _active(kinesis, stream)
    monitored = kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["IncomingBytes"])
    assert monitored["DesiredShardLevelMetrics"] == ["IncomingBytes"]
    monitored = kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    assert len(monitored["DesiredShardLevelMetrics"]) == 7
    put = kinesis.put_record(StreamARN=arn, Data=b"1", PartitionKey="1")
    assert put["EncryptionType"] == "KMS"
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "PROVISIONED"})
    _active(kinesis, stream)
    found = kinesis.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]
    assert (found["OpenShardCount"], found["RetentionPeriodHours"], found["KeyId"], found["EncryptionType"]) == (
        4,
        48,
        "alias/aws/kinesis",
        "KMS",
    )
    assert found["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    assert abs(found["StreamCreationTimestamp"].timestamp() - time.time()) < 600
    kinesis.stop_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    assert kinesis.describe_stream(StreamName=stream)["StreamDescription"]["EncryptionType"] == "NONE"


def _consumer_active(kinesis: Any, consumer: str) -> None:
    def is_active() -> bool:
        described = kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]
        return bool(described["ConsumerStatus"] == "ACTIVE")

    wait_for("the consumer to be active", is_active)


def test_consumers_are_known_by_name_and_arn(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    _active(kinesis, stream)
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    made = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="shop")["Consumer"]
    with pytest.raises(kinesis.exceptions.ResourceInUseException):
        kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="shop")
    by_name = kinesis.describe_stream_consumer(StreamARN=arn, ConsumerName="shop")["ConsumerDescription"]
    by_arn = kinesis.describe_stream_consumer(ConsumerARN=made["ConsumerARN"])["ConsumerDescription"]
    assert made["ConsumerStatus"] == "CREATING"
    assert by_name["ConsumerARN"] == by_arn["ConsumerARN"] == made["ConsumerARN"]
    assert [one["ConsumerName"] for one in kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]] == ["shop"]
    with pytest.raises(kinesis.exceptions.ResourceInUseException):
        kinesis.delete_stream(StreamName=stream)
    kinesis.put_record(StreamName=stream, Data=b"1", PartitionKey="1")
    _consumer_active(kinesis, made["ConsumerARN"])
    events = kinesis.subscribe_to_shard(
        ConsumerARN=made["ConsumerARN"],
        ShardId="shardId-000000000000",
        StartingPosition={"Type": "TRIM_HORIZON"},
    )["EventStream"]
    first = next(iter(events))["SubscribeToShardEvent"]
    assert [record["Data"] for record in first["Records"]] == [b"1"]
    events.close()
    kinesis.deregister_stream_consumer(ConsumerARN=made["ConsumerARN"])
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException):
        kinesis.describe_stream_consumer(StreamARN=arn, ConsumerName="shop")


def test_a_stream_that_is_not_there_is_not_found_by_anything(aws: Callable[[str], Any], unique: str) -> None:
    kinesis = aws("kinesis")
    asked: list[tuple[str, dict[str, Any]]] = [
        ("describe_stream", {"StreamName": unique}),
        ("put_record", {"StreamName": unique, "Data": b"1", "PartitionKey": "1"}),
        ("delete_stream", {"StreamARN": f"arn:aws:kinesis:us-east-1:000000000000:stream/{unique}"}),
        ("list_tags_for_stream", {"StreamName": unique}),
    ]
    for operation, request in asked:
        with pytest.raises(kinesis.exceptions.ResourceNotFoundException, match=unique):
            getattr(kinesis, operation)(**request)


@pytest.mark.parametrize("change", [{"PartitionKey": "k" * 257}, {"PartitionKey": "ü" * 257}])
def test_a_partition_key_has_256_characters_at_most(
    aws: Callable[[str], Any], stream: str, change: dict[str, str]
) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    _active(kinesis, stream)
    with pytest.raises(kinesis.exceptions.ValidationException):
        kinesis.put_record(StreamName=stream, Data=b"1", **change)


def test_a_stream_has_four_shards_when_nobody_says_how_many(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName=stream)
    assert len(_shards(kinesis, stream)) == 4
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}


def test_name_and_arn_are_of_one_stream(aws: Callable[[str], Any], stream: str) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    with pytest.raises(kinesis.exceptions.InvalidArgumentException, match="do not match"):
        kinesis.describe_stream(StreamName="other", StreamARN=arn)


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("create_stream", {"StreamName": "any", "ShardCount": 1, "WarmThroughputMiBps": 100}),
        ("update_stream_warm_throughput", {"StreamName": "any", "WarmThroughputMiBps": 100}),
        ("describe_account_settings", {}),
    ],
)
def test_what_is_not_done_is_named(aws: Callable[[str], Any], operation: str, request_: dict[str, Any]) -> None:
    kinesis = aws("kinesis")
    if not hasattr(kinesis, operation):
        pytest.skip("boto3 does not know it")
    name = "WarmThroughputMiBps" if operation == "create_stream" else kinesis.meta.method_to_api_mapping[operation]
    with pytest.raises(ClientError, match=name):
        getattr(kinesis, operation)(**request_)


# Requests that lack something


def _members(service: Any) -> list[tuple[str, str]]:
    """Every required member of every operation of a service."""
    model = service.meta.service_model
    shapes = ((name, model.operation_model(name).input_shape) for name in model.operation_names)
    return [(name, member) for name, shape in shapes if shape for member in shape.required_members]


@pytest.mark.parametrize(
    ("name", "target"), [("kinesis", "Kinesis_20131202"), ("dynamodbstreams", "DynamoDBStreams_20120810")]
)
def test_every_member_that_is_missing_is_named(
    aws: Callable[[str], Any], endpoint: str, name: str, target: str
) -> None:
    members = _members(aws(name))
    assert len(members) > 4
    for operation, member in members:
        status, content = _ask(endpoint, f"{target}.{operation}", {})
        if "unknown operation" in str(content):  # boto3 is newer than the emulator
            continue
        assert (status, content["__type"].rpartition("#")[2]) == (400, "ValidationException"), operation
        place = member[0].lower() + member[1:]
        wanted = f"Value null at '{place}' failed to satisfy constraint: Member must not be null"
        assert wanted in (content.get("message") or content["Message"])


@pytest.mark.parametrize(
    ("operation", "request_", "wanted"),
    [
        (
            "PutRecords",
            {"StreamName": "any", "Records": [{"Data": "MQ==", "PartitionKey": "1"}, {"Data": "MQ=="}]},
            "1 validation error detected: Value null at 'records.2.member.partitionKey' failed to satisfy constraint: "
            "Member must not be null",
        ),
        (
            "GetShardIterator",
            {"StreamName": "any", "ShardId": "shardId-000000000000", "ShardIteratorType": "SOMEWHERE"},
            "Value 'SOMEWHERE' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set",
        ),
    ],
)
def test_what_is_missing_or_no_choice_inside_is_named(
    endpoint: str, operation: str, request_: dict[str, Any], wanted: str
) -> None:
    status, content = _ask(endpoint, f"Kinesis_20131202.{operation}", request_)
    assert status == 400
    assert wanted in (content.get("message") or content["Message"])


def _ask(endpoint: str, target: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Status and content of the answer to a request that boto3 would not send."""
    service = "kinesis" if target.startswith("Kinesis") else "dynamodb"
    headers = {
        "X-Amz-Target": target,
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": f"AWS4-HMAC-SHA256 Credential=test/20261201/us-east-1/{service}/aws4_request, Signature=0",
    }
    try:
        with urlopen(Request(endpoint, json.dumps(request).encode(), headers), timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)
