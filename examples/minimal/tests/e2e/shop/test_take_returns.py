import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest


@pytest.fixture
def stack(outputs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return outputs["shop"]


def test_a_message_is_stored(stack: dict[str, Any], unique: str, wait_for: Callable[..., Any]) -> None:
    message = json.dumps({"id": unique, "text": "hello"})
    boto3.client("sqs").send_message(QueueUrl=stack["queue_urls"]["take_returns"], MessageBody=message)
    table = boto3.resource("dynamodb").Table(stack["table_names"]["records"])
    record = wait_for(lambda: table.get_item(Key={"id": unique}, ConsistentRead=True).get("Item"))
    assert record == {"id": unique, "text": "hello", "stored_by": "take_returns"}


@pytest.mark.smoke
def test_it_is_deployed(stack: dict[str, Any]) -> None:
    function = stack["function_names"]["take_returns"]
    configuration = boto3.client("lambda").get_function_configuration(FunctionName=function, Qualifier="live")
    assert configuration["State"] == "Active"
