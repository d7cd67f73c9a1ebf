"""Asynchronous invocations: as many are taken out of their queue as can begin, and what is throttled comes later. They
are seen by the gate."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.analytics import FunctionStatus
from localstack.services.lambda_.invocation.event_manager import Poller, SQSInvocation, get_sqs_client
from localstack.services.lambda_.invocation.internal_sqs_queue import FakeSqsClient
from localstack.utils.patch import patch

from stockroom_localstack.services.sqs import receiving
from stockroom_localstack.state.gate import GATE

AT_A_TIME = 10  # of a function; as many as are received at once
LONGEST_PAUSE_SECONDS = 300


class PatientPool(ThreadPoolExecutor):
    """A pool of threads that takes no more work than it can begin at once: invocations that wait in a pool would
    come again when they are no longer hidden."""

    def __init__(self, workers: int, name: str) -> None:
        super().__init__(workers, thread_name_prefix=name)
        self._free = threading.BoundedSemaphore(workers)

    def submit(self, work: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        self._free.acquire()  # released when the work is done
        try:
            future = super().submit(work, *arguments, **options)
        except BaseException:
            self._free.release()
            raise
        future.add_done_callback(lambda _: self._free.release())
        return future


@cache
def apply_patches() -> None:
    """Change the pollers of asynchronous invocations, which LocalStack makes by name."""
    receiving.apply_patches()

    @patch(Poller.__init__)
    def initialise(original: Any, self: Poller, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        self.invoker_pool = PatientPool(AT_A_TIME, str(self.invoker_pool._thread_name_prefix))

    # LocalStack comes again each second, for six hours, and never counts how often.
    @patch(Poller.process_throttles_and_system_errors)
    def come_again(original: Any, self: Poller, invocation: SQSInvocation, error: Exception) -> str:
        pause = min(2**invocation.exception_retries, LONGEST_PAUSE_SECONDS)
        invocation.exception_retries += 1
        get_sqs_client(self.version_manager.function_version).send_message(
            QueueUrl=self.event_queue_url, MessageBody=invocation.encode(), DelaySeconds=pause
        )
        is_throttled = isinstance(error, TooManyRequestsException)
        return FunctionStatus.throttle_error if is_throttled else FunctionStatus.system_error

    # Neither has a place where one could say: not now.

    @patch(FakeSqsClient.receive_message)
    def receive_message(original: Any, self: Any, **options: Any) -> Any:
        with GATE.work():
            return original(self, **options)

    @patch(Poller.handle_message)
    def handle_message(original: Any, self: Any, message: Any) -> None:
        with GATE.work():
            original(self, message)
