"""Streams of DynamoDB tables: one record for each real change, with the right images, in the order of the changes."""

from __future__ import annotations

import json
import random
import re
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .functions import make_table
from .recipe import wait_for


class Table:
    """A table with the hash key `id` and a stream of new and old images."""

    def __init__(self, aws: Callable[[str], Any], name: str) -> None:
        self.name, self.service, self.streams = name, aws("dynamodb"), aws("dynamodbstreams")
        images = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        description = make_table(self.service, name, StreamSpecification=images)
        self.stream_arn = description["LatestStreamArn"]

    def put(self, key: str, count: int) -> None:
        self.service.put_item(TableName=self.name, Item={"id": {"S": key}, "count": {"N": str(count)}})

    def addition(self, key: str) -> dict[str, Any]:
        """An update that adds one to the item's count, to be used alone or in a transaction."""
        return {
            "TableName": self.name,
            "Key": {"id": {"S": key}},
            "UpdateExpression": "ADD #c :one",
            "ExpressionAttributeNames": {"#c": "count"},
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }

    def records(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for shard in self.streams.describe_stream(StreamArn=self.stream_arn)["StreamDescription"]["Shards"]:
            iterator = self.streams.get_shard_iterator(
                StreamArn=self.stream_arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while iterator and (answer := self.streams.get_records(ShardIterator=iterator))["Records"]:
                found += answer["Records"]
                iterator = answer.get("NextShardIterator")
        return found


@pytest.fixture
def table(aws: Callable[[str], Any], unique: str) -> Iterator[Table]:
    made = Table(aws, unique)
    yield made
    made.service.delete_table(TableName=unique)


def _change(record: dict[str, Any]) -> tuple[str, str, str | None, str | None]:
    """What happened, to which item, its count before and after."""
    data = record["dynamodb"]
    before, after = (data[image]["count"]["N"] if image in data else None for image in ("OldImage", "NewImage"))
    return record["eventName"], data["Keys"]["id"]["S"], before, after


def test_every_kind_of_write_has_one_record_for_each_real_change(table: Table) -> None:
    service, name = table.service, table.name
    table.put("a", 1)
    table.put("a", 1)
    false = {"ConditionExpression": "attribute_exists(nothing)"}
    with pytest.raises(service.exceptions.ConditionalCheckFailedException):
        service.update_item(**table.addition("a"), **false)
    service.update_item(**table.addition("a"))
    with pytest.raises(service.exceptions.TransactionCanceledException):
        service.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": name, "Item": {"id": {"S": "never"}}}},
                {"Update": table.addition("a") | false},
            ]
        )
    twice = {
        "TransactItems": [{"Update": table.addition(key)} for key in ("a", "b")],
        "ClientRequestToken": "the same request again",
    }
    for _ in range(2):
        service.transact_write_items(**twice)
    service.batch_write_item(
        RequestItems={
            name: [
                {"PutRequest": {"Item": {"id": {"S": "b"}, "count": {"N": "1"}}}},
                {"PutRequest": {"Item": {"id": {"S": "c"}, "count": {"N": "5"}}}},
                {"DeleteRequest": {"Key": {"id": {"S": "not there"}}}},
            ]
        }
    )
    for _ in range(2):
        service.delete_item(TableName=name, Key={"id": {"S": "c"}})

    assert [_change(record) for record in table.records()] == [
        ("INSERT", "a", None, "1"),
        ("MODIFY", "a", "1", "2"),
        ("MODIFY", "a", "2", "3"),
        ("INSERT", "b", None, "1"),
        ("INSERT", "c", None, "5"),
        ("REMOVE", "c", "5", None),
    ]


def test_a_record_tells_the_second_of_its_change(table: Table) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    table.put("a", 1)
    after = datetime.now(UTC)
    [record] = table.records()
    assert before <= record["dynamodb"]["ApproximateCreationDateTime"] <= after


def test_a_record_has_an_id_of_32_hexadecimal_digits(table: Table) -> None:
    table.put('"eventID":"00000000-0000-0000-0000-000000000000"', 1)
    [record] = table.records()
    assert re.fullmatch("[0-9a-f]{32}", record["eventID"])
    assert record["dynamodb"]["Keys"] == {"id": {"S": '"eventID":"00000000-0000-0000-0000-000000000000"'}}


def test_a_streaming_destination_that_would_get_nothing_is_refused_by_name(table: Table) -> None:
    arn = "arn:aws:kinesis:us-east-1:000000000000:stream/any"
    with pytest.raises(ClientError, match="does not do EnableKinesisStreamingDestination"):
        table.service.enable_kinesis_streaming_destination(TableName=table.name, StreamArn=arn)
    described = table.service.describe_kinesis_streaming_destination(TableName=table.name)
    assert described["KinesisDataStreamDestinations"] == []


YEAR = 365 * 24 * 60 * 60


def delete_expired(endpoint: str) -> int:
    """Have the emulator do now what AWS does within days."""
    asked = urllib.request.Request(f"{endpoint}/_aws/dynamodb/expired", method="DELETE")
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return int(json.load(answer)["ExpiredItems"])


def live_until(table: Table, attribute: str = "ends") -> None:
    lives = {"Enabled": True, "AttributeName": attribute}
    table.service.update_time_to_live(TableName=table.name, TimeToLiveSpecification=lives)


def test_the_service_itself_removes_what_has_expired(table: Table, endpoint: str) -> None:
    live_until(table)
    now = int(time.time())
    ends = {"ended": now - 60, "goes on": now + 3600, "no time": now - 6 * YEAR, "by the user": now - 60}
    for key, end in ends.items():
        table.service.put_item(TableName=table.name, Item={"id": {"S": key}, "ends": {"N": str(end)}})
    table.service.put_item(TableName=table.name, Item={"id": {"S": "text"}, "ends": {"S": str(now - 60)}})
    table.service.put_item(TableName=table.name, Item={"id": {"S": '"eventName":"UNKNOWN_TO_SDK_VERSION"'}})
    table.service.delete_item(TableName=table.name, Key={"id": {"S": "by the user"}})
    assert delete_expired(endpoint) == 1
    records = table.records()
    removed = {
        record["dynamodb"]["Keys"]["id"]["S"]: record.get("userIdentity")
        for record in records
        if record["eventName"] == "REMOVE"
    }
    assert removed == {
        "ended": {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"},
        "by the user": None,
    }
    assert {record["eventName"] for record in records} == {"INSERT", "REMOVE"}
    [image] = [one["dynamodb"]["OldImage"] for one in records if "userIdentity" in one]
    assert image == {"id": {"S": "ended"}, "ends": {"N": str(now - 60)}}
    assert delete_expired(endpoint) == 0


def test_more_expires_than_is_gone_through_at_once(table: Table, endpoint: str) -> None:
    live_until(table)
    ended = {"N": str(int(time.time()) - 60)}
    keys = [f"key-{number:03}" for number in range(260)]
    for begin in range(0, len(keys), 25):
        puts = [{"PutRequest": {"Item": {"id": {"S": key}, "ends": ended}}} for key in keys[begin : begin + 25]]
        table.service.batch_write_item(RequestItems={table.name: puts})
    assert delete_expired(endpoint) == len(keys)
    assert table.service.scan(TableName=table.name)["Items"] == []


def test_a_new_table_of_an_old_name_deletes_nothing(aws: Callable[[str], Any], table: Table, endpoint: str) -> None:
    live_until(table)
    table.service.delete_table(TableName=table.name)
    again = Table(aws, table.name)
    described = again.service.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
    assert described["TimeToLiveStatus"] == "DISABLED"
    again.service.put_item(TableName=table.name, Item={"id": {"S": "a"}, "ends": {"N": str(int(time.time()) - 60)}})
    delete_expired(endpoint)
    assert again.service.get_item(TableName=table.name, Key={"id": {"S": "a"}})["Item"]


@pytest.mark.parametrize("kind", ["LATEST", "TRIM_HORIZON"])
def test_an_iterator_of_a_stream_without_records_leads_to_the_first(
    aws: Callable[[str], Any], table: Table, unique: str, kind: str
) -> None:
    [shard] = table.streams.describe_stream(StreamArn=table.stream_arn)["StreamDescription"]["Shards"]
    begin = {"StreamArn": table.stream_arn, "ShardId": shard["ShardId"], "ShardIteratorType": kind}
    iterator = table.streams.get_shard_iterator(**begin)["ShardIterator"]
    other = Table(aws, f"{unique}-other")

    def read(iterator: str) -> tuple[list[str], str]:
        answer = table.streams.get_records(ShardIterator=iterator)
        keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in answer["Records"]]
        return keys, answer["NextShardIterator"]

    other.put("other", 1)  # DynamoDB Local counts the records of all tables together
    found, following = read(iterator)
    assert found == []
    other.put("other", 2)
    table.put("first", 1)
    assert read(following)[0] == read(iterator)[0] == ["first"]
    other.put("other", 3)
    table.put("second", 1)
    assert read(iterator)[0] == ["first", "second"]
    other.service.delete_table(TableName=other.name)


def test_concurrent_transactions_have_their_records_in_the_order_of_their_effects(table: Table) -> None:
    keys, transactions = [f"key-{number}" for number in range(6)], 320

    def write(number: int) -> None:
        chosen = random.Random(number).sample(keys, 2)
        order = {"Put": {"TableName": table.name, "Item": {"id": {"S": f"order-{number}"}, "count": {"N": "0"}}}}
        table.service.transact_write_items(TransactItems=[order, *({"Update": table.addition(key)} for key in chosen)])

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(write, range(transactions)))

    changes = [_change(record) for record in wait_for("the records", table.records)]
    assert Counter(key for _, key, *_ in changes if key.startswith("order-")) == {
        f"order-{number}": 1 for number in range(transactions)
    }
    assert len(changes) == 3 * transactions
    for key in keys:
        history = [(before, after) for _, changed, before, after in changes if changed == key]
        assert history == [(str(n) if n else None, str(n + 1)) for n in range(len(history))]
