"""What Lambda hands to a function whose source is a queue of EventBridge events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

# What each function with a queue gets in its environment.
QUEUE = {"QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/222222222222/queue", "REDELIVERY_PAUSE_SECONDS": "60"}


class Context:
    """A Lambda context with so many seconds left, at every look."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "test"

    def __init__(self, seconds: float = 60) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


def object_created(bucket: str, key: object) -> dict[str, Any]:
    detail = {"version": "0", "bucket": {"name": bucket}, "object": {"key": key, "size": 1, "etag": "e"}}
    return {"version": "0", "source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def batch(bodies: Iterable[object]) -> dict[str, Any]:
    """Messages "m0", "m1", …; a body that is no string is sent as JSON."""
    return {
        "Records": [
            {"messageId": f"m{number}", "body": body if isinstance(body, str) else json.dumps(body)}
            for number, body in enumerate(bodies)
        ]
    }


def failed(answer: dict[str, Any]) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]
