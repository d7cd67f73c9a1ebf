"""Subscriptions of consumers to shards: what SubscribeToShard sends.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShardEvent.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from localstack.aws.api.kinesis import ResourceInUseException

LIVES_SECONDS = 300.0
TAKEN_OVER_AFTER_SECONDS = 5.0  # another call ends a subscription that is so old, and fails before
QUIET_SECONDS = 5.0  # an event comes at least as often, with no records where there are none

Event = dict[str, Any]


@dataclass
class Subscription:
    """began: on the monotonic clock. is_over: another call has taken it over."""

    began: float = field(default_factory=time.monotonic)
    is_over: bool = False


class Subscriptions:
    """One for each consumer and shard. changed: told when there may be something to send; guards the subscriptions."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._known: dict[tuple[str, str], Subscription] = {}

    def begin(self, consumer: str, shard: str) -> Subscription:
        """Raises ResourceInUseException."""
        with self._changed:
            former = self._known.get((consumer, shard))
            if former and time.monotonic() < former.began + TAKEN_OVER_AFTER_SECONDS:
                raise ResourceInUseException(
                    f"Another active subscription exists for this consumer: {consumer} and shard: {shard}"
                )
            if former:
                former.is_over = True
                self._changed.notify_all()
            self._known[consumer, shard] = made = Subscription()
            return made

    def events(
        self, subscription: Subscription, read: Callable[[], tuple[Event, bool]], is_there: Callable[[], bool]
    ) -> Iterator[Event]:
        """What a subscription sends until it is five minutes old, is taken over, or has nothing to come.

        read: what is there now and whether it is the last. is_there: whether what it reads still exists.
        """
        ends = subscription.began + LIVES_SECONDS
        while True:
            quiet_until = min(time.monotonic() + QUIET_SECONDS, ends)
            with self._changed:
                while True:
                    if subscription.is_over or time.monotonic() >= ends or not is_there():
                        return
                    event, is_last = read()
                    left = quiet_until - time.monotonic()
                    if event["Records"] or is_last or left <= 0:
                        break
                    self._changed.wait(left)
            yield {"SubscribeToShardEvent": event}
            if is_last:
                return
