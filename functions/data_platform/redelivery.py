"""When a message that was refused comes again, until its queue makes it a dead letter.

The queue itself would wait for its visibility timeout each time, which has to be longer than calls take. But what can
never be processed need not wait at all, and what may be processed once something else has come, such as a product,
waits for a pause that grows with each receive. What failed because the function or a service did is left to the queue.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import botocore.session
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 2})
ENTRIES_PER_CALL = 10
LONGEST_PAUSE = 36_000  # seconds; SQS hides a message for 12 hours at most, the time it was received for included


class Redelivery:
    """Of the messages of one call; `records` are the `Records` of a Lambda event of an SQS queue.

    `first_pause` is in seconds; the second is twice as long, the third three times, and so on.
    """

    def __init__(self, records: Iterable[Mapping[str, Any]], first_pause: int) -> None:
        self._records = {record["messageId"]: record for record in records}
        self._first_pause = first_pause
        self._seconds: dict[str, int] = {}

    def at_once(self, message_id: str) -> None:
        """The message can never be processed."""
        self._seconds[message_id] = 0

    def later(self, message_id: str) -> None:
        """The message may be processed once something else has come."""
        receives = int(self._records[message_id].get("attributes", {}).get("ApproximateReceiveCount", 1))
        self._seconds[message_id] = min(self._first_pause * receives, LONGEST_PAUSE)

    def entries(self) -> list[dict[str, Any]]:
        """The argument Entries of ChangeMessageVisibilityBatch, however many they are."""
        return [
            {"Id": str(number), "ReceiptHandle": self._records[name]["receiptHandle"], "VisibilityTimeout": seconds}
            for number, (name, seconds) in enumerate(self._seconds.items())
            if "receiptHandle" in self._records[name]
        ]


def tell(queue_url: str, redelivery: Redelivery, logger: Logger) -> None:
    """Let the queue know. When that fails, it waits for its visibility timeout: so this raises nothing."""
    rest = iter(redelivery.entries())
    while entries := list(islice(rest, ENTRIES_PER_CALL)):
        try:
            _sqs().change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            logger.warning("messages come again when their queue says", extra={"reason": str(error)})


def first_pause() -> int:
    return int(os.environ["REDELIVERY_PAUSE_SECONDS"])


@functools.cache  # made when the first message is refused: most calls refuse none
def _sqs() -> Any:
    return botocore.session.get_session().create_client("sqs", config=CONFIG)
