"""Versions and aliases of functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .functions import Functions, zip_bytes
from .recipe import wait_for

SOURCE = """
import json, os
import boto3
def handler(event, context):
    answer = ["{code}", os.environ["SETTING"], context.function_version]
    if "Records" in event:
        boto3.client("sqs").send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(answer))
    return answer
"""


def test_an_alias_and_its_event_source_use_the_version_it_points_to(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    service, sqs = functions.service, aws("sqs")
    queue, seen = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in (unique, f"{unique}-seen"))
    key = aws("kms").create_key()["KeyMetadata"]["Arn"]
    name = functions.make(
        SOURCE.format(code="old"),
        Publish=True,
        KMSKeyArn=key,
        Environment={"Variables": {"SETTING": "first", "SEEN": seen}},
    )
    alias = service.create_alias(FunctionName=name, Name="live", FunctionVersion="1")["AliasArn"]
    mapping = service.create_event_source_mapping(
        FunctionName=alias, EventSourceArn=f"arn:aws:sqs:us-east-1:000000000000:{unique}", BatchSize=1
    )["UUID"]

    def through_the_queue() -> Any:
        sqs.send_message(QueueUrl=queue, MessageBody="{}")
        [message] = wait_for(
            "what the function saw",
            lambda: sqs.receive_message(QueueUrl=seen, WaitTimeSeconds=1).get("Messages", []),
        )
        sqs.delete_message(QueueUrl=seen, ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])

    updated = service.get_waiter("function_updated_v2")
    service.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1", WaiterConfig={"Delay": 1})
    assert functions.invoke(name, {}, Qualifier="live").payload == ["old", "first", "1"]
    assert through_the_queue() == ["old", "first", "1"]

    service.update_function_code(FunctionName=name, ZipFile=zip_bytes({"app.py": SOURCE.format(code="new")}))
    updated.wait(FunctionName=name, WaiterConfig={"Delay": 1})
    service.update_function_configuration(
        FunctionName=name, Environment={"Variables": {"SETTING": "second", "SEEN": seen}}
    )
    updated.wait(FunctionName=name, WaiterConfig={"Delay": 1})
    version = service.publish_version(FunctionName=name)["Version"]
    service.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 1})
    assert functions.invoke(name, {}, Qualifier="live").payload == ["old", "first", "1"]
    service.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    assert functions.invoke(name, {}, Qualifier="live").payload == ["new", "second", version]
    assert functions.invoke(name, {}, Qualifier="1").payload == ["old", "first", "1"]
    assert through_the_queue() == ["new", "second", version]
    assert service.get_function(FunctionName=name, Qualifier=version)["Configuration"]["KMSKeyArn"] == key
    service.delete_event_source_mapping(UUID=mapping)
