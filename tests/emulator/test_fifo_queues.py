"""FIFO queues and their dead-letter queues."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .recipe import wait_for


def test_messages_move_to_the_dead_letter_queue_and_back_whatever_was_sent_before(
    aws: Callable[[str], Any], unique: str
) -> None:
    sqs = aws("sqs")
    fifo = {"FifoQueue": "true", "KmsMasterKeyId": "alias/aws/sqs"}
    dead_arn = f"arn:aws:sqs:us-east-1:000000000000:{unique}-dlq.fifo"
    dead = sqs.create_queue(QueueName=f"{unique}-dlq.fifo", Attributes=fifo)["QueueUrl"]
    groups = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})}
    queue = sqs.create_queue(
        QueueName=f"{unique}.fifo", Attributes=fifo | groups | redrive | {"VisibilityTimeout": "1"}
    )["QueueUrl"]
    sent = [
        sqs.send_message(
            QueueUrl=queue, MessageBody=f"of {group}", MessageGroupId=group, MessageDeduplicationId="one-request"
        )["MessageId"]
        for group in ("a", "b", "a")
    ]
    assert sent[0] == sent[2] != sent[1]

    def waiting(url: str) -> int:
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def fail() -> bool:
        sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        return waiting(dead) == 2

    for _ in range(2):
        wait_for("the messages in the dead-letter queue", fail)
        sqs.start_message_move_task(SourceArn=dead_arn)
        wait_for("the messages in their queue again", lambda: waiting(queue) == 2)
    assert waiting(dead) == 0
