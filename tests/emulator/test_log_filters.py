"""Filters of CloudWatch Logs: of events, of metrics and of subscriptions. The patterns have unit tests."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .functions import ROLE
from .recipe import wait_for

MESSAGES = ["ERROR a", "INFO b", '{"level": "ERROR", "ms": 7, "store": "s-1"}']


def _put(logs: Any, group: str, messages: list[str]) -> None:
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": message} for message in messages]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


@pytest.fixture
def group(aws: Callable[[str], Any], unique: str) -> str:
    """Name of a log group with the stream `s`."""
    for name in (unique, f"{unique}-other"):
        aws("logs").create_log_group(logGroupName=name)
        aws("logs").create_log_stream(logGroupName=name, logStreamName="s")
    return unique


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("ERROR", [0, 2]), ("ERROR -level", [0]), ("?a ?b", [0, 1]), ('{ $.level = "ERROR" && $.ms > 5 }', [2]),
        ("", [0, 1, 2]),
    ],
)  # fmt: skip
def test_events_are_filtered(aws: Callable[[str], Any], group: str, pattern: str, found: list[int]) -> None:
    logs = aws("logs")
    _put(logs, group, MESSAGES)
    events = logs.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]
    assert sorted(MESSAGES.index(event["message"]) for event in events) == found


def test_what_is_no_pattern_is_refused(aws: Callable[[str], Any], group: str) -> None:
    logs = aws("logs")
    transformation = {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}
    with pytest.raises(logs.exceptions.InvalidParameterException, match="filter pattern"):
        logs.filter_log_events(logGroupName=group, filterPattern="{ $.a }")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="filter pattern"):
        logs.put_metric_filter(
            logGroupName=group, filterName="f", filterPattern="{ $.a }", metricTransformations=[transformation]
        )


def test_a_metric_filter_counts_what_matches_in_its_group(aws: Callable[[str], Any], group: str) -> None:
    logs, cloudwatch = aws("logs"), aws("cloudwatch")
    for name, pattern, value in (("Errors", "ERROR", "1"), ("Milliseconds", "{ $.ms = * }", "$.ms")):
        transformation = {"metricName": name, "metricNamespace": group, "metricValue": value}
        logs.put_metric_filter(
            logGroupName=group, filterName=name, filterPattern=pattern, metricTransformations=[transformation]
        )
    _put(logs, f"{group}-other", MESSAGES)
    _put(logs, group, MESSAGES)
    now = datetime.now(UTC)

    def sums() -> dict[str, float] | None:
        found = {}
        for name in ("Errors", "Milliseconds"):
            points = cloudwatch.get_metric_statistics(
                Namespace=group,
                MetricName=name,
                StartTime=now - timedelta(minutes=5),
                EndTime=now + timedelta(minutes=5),
                Period=600,
                Statistics=["Sum"],
            )["Datapoints"]
            found[name] = sum(point["Sum"] for point in points)
        return found if all(found.values()) else None

    assert wait_for("the metrics", sums) == {"Errors": 2, "Milliseconds": 7}


def test_each_subscription_gets_what_its_pattern_lets_through(aws: Callable[[str], Any], group: str) -> None:
    logs, kinesis = aws("logs"), aws("kinesis")
    patterns = {"a": "ERROR", "b": "INFO"}
    for name, pattern in patterns.items():
        kinesis.create_stream(StreamName=f"{group}-{name}", ShardCount=1)
        kinesis.get_waiter("stream_exists").wait(StreamName=f"{group}-{name}", WaiterConfig={"Delay": 1})
        arn = kinesis.describe_stream_summary(StreamName=f"{group}-{name}")["StreamDescriptionSummary"]["StreamARN"]
        logs.put_subscription_filter(
            logGroupName=group, filterName=name, filterPattern=pattern, destinationArn=arn, roleArn=ROLE
        )
    _put(logs, group, MESSAGES)
    for name, found in {"a": [0, 2], "b": [1]}.items():
        shard = kinesis.list_shards(StreamName=f"{group}-{name}")["Shards"][0]["ShardId"]
        iterator = kinesis.get_shard_iterator(
            StreamName=f"{group}-{name}", ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]

        def data(iterator: str = iterator) -> list[Any]:
            records = kinesis.get_records(ShardIterator=iterator)["Records"]
            return [json.loads(gzip.decompress(_unpacked(record["Data"]))) for record in records]

        told = [event["message"] for each in wait_for("the records", data) for event in each["logEvents"]]
        assert told == [MESSAGES[number] for number in found]
        kinesis.delete_stream(StreamName=f"{group}-{name}")


def _unpacked(data: bytes) -> bytes:
    return data if data.startswith(b"\x1f\x8b") else base64.b64decode(data)
