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
        ("ExecuteStatement", {"ReturnConsumedCapacity": "TOTAL"}),
        ("BatchExecuteStatement", {"Statements": [{}], "ReturnConsumedCapacity": "TOTAL"}),
        ("ExecuteTransaction", {"TransactStatements": [], "ReturnConsumedCapacity": "INDEXES"}),
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


LARGE, SMALL = {"S": "x" * 5000}, {"S": "x"}


@pytest.fixture
def indexed(dynamodb: Any, unique: str) -> Iterator[str]:
    """Name of a table with the index `by_day`: `a` and `b` have 5 kB and a day, `c` has neither."""
    dynamodb.create_table(
        TableName=unique,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "day")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_day",
                "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for key in "ab":
        dynamodb.put_item(TableName=unique, Item={"id": {"S": key}, "day": {"S": "1"}, "large": LARGE})
    dynamodb.put_item(TableName=unique, Item={"id": {"S": "c"}})
    yield unique
    dynamodb.delete_table(TableName=unique)


def in_table(units: float) -> dict[str, Any]:
    return {"CapacityUnits": units, "Table": {"CapacityUnits": units}}


@pytest.mark.parametrize(
    ("statement", "options", "wanted"),
    [
        ("SELECT * FROM {}", {}, in_table(1.5)),
        ("SELECT * FROM {}", {"ConsistentRead": True}, in_table(3)),
        ("SELECT * FROM {}", {"Limit": 1}, {"CapacityUnits": (0.5, 1)}),
        ("SELECT id FROM {} WHERE id = 'a'", {}, in_table(1)),
        ("SELECT id FROM {} WHERE id = 'a' AND day = '2'", {}, in_table(1)),
        ("SELECT * FROM {} WHERE id = ?", {"Parameters": [{"S": "nobody"}]}, in_table(0.5)),
        (
            "SELECT * FROM {}.by_day WHERE day = '1'",
            {},
            {
                "CapacityUnits": 1.5,
                "Table": {"CapacityUnits": 0},
                "GlobalSecondaryIndexes": {"by_day": {"CapacityUnits": 1.5}},
            },
        ),
        ("INSERT INTO {} VALUE {{'id': 'new'}}", {}, in_table(1)),
        (
            "UPDATE {} SET more = 1 WHERE id = 'a'",
            {},
            {
                "CapacityUnits": 10,
                "Table": {"CapacityUnits": 5},
                "GlobalSecondaryIndexes": {"by_day": {"CapacityUnits": 5}},
            },
        ),
        ("DELETE FROM {} WHERE id = 'c'", {}, in_table(1)),
        ("DELETE FROM {} WHERE id = 'nobody'", {}, in_table(1)),
    ],
)
def test_a_statement_tells_what_it_consumed(
    dynamodb: Any, indexed: str, statement: str, options: dict[str, Any], wanted: dict[str, Any]
) -> None:
    asked = {"Statement": statement.format(f'"{indexed}"'), **options}
    told = dynamodb.execute_statement(**asked, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    if "Limit" in options:
        assert told["CapacityUnits"] in wanted["CapacityUnits"]
    else:
        assert told == {"TableName": indexed, **wanted}


def test_what_a_statement_consumed_is_told_in_total_or_not_at_all(dynamodb: Any, indexed: str) -> None:
    statement = f"""UPDATE "{indexed}" SET day = '2' WHERE id = 'c' RETURNING ALL NEW *"""
    for detail, wanted in (
        ({"ReturnConsumedCapacity": "TOTAL"}, {"TableName": indexed, "CapacityUnits": 2}),
        ({"ReturnConsumedCapacity": "NONE"}, None),
        ({}, None),
    ):
        answer = dynamodb.execute_statement(Statement=statement, **detail)
        assert answer["Items"] == [{"id": {"S": "c"}, "day": {"S": "2"}}]
        assert answer.get("ConsumedCapacity") == wanted


def test_pages_of_a_statement_are_what_they_are_without_telling(dynamodb: Any, indexed: str) -> None:
    for number in range(8):
        dynamodb.put_item(TableName=indexed, Item={"id": {"S": f"large {number}"}, "x": {"B": b"x" * 300_000}})

    def pages(**detail: str) -> Iterator[dict[str, Any]]:
        asked = {"Statement": f'SELECT id FROM "{indexed}"', **detail}
        yield (answer := dynamodb.execute_statement(**asked))
        while "NextToken" in answer:
            yield (answer := dynamodb.execute_statement(**asked, NextToken=answer["NextToken"]))

    told = list(pages(ReturnConsumedCapacity="TOTAL"))
    assert [page["Items"] for page in told] == [page["Items"] for page in pages()]
    scanned = dynamodb.scan(TableName=indexed, Select="COUNT", ReturnConsumedCapacity="TOTAL")
    assert told[0]["ConsumedCapacity"] == scanned["ConsumedCapacity"]
    assert len(told) > 1


def test_batches_of_statements_tell_what_they_consumed_of_each_table(dynamodb: Any, indexed: str, unique: str) -> None:
    other = f"{unique}-other"
    make_table(dynamodb, other)
    reads = [
        {"Statement": f"""SELECT * FROM "{indexed}" WHERE id = 'a'""", "ConsistentRead": True},
        {"Statement": f"""SELECT * FROM "{indexed}" WHERE id = 'nobody'"""},
        {"Statement": f"""SELECT * FROM "{other}" WHERE id = 'nobody'"""},
    ]
    answer = dynamodb.batch_execute_statement(Statements=reads, ReturnConsumedCapacity="TOTAL")
    assert [bool(one.get("Item")) for one in answer["Responses"]] == [True, False, False]
    assert told_by_table(answer) == {indexed: 2.5, other: 0.5}
    writes = [
        {"Statement": f"""INSERT INTO "{other}" VALUE {{'id': 'a', 'large': ?}}""", "Parameters": [LARGE]},
        {"Statement": f"""UPDATE "{other}" SET a = 1 WHERE id = 'nobody'"""},
        {"Statement": f"""DELETE FROM "{indexed}" WHERE id = 'c'"""},
    ]
    answer = dynamodb.batch_execute_statement(Statements=writes, ReturnConsumedCapacity="TOTAL")
    assert ["Error" in one for one in answer["Responses"]] == [False, True, False]
    assert told_by_table(answer) == {indexed: 1, other: 6}
    dynamodb.delete_table(TableName=other)


def told_by_table(answer: dict[str, Any]) -> dict[str, float]:
    return {told["TableName"]: told["CapacityUnits"] for told in answer["ConsumedCapacity"]}


def test_a_transaction_of_statements_is_charged_twice(dynamodb: Any, indexed: str) -> None:
    reads = [{"Statement": f"""SELECT * FROM "{indexed}" WHERE id = '{key}'"""} for key in "bc"]
    answer = dynamodb.execute_transaction(TransactStatements=reads, ReturnConsumedCapacity="INDEXES")
    assert answer["ConsumedCapacity"] == [{"TableName": indexed, **in_table(6)}]
    writes = [
        {"Statement": f"""UPDATE "{indexed}" SET more = 1 WHERE id = 'c'"""},
        {"Statement": f"""EXISTS(SELECT * FROM "{indexed}" WHERE id = 'a' AND day = '1')"""},
    ]
    answer = dynamodb.execute_transaction(TransactStatements=writes, ReturnConsumedCapacity="INDEXES")
    assert answer["ConsumedCapacity"] == [{"TableName": indexed, **in_table(12)}]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELECT", "ValidationException"),
        ("SELECT * FROM nowhere", "ResourceNotFoundException"),
        ("INSERT INTO {} VALUE {{'id': 'a'}}", "DuplicateItemException"),
        ("UPDATE {} SET a = 1 WHERE id = 'nobody'", "ConditionalCheckFailedException"),
    ],
)
def test_a_statement_that_is_wrong_fails_in_the_same_way(
    dynamodb: Any, indexed: str, statement: str, code: str
) -> None:
    said = []
    for detail in ("NONE", "INDEXES"):
        with pytest.raises(ClientError) as error:
            dynamodb.execute_statement(Statement=statement.format(f'"{indexed}"'), ReturnConsumedCapacity=detail)
        said.append(str(error.value))
        assert error.value.response["Error"]["Code"] == code
    assert said[0] == said[1]
