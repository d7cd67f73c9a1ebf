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
