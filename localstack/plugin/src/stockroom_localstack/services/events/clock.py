"""What is to happen at a time: one thread that sleeps until the next of it is due, and none while there is nothing."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable

from localstack.utils.threads import start_worker_thread

from stockroom_localstack.state.gate import GATE

LOG = logging.getLogger(__name__)

# The machine may be asleep meanwhile, and its clock may be put right: then the time is looked at again.
LONGEST_SLEEP_SECONDS = 60.0

Action = Callable[[], None]


class Clock:
    """Actions by the time at which they are due. Safe for threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, str]] = []
        self._planned: dict[str, tuple[float, Action]] = {}
        self._runs = False

    def plan(self, key: str, when: float, action: Action) -> None:
        """Do the action at that time (seconds since the epoch), in a thread of its own. It replaces what was planned
        under the key."""
        with self._changed:
            self._planned[key] = when, action
            heapq.heappush(self._heap, (when, key))
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="clock", daemon=True).start()
            self._changed.notify_all()

    def drop(self, key: str) -> None:
        """Forget what was planned under the key."""
        with self._changed:
            self._planned.pop(key, None)

    def drop_all(self, prefix: str) -> None:
        """Forget what was planned under all keys with this prefix."""
        with self._changed:
            for key in [key for key in self._planned if key.startswith(prefix)]:
                del self._planned[key]

    def _run(self) -> None:
        while action := self._next():
            start_worker_thread(_inside_the_gate, action, name="clock-action")

    def _next(self) -> Action | None:
        """What is due, when it is; None when nothing is planned any more."""
        with self._changed:
            while self._heap:
                when, key = self._heap[0]
                planned = self._planned.get(key)
                if planned is None or planned[0] != when:  # dropped, or planned for another time
                    heapq.heappop(self._heap)
                elif (left := when - time.time()) > 0:
                    self._changed.wait(min(left, LONGEST_SLEEP_SECONDS))
                else:
                    heapq.heappop(self._heap)
                    del self._planned[key]
                    return planned[1]
            self._runs = False
            return None


def _inside_the_gate(action: Action) -> None:
    try:
        with GATE.work():
            action()
    except Exception as error:
        LOG.error("what was due failed: %s", error, exc_info=True)


CLOCK = Clock()
