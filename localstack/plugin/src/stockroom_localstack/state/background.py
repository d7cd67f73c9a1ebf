"""What works without a request from outside: it is seen by the gate, and rests while the state is written."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import thread as pools
from contextlib import contextmanager
from functools import cache
from queue import Empty
from typing import Any

from localstack.utils.patch import patch

from .gate import GATE

_resting = threading.Event()


@contextmanager
def event_sources_rest() -> Iterator[None]:
    """Nothing new is read for event source mappings; what was read goes its way."""
    _resting.set()
    try:
        yield
    finally:
        _resting.clear()


def rests() -> bool:
    return _resting.is_set()


def is_queued() -> bool:
    """Whether anything waits for a thread, such as a notification of S3 that is to be sent."""
    return any(queue.qsize() for queue in list(pools._threads_queues.values()))


# Patches, because none of this has a place where one could say: not now.


@cache
def watch_queues() -> None:
    from localstack.services.sqs.provider import MessageMoveTaskManager, QueueUpdateWorker
    from localstack.services.sqs.queue import InterruptibleQueue

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
        while True:
            try:
                return original(self, block=False)
            except Empty:
                left = deadline - time.monotonic()
                if not block or self.is_shutdown or left <= 0:
                    raise
            with GATE.waiting(), self.not_empty:
                if not self._qsize() and not self.is_shutdown:
                    self.not_empty.wait(None if timeout is None else left)


@cache
def watch_functions() -> None:
    from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller
    from localstack.services.lambda_.invocation.event_manager import Poller
    from localstack.services.lambda_.invocation.internal_sqs_queue import FakeSqsClient

    watch_queues()

    @patch(SqsPoller.poll_events)
    def poll_events(original: Any, self: Any) -> None:
        if not rests():
            original(self)

    @patch(SqsPoller.handle_messages)
    def handle_messages(original: Any, self: Any, messages: Any) -> None:
        with GATE.work():
            original(self, messages)

    # Asynchronous invocations.
    @patch(FakeSqsClient.receive_message)
    def receive_message(original: Any, self: Any, **options: Any) -> Any:
        with GATE.work():
            return original(self, **options)

    @patch(Poller.handle_message)
    def handle_message(original: Any, self: Any, message: Any) -> None:
        with GATE.work():
            original(self, message)
