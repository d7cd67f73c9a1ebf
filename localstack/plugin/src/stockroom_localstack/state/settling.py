"""Whether all that follows from earlier requests has happened: events are processed, messages delivered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import background
from .roots import provider

# Longer than an event source waits before it looks at a stream again, or for a batch to fill.
CALM_SECONDS = 3.0


class Invocations:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0
        self._ended_at = time.monotonic()

    @contextmanager
    def one(self) -> Iterator[None]:
        with self._lock:
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                self._ended_at = time.monotonic()

    def seconds_without(self) -> float:
        with self._lock:
            return 0.0 if self._under_way else time.monotonic() - self._ended_at


# In capitals: it is no state of the emulator (roots.py).
INVOCATIONS = Invocations()


def is_settled() -> bool:
    """It may be true a little early where functions are late; what is on its way then is saved as well."""
    calm = min(INVOCATIONS.seconds_without(), time.monotonic() - background.REST.until)
    return calm > CALM_SECONDS and not background.is_queued() and not _messages_wait()


def _messages_wait() -> bool:
    """In a queue that functions are called for."""
    if not (provider("sqs") and provider("lambda")):
        return False
    from localstack.services.lambda_.invocation.models import lambda_stores
    from localstack.services.sqs.models import sqs_stores

    sources = {
        mapping["EventSourceArn"]
        for _, _, store in list(lambda_stores.iter_stores())
        for mapping in list(store.event_source_mappings.values())
        if mapping.get("State") != "Disabled"
    }
    return any(
        queue.approximate_number_of_messages
        + queue.approximate_number_of_messages_not_visible
        + queue.approximate_number_of_messages_delayed
        for _, _, store in list(sqs_stores.iter_stores())
        for queue in list(store.queues.values())
        if queue.arn in sources
    )
