"""Event sources and function URLs in front of a function."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Callable
from typing import Any

from .functions import ROLE, Functions, make_table
from .recipe import wait_for

# Fails the records whose body says so, and notes every record it saw, with the request that brought it.
SOURCE = """
    import base64, json, os
    import boto3
    table = boto3.client("dynamodb")
    def handler(event, context):
        failures = []
        for record in event["Records"]:
            if "kinesis" in record:
                body = base64.b64decode(record["kinesis"]["data"]).decode()
                identifier = record["kinesis"]["sequenceNumber"]
            else:
                body, identifier = record["body"], record["messageId"]
            table.update_item(
                TableName=os.environ["TABLE"], Key={"id": {"S": body}},
                UpdateExpression="ADD seen :one", ExpressionAttributeValues={":one": {"N": "1"}},
            )
            if body.startswith("bad"):
                failures.append({"itemIdentifier": identifier})
        return {"batchItemFailures": failures}
"""


def _table(aws: Callable[[str], Any], name: str) -> Callable[[], dict[str, int]]:
    make_table(aws("dynamodb"), name)

    def seen() -> dict[str, int]:
        items = aws("dynamodb").scan(TableName=name, ConsistentRead=True)["Items"]
        return {item["id"]["S"]: int(item["seen"]["N"]) for item in items}

    return seen


def test_an_sqs_batch_that_fails_partly_is_retried_partly_and_ends_in_the_dead_letter_queue(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    sqs = aws("sqs")
    dead = sqs.create_queue(QueueName=f"{unique}-dlq")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:000000000000:{unique}-dlq", "maxReceiveCount": 2}
    queue = sqs.create_queue(
        QueueName=unique, Attributes={"VisibilityTimeout": "3", "RedrivePolicy": json.dumps(redrive)}
    )["QueueUrl"]
    seen = _table(aws, unique)
    name = functions.make(SOURCE, Environment={"Variables": {"TABLE": unique}}, Timeout=3)
    bodies = ["good-1", "bad-ü", "good-2"]
    sqs.send_message_batch(
        QueueUrl=queue, Entries=[{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
    )
    mapping = functions.service.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=f"arn:aws:sqs:us-east-1:000000000000:{unique}",
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )["UUID"]
    [message] = wait_for(
        "the failed message in the dead-letter queue",
        lambda: sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages", []),
    )
    functions.service.delete_event_source_mapping(UUID=mapping)
    assert message["Body"] == "bad-ü"
    assert seen() == {"good-1": 1, "good-2": 1, "bad-ü": 2}


def test_a_kinesis_batch_that_fails_partly_is_retried_from_the_failed_record(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName=unique, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=unique, WaiterConfig={"Delay": 1})
    dead = aws("sqs").create_queue(QueueName=f"{unique}-dlq")["QueueUrl"]
    seen = _table(aws, unique)
    name = functions.make(SOURCE, Environment={"Variables": {"TABLE": unique}})
    mapping = functions.service.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=f"arn:aws:kinesis:us-east-1:000000000000:stream/{unique}",
        StartingPosition="TRIM_HORIZON",
        BatchSize=10,
        MaximumRetryAttempts=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:sqs:us-east-1:000000000000:{unique}-dlq"}},
    )["UUID"]
    bodies = ["good-1", "bad-ü", "good-2"]
    kinesis.put_records(StreamName=unique, Records=[{"Data": body.encode(), "PartitionKey": "same"} for body in bodies])
    [message] = wait_for(
        "the failed batch at its destination",
        lambda: aws("sqs").receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages", []),
        30,
    )
    functions.service.delete_event_source_mapping(UUID=mapping)
    assert json.loads(message["Body"])["requestContext"]["condition"] == "RetryAttemptsExhausted"
    found = seen()
    assert found["good-1"] == 1
    assert found["bad-ü"] == 2
    kinesis.delete_stream(StreamName=unique)


def test_a_function_url_passes_the_request_and_the_response(functions: Functions, endpoint: str) -> None:
    source = """
        import json
        def handler(event, context):
            shown = {key: event.get(key) for key in ("version", "rawPath", "rawQueryString", "body", "isBase64Encoded")}
            shown["method"] = event["requestContext"]["http"]["method"]
            return {"statusCode": 201, "headers": {"X-Shop": "ja"}, "body": json.dumps(shown)}
    """
    name = functions.make(source)
    url = functions.service.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    identifier = url.split("//")[1].split(".")[0]
    request = urllib.request.Request(
        f"{endpoint}/orders/1?size=gro%C3%9F&size=2",
        data=b"\x00\xff binary",
        headers={"Host": f"{identifier}.lambda-url.us-east-1.localhost.localstack.cloud", "Content-Type": "image/png"},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 201
        assert answer.headers["X-Shop"] == "ja"
        seen = json.load(answer)
    assert seen["version"] == "2.0"
    assert (seen["method"], seen["rawPath"], seen["rawQueryString"]) == ("PUT", "/orders/1", "size=gro%C3%9F&size=2")
    assert seen["isBase64Encoded"] is True
    assert base64.b64decode(seen["body"]) == b"\x00\xff binary"


def test_an_asynchronous_invocation_runs(functions: Functions, aws: Callable[[str], Any], unique: str) -> None:
    seen = _table(aws, unique)
    name = functions.make(SOURCE, Environment={"Variables": {"TABLE": unique}}, Role=ROLE)
    event = {"Records": [{"body": "later", "messageId": "1"}]}
    answer = functions.service.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event))
    assert answer["StatusCode"] == 202
    assert wait_for("the invocation", seen) == {"later": 1}
