"""What works without a request from outside: it is seen by the gate, and rests while the state is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import thread as pools
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from localstack.utils import threads
from localstack.utils.patch import patch

from .gate import GATE


@dataclass
class Rest:
    """Whether event sources rest: while the state is saved, and until a time (of the monotonic clock)."""

    saving: bool = False
    until: float = 0.0


# In capitals: they are no state of the emulator (roots.py).
REST = Rest()
WHEN_RESTING: list[Callable[[], None]] = []


def when_resting(action: Callable[[], None]) -> None:
    """Have something done whenever event sources are to rest from now on."""
    WHEN_RESTING.append(action)


@contextmanager
def event_sources_rest() -> Iterator[None]:
    """Read nothing new for event source mappings meanwhile. What was read already goes its way."""
    REST.saving = True
    _begin_to_rest()
    try:
        yield
    finally:
        REST.saving = False


def rest_for(seconds: float) -> None:
    """Let event sources rest for so many seconds from now, or until the next call, which may say 0."""
    REST.until = time.monotonic() + seconds
    _begin_to_rest()


def _begin_to_rest() -> None:
    for action in WHEN_RESTING:
        action()


def rests() -> bool:
    """Whether event sources rest now."""
    return REST.saving or time.monotonic() < REST.until


def is_queued() -> bool:
    """Whether anything waits for a thread, such as a notification of S3 that is to be sent."""
    return any(queue.qsize() for queue in list(pools._threads_queues.values()))


def watch_notifications(threads_of_notifiers: Collection[str]) -> None:
    """Let the gate see what services tell each other of. To be called once, before any service is imported.

    threads_of_notifiers: names of the threads, or of the pools of threads, that do what follows from a request.
    """

    @patch(ThreadPoolExecutor.submit)
    def submit(original: Any, self: Any, work: Any, /, *arguments: Any, **options: Any) -> Any:
        follows = self._thread_name_prefix in threads_of_notifiers
        return original(self, GATE.handed_over(work) if follows else work, *arguments, **options)

    @patch(threads.start_worker_thread)
    def start_worker_thread(original: Any, method: Any, params: Any = None, name: str | None = None) -> Any:
        return original(GATE.handed_over(method) if name in threads_of_notifiers else method, params, name)
