"""Reads SQS queues for event source mappings with several calls of the function at a time, as AWS does.

LocalStack's poller waits for its function before it receives again: one slow batch holds up the whole queue, and there
is never more than one call at a time. This hands batches of standard queues over to threads. In a FIFO queue the order
of each group counts, so those are read as before.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmWorker
from localstack.services.lambda_.event_source_mapping.esm_worker_factory import EsmWorkerFactory
from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller
from localstack.utils.patch import patch

from ..state import background

LOG = logging.getLogger(__name__)

MOST_CALLS = 5  # with which AWS begins; it goes on to many more, for which one machine has no use
THROTTLED_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 1.0


class Calls:
    """Calls of a function with messages of one queue: how many are under way, and how many may be.

    As on AWS there are fewer where the function is throttled, since what is throttled comes back with one receive more
    and is a dead letter in the end. Here it is one at a time for a minute.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way = 0
        self._throttled_until = 0.0
        self._changed = threading.Condition()

    def wait_for_room(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._under_way < self._may_be(), seconds)

    def _may_be(self) -> int:
        return 1 if time.monotonic() < self._throttled_until else self._most

    def begin(self, call: Callable[[], None], name: str) -> None:
        with self._changed:
            self._under_way += 1
        threading.Thread(target=self._make, args=(call,), name=name, daemon=True).start()

    def _make(self, call: Callable[[], None]) -> None:
        throttled = False
        try:
            call()
        except Exception as error:  # its messages come back when their visibility timeout is over
            LOG.warning("a batch of messages failed: %s", error)
            throttled = isinstance(error, ClientError) and error.response["Error"]["Code"] == "TooManyRequestsException"
        finally:
            with self._changed:
                self._under_way -= 1
                if throttled:
                    self._throttled_until = time.monotonic() + THROTTLED_SECONDS
                self._changed.notify_all()


def most_calls(mapping: Mapping[str, Any]) -> int:
    """How many calls at a time an event source mapping may make."""
    return min(MOST_CALLS, mapping.get("ScalingConfig", {}).get("MaximumConcurrency") or MOST_CALLS)


def use() -> None:
    # Patches, because LocalStack makes its poller by name, and no part of it is a place for threads.

    @patch(EsmWorkerFactory.get_esm_worker)
    def get_esm_worker(original: Any, self: EsmWorkerFactory) -> EsmWorker:
        worker: EsmWorker = original(self)
        if isinstance(worker.poller, SqsPoller) and not str(worker.poller.source_arn).endswith(".fifo"):
            worker.poller.calls = Calls(most_calls(self.esm_config))  # type: ignore[attr-defined]
        return worker

    @patch(SqsPoller.poll_events)
    def poll_events(original: Any, self: Any) -> None:
        calls = _calls_of(self)
        if calls is None or calls.wait_for_room(LOOK_AGAIN_SECONDS):
            original(self)

    @patch(SqsPoller.handle_messages)
    def handle_messages(original: Any, self: Any, messages: Any) -> None:
        calls = _calls_of(self)
        if calls is None:
            original(self, messages)
        else:
            call = background.handed_over(lambda: original(self, messages), self.source_arn)
            calls.begin(call, f"batch-of-{self.source_arn}")


def _calls_of(poller: Any) -> Calls | None:
    """None for a poller that is no event source mapping's, or reads a FIFO queue."""
    return getattr(poller, "calls", None)
