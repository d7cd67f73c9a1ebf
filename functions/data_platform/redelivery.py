"""When a message that was not processed comes again, until its queue makes it a dead letter.

The queue itself would wait for its visibility timeout each time, which has to be several times longer than calls take.
But what can never be processed need not wait at all, and what may be processed once something else has come, such as a
product, waits for a pause that grows with each receive. What failed because a service did, or for want of time, waits
for pauses that double: longer in all, since that passes by itself. Only a function that ends without an answer leaves
its messages to the queue.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from itertools import islice
from typing import Any

import botocore.session
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 2})
ENTRIES_PER_CALL = 10
LONGEST_PAUSE = 36_000  # seconds; SQS hides a message for 12 hours at most, the time it was received for included

Record = dict[str, Any]


class Redelivery:
    """Of the messages of one call; `records` are the `Records` of a Lambda event of an SQS queue.

    `first_pause` is in seconds: of `later` the second is twice as long, the third three times, and so on.
    """

    def __init__(self, records: Iterable[Record], first_pause: int) -> None:
        self._records = {record["messageId"]: record for record in records}
        self._first_pause = first_pause
        self._seconds: dict[str, int] = {}

    def at_once(self, message_id: str) -> None:
        """The message can never be processed."""
        self._seconds[message_id] = 0

    def later(self, message_id: str) -> None:
        """The message may be processed once something else has come."""
        self._seconds[message_id] = min(self._first_pause * _receives(self._records[message_id]), LONGEST_PAUSE)

    def after_failure(self, message_id: str) -> None:
        """There is nothing wrong with the message: a service failed, or the time was up."""
        pause = self._first_pause * 2 ** min(_receives(self._records[message_id]) + 1, 16)
        self._seconds[message_id] = min(pause, LONGEST_PAUSE)

    def entries(self) -> list[dict[str, Any]]:
        """The argument Entries of ChangeMessageVisibilityBatch, however many they are."""
        return [
            {"Id": str(number), "ReceiptHandle": self._records[name]["receiptHandle"], "VisibilityTimeout": seconds}
            for number, (name, seconds) in enumerate(self._seconds.items())
            if "receiptHandle" in self._records[name]
        ]


def most_received_first(records: Iterable[Record]) -> list[Record]:
    """Those that are dead letters soonest have the most of the function's time."""
    return sorted(records, key=_receives, reverse=True)


def _receives(record: Record) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


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
