"""Receiving messages from queues: it is seen by the gate, rests while the state is written, and leaves no message in
nobody's hands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from queue import Empty
from typing import Any

from localstack.services.sqs.models import FifoQueue, SqsQueue, sqs_stores
from localstack.services.sqs.provider import MessageMoveTaskManager, QueueUpdateWorker
from localstack.services.sqs.queue import InterruptibleQueue
from localstack.utils.patch import patch

from stockroom_localstack.state import background
from stockroom_localstack.state.gate import GATE

_poller = threading.local()

in_hand: dict[str, set[str]] = {}
"""Receipt handles of messages that event sources have received and are not done with, by the ARN of their queue. It is
saved: where the state is loaded, nobody has these messages, and services/lambda_/state.py gives them back."""


@cache
def apply_patches() -> None:
    """Let the gate see who receives messages. None of this has a place where one could say: not now."""
    background.when_resting(_wake_pollers)

    @patch(QueueUpdateWorker.do_update_all_queues)
    def do_update_all_queues(original: Any, self: Any) -> None:
        with GATE.work():
            original(self)

    # Asked for at every step of a redrive.
    @patch(MessageMoveTaskManager._get_queue_by_arn)
    def _get_queue_by_arn(original: Any, self: Any, arn: str) -> Any:
        with GATE.work():
            return original(self, arn)

    # A receiver waits here. It leaves with a message or not at all: a message in its hands would be in no queue.
    @patch(InterruptibleQueue.get)
    def get(original: Any, self: Any, block: bool = True, timeout: float | None = None) -> Any:
        deadline = time.monotonic() + timeout if timeout is not None else float("inf")
        while not _has_to_leave():
            try:
                return original(self, block=False)
            except Empty:
                left = deadline - time.monotonic()
                if not block or self.is_shutdown or left <= 0:
                    raise
            with GATE.waiting(), self.not_empty:
                if not self._qsize() and not self.is_shutdown and not _has_to_leave():
                    self.not_empty.wait(None if timeout is None else left)
        raise Empty

    # For each message that is received.
    @patch(SqsQueue.create_receipt_handle)
    def create_receipt_handle(original: Any, self: SqsQueue, message: Any) -> Any:
        handle = original(self, message)
        if _polls():
            in_hand.setdefault(self.arn, set()).add(handle)
            _poller.handles.append(handle)
        return handle


@contextmanager
def polling(queue: str, stopped: threading.Event) -> Iterator[None]:
    """Around all that a poller does with a queue (its ARN), from receiving messages to the end.

    Messages are in no queue while they are received, and then in the poller's hands, or in those of the work that it
    hands over. stopped: once it is set, nothing more is received.
    """
    with GATE.work():
        _poller.handles, _poller.stopped = [], stopped
        try:
            yield
        finally:
            _let_go(queue, _poller.handles)
            _poller.handles = None


def handed_over(work: Callable[[], None], queue: str) -> Callable[[], None]:
    """Work with all messages that this poller has received from the queue (its ARN), for another thread to do."""
    handles, _poller.handles = _poller.handles, []

    def do() -> None:
        try:
            work()
        finally:
            _let_go(queue, handles)

    return GATE.handed_over(do)


def _let_go(queue: str, handles: list[str]) -> None:
    in_hand.get(queue, set()).difference_update(handles)


def _polls() -> bool:
    """Whether this thread reads for an event source mapping."""
    return getattr(_poller, "handles", None) is not None


def _has_to_leave() -> bool:
    """Whether this thread reads for an event source mapping that has to receive nothing more."""
    return _polls() and (background.rests() or _poller.stopped.is_set())


def _wake_pollers() -> None:
    """Let pollers that wait for more messages, to fill a batch, go on with what they have."""
    for _, _, store in list(sqs_stores.iter_stores()):
        for queue in list(store.queues.values()):
            visible = visible_in(queue)
            with visible.not_empty:
                visible.not_empty.notify_all()


def visible_in(queue: Any) -> Any:
    """What can be received from a queue, in an InterruptibleQueue: messages, or the groups of a FIFO queue."""
    return queue.message_group_queue if isinstance(queue, FifoQueue) else queue.visible
