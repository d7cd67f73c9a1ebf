"""Requests that the emulator hands to DynamoDB Local without a look at most of what they say."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from .functions import make_table

Item = dict[str, Any]

BYTES = {"B": b"\x00\xff{"}


@pytest.fixture
def dynamodb(aws: Callable[[str], Any]) -> Any:
    return aws("dynamodb")


@pytest.fixture
def table(dynamodb: Any, unique: str) -> Iterator[Item]:
    """The description of a table with a stream."""
    images = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    yield make_table(dynamodb, unique, StreamSpecification=images)
    dynamodb.delete_table(TableName=unique)


def put(table: str, item: Item) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": item}}


def test_a_transaction_says_the_same_in_any_order(dynamodb: Any, table: Item, unique: str) -> None:
    one, other = {"id": {"S": "a"}, "bytes": BYTES}, {"bytes": BYTES, "id": {"S": "a"}}
    for item in (one, other):
        dynamodb.transact_write_items(TransactItems=[put(unique, item)], ClientRequestToken=unique)
    with pytest.raises(dynamodb.exceptions.IdempotentParameterMismatchException):
        dynamodb.transact_write_items(TransactItems=[put(unique, one | {"more": BYTES})], ClientRequestToken=unique)
    assert dynamodb.get_item(TableName=unique, Key={"id": {"S": "a"}})["Item"] == one


def test_tables_of_transactions_have_names_and_arns(dynamodb: Any, table: Item, unique: str) -> None:
    item = {"id": {"S": "a"}, "bytes": BYTES}
    dynamodb.transact_write_items(TransactItems=[put(table["TableArn"], item)])
    for name in (unique, table["TableArn"]):
        read = dynamodb.transact_get_items(TransactItems=[{"Get": {"TableName": name, "Key": {"id": {"S": "a"}}}}])
        assert read["Responses"] == [{"Item": item}]


def test_batches_are_as_they_were_sent(dynamodb: Any, table: Item, unique: str) -> None:
    items = [{"id": {"S": str(number)}, "bytes": BYTES, "none": {"NULL": True}} for number in range(3)]
    requests = [{"PutRequest": {"Item": item}} for item in items]
    assert dynamodb.batch_write_item(RequestItems={unique: requests})["UnprocessedItems"] == {}
    keys = [{"id": item["id"]} for item in items]
    found = dynamodb.batch_get_item(RequestItems={unique: {"Keys": keys}})["Responses"][unique]
    assert sorted(found, key=lambda item: str(item["id"])) == items


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("GetItem", {}),
        ("GetItem", {"TableName": 5}),
        ("PutItem", {"TableName": None, "Item": {}}),
        ("TransactWriteItems", {"TransactItems": [{"Put": {"Item": {}}}]}),
    ],
)
def test_what_is_missing_or_wrong_dynamodb_itself_says(endpoint: str, operation: str, request_: Item) -> None:
    headers = {
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, Signature=0",
        "X-Amz-Date": "20260101T000000Z",
    }
    sent = urllib.request.Request(endpoint, json.dumps(request_).encode(), headers)
    with pytest.raises(HTTPError) as answer:
        urllib.request.urlopen(sent)
    assert answer.value.code == 400
    assert json.load(answer.value)["__type"].endswith("ValidationException")


def test_records_of_a_stream_and_what_is_wrong_with_an_iterator(
    aws: Callable[[str], Any], dynamodb: Any, table: Item, unique: str
) -> None:
    items = [{"id": {"S": str(number)}, "bytes": BYTES} for number in range(3)]
    for item in items:
        dynamodb.put_item(TableName=unique, Item=item)
    streams, stream = aws("dynamodbstreams"), {"StreamArn": table["LatestStreamArn"]}
    (shard,) = streams.describe_stream(**stream)["StreamDescription"]["Shards"]
    place = {**stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    first = streams.get_records(ShardIterator=streams.get_shard_iterator(**place)["ShardIterator"], Limit=2)
    rest = streams.get_records(ShardIterator=first["NextShardIterator"])
    records = [*first["Records"], *rest["Records"]]
    assert len(first["Records"]) == 2
    assert [record["dynamodb"]["NewImage"] for record in records] == items
    assert {record["awsRegion"] for record in records} == {"us-east-1"}
    with pytest.raises(ClientError) as answer:
        streams.get_records(ShardIterator=first["NextShardIterator"][:-8] + "AAAAAAAA")
    assert answer.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize("detail", ["TOTAL", "INDEXES"])
def test_a_transaction_is_charged_twice(aws: Callable[[str], Any], unique: str, detail: str) -> None:
    dynamodb = aws("dynamodb")
    make_table(dynamodb, unique)
    writes = [{"Put": {"TableName": unique, "Item": {"id": {"S": name}}}} for name in "ab"]
    (told,) = dynamodb.transact_write_items(ReturnConsumedCapacity=detail, TransactItems=writes)["ConsumedCapacity"]
    assert told["CapacityUnits"] == 4
    reads = [{"Get": {"TableName": unique, "Key": {"id": {"S": "a"}}}}]
    (told,) = dynamodb.transact_get_items(ReturnConsumedCapacity=detail, TransactItems=reads)["ConsumedCapacity"]
    assert told["CapacityUnits"] == 2
