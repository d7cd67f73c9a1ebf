"""What the emulator adds to Kinesis Mock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

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
