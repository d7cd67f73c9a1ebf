"""Whether all that follows from earlier requests has happened: events are processed, messages delivered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import background, hooks

# Longer than an event source waits before it looks at a stream again, or for a batch to fill.
CALM_SECONDS = 3.0


class Invocations:
    """How many invocations of functions are under way. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0
        self._ended_at = time.monotonic()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Around an invocation."""
        with self._lock:
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                self._ended_at = time.monotonic()

    def seconds_without(self) -> float:
        """For how long none has been under way."""
        with self._lock:
            return 0.0 if self._under_way else time.monotonic() - self._ended_at


# In capitals: it is no state of the emulator (roots.py).
INVOCATIONS = Invocations()


def is_settled() -> bool:
    """Whether nothing is on its way. It may be true a little early if functions are late; what is on its way then is
    saved."""
    calm = min(INVOCATIONS.seconds_without(), time.monotonic() - background.REST.until)
    all_settled = all(its.is_settled(provider) for _, provider, its in hooks.of_running())
    return calm > CALM_SECONDS and not background.is_queued() and all_settled
