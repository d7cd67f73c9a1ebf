"""CloudWatch metrics of queues."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from .recipe import wait_for


def _points(aws: Callable[[str], Any], queue: str, metric: str) -> tuple[float, float]:
    """Sum and number of values."""
    now = datetime.now(UTC)
    points = aws("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName=metric,
        Dimensions=[{"Name": "QueueName", "Value": queue}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points), sum(point["SampleCount"] for point in points)


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
    wait_for("the metrics", lambda: {metric: _points(aws, queue, metric) for metric in expected} == expected)
