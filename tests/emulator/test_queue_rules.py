"""What SQS refuses of a queue, and when a message is over."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from .recipe import wait_for

PREFIX = "arn:aws:sqs:us-east-1:000000000000:"


def _redrive(target: str, receives: Any = 3) -> dict[str, str]:
    return {"RedrivePolicy": json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": receives})}


def _allow(permission: str, *sources: str) -> dict[str, str]:
    policy: dict[str, Any] = {"redrivePermission": permission}
    return {"RedriveAllowPolicy": json.dumps(policy | ({"sourceQueueArns": list(sources)} if sources else {}))}


@pytest.fixture
def dead(aws: Callable[[str], Any], unique: str) -> str:
    """Name of what dead-letter queues begin with: `-free`, `-closed`, `-own` and `-free.fifo`."""
    for name, attributes in {
        "free": {},
        "closed": _allow("denyAll"),
        "own": _allow("byQueue", f"{PREFIX}{unique}-owner"),
        "free.fifo": {"FifoQueue": "true"},
    }.items():
        aws("sqs").create_queue(QueueName=f"{unique}-{name}", Attributes=attributes)
    return unique


WRONG: dict[str, tuple[Callable[[str], dict[str, str]], str]] = {
    "no source": (lambda name: _redrive(f"{PREFIX}{name}-closed"), "denyAll"),
    "another source": (lambda name: _redrive(f"{PREFIX}{name}-own"), "byQueue"),
    "FIFO for a standard queue": (lambda name: _redrive(f"{PREFIX}{name}-free.fifo"), "same type of queue"),
    "another region": (lambda name: _redrive(f"arn:aws:sqs:eu-west-1:000000000000:{name}-free"), "same region"),
    "another account": (lambda name: _redrive(f"arn:aws:sqs:us-east-1:111111111111:{name}-free"), "owner"),
    "not there": (lambda name: _redrive(f"{PREFIX}{name}-none"), "does not exist"),
    "no queue": (lambda name: _redrive(f"arn:aws:sns:us-east-1:000000000000:{name}"), "deadLetterTargetArn"),
    "never": (lambda name: _redrive(f"{PREFIX}{name}-free", 0), "maxReceiveCount"),
    "too often": (lambda name: _redrive(f"{PREFIX}{name}-free", 1001), "maxReceiveCount"),
    "no count": (
        lambda name: {"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{PREFIX}{name}-free"})},
        "mandatory",
    ),
    "no JSON": (lambda _: {"RedrivePolicy": "x"}, "JSON map"),
    "no permission": (lambda _: _allow("some"), "redrivePermission"),
    "no sources": (lambda _: _allow("byQueue"), "sourceQueueArns"),
    "too many sources": (lambda name: _allow("byQueue", *(f"{PREFIX}{name}-{n}" for n in range(11))), "more than 10"),
    "visibility": (lambda _: {"VisibilityTimeout": "43201"}, "VisibilityTimeout"),
    "retention": (lambda _: {"MessageRetentionPeriod": "59"}, "MessageRetentionPeriod"),
    "delay": (lambda _: {"DelaySeconds": "-1"}, "DelaySeconds"),
    "wait": (lambda _: {"ReceiveMessageWaitTimeSeconds": "21"}, "ReceiveMessageWaitTimeSeconds"),
    "size": (lambda _: {"MaximumMessageSize": "1048577"}, "MaximumMessageSize"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_queue_that_can_not_be_is_refused_when_made_and_when_changed(
    aws: Callable[[str], Any], dead: str, case: str
) -> None:
    sqs = aws("sqs")
    attributes, reason = WRONG[case]
    with pytest.raises(sqs.exceptions.ClientError, match=reason):
        sqs.create_queue(QueueName=f"{dead}-new", Attributes=attributes(dead))
    queue = sqs.create_queue(QueueName=f"{dead}-new")["QueueUrl"]
    with pytest.raises(sqs.exceptions.ClientError, match=reason):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=attributes(dead))


def test_a_queue_may_use_what_allows_it(aws: Callable[[str], Any], dead: str) -> None:
    sqs = aws("sqs")
    sqs.create_queue(QueueName=f"{dead}-any", Attributes=_redrive(f"{PREFIX}{dead}-free", "5"))
    sqs.create_queue(QueueName=f"{dead}-owner", Attributes=_redrive(f"{PREFIX}{dead}-own"))
    fifo = {"FifoQueue": "true"} | _redrive(f"{PREFIX}{dead}-free.fifo")
    url = sqs.create_queue(QueueName=f"{dead}-any.fifo", Attributes=fifo)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})


@pytest.mark.waits
def test_a_message_is_gone_when_its_retention_is_over(aws: Callable[[str], Any], unique: str) -> None:
    sqs = aws("sqs")
    queues = {}
    for name, attributes in {unique: {}, f"{unique}.fifo": {"FifoQueue": "true"}}.items():
        queues[name] = sqs.create_queue(QueueName=name, Attributes={"MessageRetentionPeriod": "60"} | attributes)[
            "QueueUrl"
        ]
        group = {"MessageGroupId": "g", "MessageDeduplicationId": "1"} if attributes else {}
        sqs.send_message(QueueUrl=queues[name], MessageBody="x", **group)
    sent = time.monotonic()

    def are_empty() -> bool:
        names = ["ApproximateNumberOfMessages"]
        answers = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names) for url in queues.values()]
        return all(answer["Attributes"][names[0]] == "0" for answer in answers)

    wait_for("the messages to end", are_empty, 90)
    assert time.monotonic() - sent > 55
    assert not any("Messages" in sqs.receive_message(QueueUrl=url) for url in queues.values())
    group = {"MessageGroupId": "g", "MessageDeduplicationId": "2"}
    sqs.send_message(QueueUrl=queues[f"{unique}.fifo"], MessageBody="y", **group)
    assert sqs.receive_message(QueueUrl=queues[f"{unique}.fifo"], WaitTimeSeconds=5)["Messages"][0]["Body"] == "y"
