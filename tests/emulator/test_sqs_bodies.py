"""Bodies of SQS messages on their way through an event source mapping."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .functions import Functions
from .recipe import wait_for

# Sends what it gets on to another queue.
SOURCE = """
    import os
    import boto3
    sqs = boto3.client("sqs")
    def handler(event, context):
        for record in event["Records"]:
            sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=record["body"])
"""
ODD = '{ "size" :1,\t"size": 2 , "name":"gr\\u00fc\\u006e" }\n'
DEEP = "[" * 100_000 + "]" * 100_000
LONG = '{"size": ' + "7" * 5000 + "}"


class Passage:
    """From a queue through a function to another queue."""

    def __init__(self, functions: Functions, sqs: Any, name: str) -> None:
        self._functions, self._sqs, self._name = functions, sqs, name
        self._inlet = sqs.create_queue(QueueName=name)["QueueUrl"]
        self._outlet = sqs.create_queue(QueueName=f"{name}-seen")["QueueUrl"]

    def arrivals(self, bodies: list[str], at_least: int, last: str, **mapping: Any) -> list[str]:
        """What the function saw of `bodies`, sorted, up to `last`.

        That one is sent when `at_least` of them have arrived and the queue is empty. The queue's word alone would not
        do: its numbers are approximate, and a message on its way to the function may be in none of them.
        """
        for body in bodies:
            self._sqs.send_message(QueueUrl=self._inlet, MessageBody=body)
        name = self._functions.make(SOURCE, Environment={"Variables": {"QUEUE": self._outlet}})
        mapped = self._functions.service.create_event_source_mapping(
            FunctionName=name,
            EventSourceArn=f"arn:aws:sqs:us-east-1:000000000000:{self._name}",
            BatchSize=10,
            **mapping,
        )
        seen: list[str] = []

        def received() -> list[str]:
            seen.extend(self._received())
            return seen

        wait_for("the messages that pass", lambda: len(received()) >= at_least)
        wait_for("the queue to become empty", self._is_empty)
        self._sqs.send_message(QueueUrl=self._inlet, MessageBody=last)
        wait_for("the last message", lambda: last in received())
        self._functions.service.delete_event_source_mapping(UUID=mapped["UUID"])
        return sorted(body for body in seen if body != last)

    def _is_empty(self) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self._sqs.get_queue_attributes(QueueUrl=self._inlet, AttributeNames=names)["Attributes"]
        return not any(map(int, counts.values()))

    def _received(self) -> list[str]:
        found = self._sqs.receive_message(QueueUrl=self._outlet, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        return [message["Body"] for message in found.get("Messages", [])]


@pytest.fixture
def passage(functions: Functions, aws: Callable[[str], Any], unique: str) -> Passage:
    return Passage(functions, aws("sqs"), unique)


def _filter(pattern: dict[str, Any]) -> dict[str, Any]:
    return {"FilterCriteria": {"Filters": [{"Pattern": json.dumps(pattern)}]}}


def test_bodies_arrive_as_they_were_sent(passage: Passage) -> None:
    bodies = [ODD, DEEP, LONG, " 1.50 ", '"text"', "no JSON", '{"plain": true}']
    assert passage.arrivals(bodies, at_least=len(bodies), last="null") == sorted(bodies)


def test_a_filter_sees_the_json_in_a_body_and_the_function_the_original(passage: Passage) -> None:
    bodies = [ODD, '{"size":3}', DEEP, LONG, "no JSON"]
    assert passage.arrivals(bodies, at_least=1, last='{"size": 9}', **_filter({"body": {"size": [2, 9]}})) == [ODD]


def test_a_filter_for_text_sees_bodies_that_can_not_be_parsed(passage: Passage) -> None:
    bodies = [DEEP, LONG, "[[ no JSON", '["JSON"]']
    found = passage.arrivals(bodies, at_least=2, last="[[end", **_filter({"body": [{"prefix": "[["}]}))
    assert found == sorted([DEEP, "[[ no JSON"])
