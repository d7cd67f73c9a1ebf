"""What is still on its way through a platform, and what was lost."""

from __future__ import annotations

import re
import time
from typing import Any

from tests.platforms.own_platform import FOR_OTHERS, STACK, OwnPlatform, wait_until

LONGEST_SECONDS = 1800
STILL_SECONDS = 20  # longer than a batch of a stream waits between two tries


class Flow:
    def __init__(self, platform: OwnPlatform) -> None:
        self._platform = platform
        outputs = platform.status()["outputs"][STACK]
        self._sqs = platform.client("sqs")
        self._queues = {name: url for name, url in outputs["queue_urls"].items() if name not in FOR_OTHERS}
        self._dead_letter_queues = outputs["dead_letter_queue_urls"]
        self._functions = outputs["function_names"]

    def wait_until_still(self) -> None:
        """Returns once no queue holds a message and nothing at all has changed for a while."""
        seen: tuple[float, Any] = (0.0, None)

        def is_still() -> bool:
            nonlocal seen
            if any(self._messages(url) for url in self._queues.values()):
                seen = (0.0, None)
                return False
            records = self._platform.status()["records"]
            if records != seen[1]:
                seen = (time.monotonic(), records)
            return time.monotonic() - seen[0] > STILL_SECONDS

        wait_until(is_still, seconds=LONGEST_SECONDS, pause=2.0)

    def dead_letters(self) -> dict[str, int]:
        """By the short name of the queue or stream; only where there are any."""
        counts = {name: self._messages(url) for name, url in self._dead_letter_queues.items()}
        return {name: count for name, count in counts.items() if count}

    def timed_out_calls(self) -> dict[str, int]:
        """By function; only where there are any."""
        counts = {function: self._timed_out(name) for function, name in self._functions.items()}
        return {function: count for function, count in counts.items() if count}

    def _messages(self, url: str) -> int:
        names = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(map(int, answer["Attributes"].values()))

    def _timed_out(self, function: str) -> int:
        pages = self._platform.client("logs").get_paginator("filter_log_events")
        events = (each for page in pages.paginate(logGroupName=f"/aws/lambda/{function}") for each in page["events"])
        return sum("Task timed out" in event["message"] for event in events)


def missing_orders(seeded: str, stored: int) -> int:
    """How many orders and returns `infra-up` has sent, by what it printed, that are not stored."""
    sent = re.findall(r"^(?:orders|returns) to SQS +(\d+)$", seeded, re.MULTILINE)
    return sum(map(int, sent)) - stored
