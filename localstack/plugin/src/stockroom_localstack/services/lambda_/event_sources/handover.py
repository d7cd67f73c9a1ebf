"""The moment at which a function gets the messages of a queue: their visibility timeout begins then.

On AWS that is when they were received, or a moment later. Here a call may first have to wait for an execution
environment, and that for a processor. Meanwhile the messages stay hidden, or they would come again before anybody has
looked at them, and be dead letters in the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from localstack.aws.api import CommonServiceException
from localstack.services.sqs.models import SqsQueue, sqs_stores

LONGEST_WAIT_SECONDS = 600

_call = threading.local()


def function_gets_event() -> None:
    """Tell whoever calls the function in this thread that the call begins."""
    begins: Callable[[], None] | None = getattr(_call, "begins", None)
    if begins:
        _call.begins = None
        begins()


class HiddenMessages:
    """Messages that were received just now, by their receipt handles. queue_arn: of their queue."""

    def __init__(self, queue_arn: str, handles: Iterable[str]) -> None:
        self._queue = _queue(queue_arn)
        self._handles = list(handles)
        self._visible_at = time.time() + self._timeout

    @property
    def _timeout(self) -> int:
        return int(self._queue.visibility_timeout) if self._queue else 0

    def seconds_left(self) -> float:
        """Seconds until the visibility timeout ends with which they were received."""
        return self._visible_at - time.time()

    def give_back(self) -> None:
        """Make them visible at once: no function got them, and none will."""
        self._hide_for(0)

    @contextmanager
    def until_function_gets_them(self) -> Iterator[None]:
        """Hide them during a call, from whose beginning the visibility timeout counts. If the call never begins,
        they become visible when they would have anyway."""
        self._hide_for(self._timeout + LONGEST_WAIT_SECONDS)
        _call.begins = lambda: self._hide_for(self._timeout)
        try:
            yield
        finally:
            if _call.begins:
                _call.begins = None
                self._hide_for(max(int(self.seconds_left()), 0))

    def _hide_for(self, seconds: int) -> None:
        if self._queue:
            for handle in self._handles:
                with suppress(CommonServiceException):  # it was deleted
                    self._queue.update_visibility_timeout(handle, seconds)


def _queue(arn: str) -> SqsQueue | None:
    *_, region, account, name = arn.split(":")
    return sqs_stores[account][region].queues.get(name)
