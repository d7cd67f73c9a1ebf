"""One event on its way to one target: tried again by the target's retry policy, then in its dead-letter queue.

What waits for its next attempt is part of the emulator's state.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localstack.aws.connect import connect_to
from localstack.utils.aws.arns import extract_account_id_from_arn, extract_region_from_arn, sqs_queue_url_for_arn

from .clock import CLOCK
from .failures import Failure, failure_of, pause_before

LOG = logging.getLogger(__name__)

CLOCK_KEY = "delivery "
MOST_RETRIES, LONGEST_SECONDS = 185, 24 * 3600

waiting: dict[str, Delivery] = {}
"""Deliveries that failed and are tried again, by their id."""


@dataclass
class Delivery:
    """One event for one target. target: as PutTargets or CreateSchedule tells it. began, due: seconds since the
    epoch."""

    target: Mapping[str, Any]
    began: float = field(default_factory=time.time)
    attempts: int = 0
    due: float = 0.0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def send(self) -> None:
        """One attempt. Raises what the target answers."""
        raise NotImplementedError

    def dead_letter(self) -> tuple[str, dict[str, str]]:
        """Body and attributes of the dead letter, without those that tell of the failure."""
        raise NotImplementedError

    def exhausted(self, now: float) -> str | None:
        """AWS's name of the limit of the retry policy that is reached; None when there may be another attempt."""
        policy = self.target.get("RetryPolicy") or {}
        if self.attempts > policy.get("MaximumRetryAttempts", MOST_RETRIES):
            return "MaximumRetryAttempts"
        if now + pause_before(self.attempts + 1) > self.began + policy.get("MaximumEventAgeInSeconds", LONGEST_SECONDS):
            return "MaximumEventAgeInSeconds"
        return None


def deliver(delivery: Delivery) -> None:
    """Try the delivery now. If it fails, it is planned again, or its dead letter is sent."""
    delivery.attempts += 1
    try:
        delivery.send()
    except Exception as error:
        failure, now = failure_of(error), time.time()
        LOG.info("%s did not take an event: %s", delivery.target["Arn"], failure.message)
        exhausted = delivery.exhausted(now)
        if failure.lasts or exhausted:
            waiting.pop(delivery.id, None)
            _bury(delivery, failure, None if failure.lasts else exhausted)
        else:
            delivery.due = now + pause_before(delivery.attempts + 1)
            waiting[delivery.id] = delivery
            _plan(delivery)
    else:
        waiting.pop(delivery.id, None)


def resume() -> None:
    """Go on with the deliveries that wait in a state that was loaded."""
    CLOCK.drop_all(CLOCK_KEY)
    for delivery in list(waiting.values()):
        _plan(delivery)


def _plan(delivery: Delivery) -> None:
    CLOCK.plan(f"{CLOCK_KEY}{delivery.id}", delivery.due, lambda: deliver(delivery))


def _bury(delivery: Delivery, failure: Failure, exhausted: str | None) -> None:
    arn = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
    if not arn:
        LOG.warning("an event is lost: %s did not take it and has no dead-letter queue", delivery.target["Arn"])
        return
    body, attributes = delivery.dead_letter()
    attributes |= {
        "TARGET_ARN": delivery.target["Arn"],
        "ERROR_CODE": failure.code,
        "ERROR_MESSAGE": failure.message or failure.code,
        "RETRY_ATTEMPTS": str(delivery.attempts - 1),
    }
    if exhausted:
        attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
    sqs = connect_to(aws_access_key_id=extract_account_id_from_arn(arn), region_name=extract_region_from_arn(arn)).sqs
    try:
        sqs.send_message(
            QueueUrl=sqs_queue_url_for_arn(arn),
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        )
    except Exception as error:
        LOG.error("an event is lost: the dead-letter queue %s did not take it: %s", arn, error)
