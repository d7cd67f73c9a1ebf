"""CloudWatch metrics of queues."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from .metrics import statistics
from .recipe import wait_for


def test_what_is_sent_received_and_deleted_is_counted(aws: Callable[[str], Any]) -> None:
    sqs, queue = aws("sqs"), f"counted-{uuid.uuid4().hex[:12]}"
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    for body in ("a", "bb", "bb"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    sqs.receive_message(QueueUrl=url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])

    expected = {
        "NumberOfMessagesSent": (3, 3),
        "SentMessageSize": (5, 3),
        "NumberOfMessagesReceived": (len(messages), 1),
        "NumberOfEmptyReceives": (1, 1) if len(messages) == 3 else (0, 0),
        "NumberOfMessagesDeleted": (1, 1),
    }

    def told() -> dict[str, tuple[float, float]]:
        dimension = {"Name": "QueueName", "Value": queue}
        return {metric: statistics(aws, "AWS/SQS", dimension, metric) for metric in expected}

    wait_for("the metrics", lambda: told() == expected)
