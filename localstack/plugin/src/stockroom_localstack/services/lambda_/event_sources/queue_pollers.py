"""Reads SQS queues for event source mappings with several calls of the function at a time, as AWS does.

LocalStack's poller waits for its function before it receives again: one slow batch holds up the whole queue, and there
is never more than one call at a time. It rests between two looks at a queue, and takes what is there, whatever the
batching window. And it hands over bodies as JSON of its own making: spaces and repeated keys get lost on that way, and
a body that Python can't parse makes its whole batch fail again and again. In a FIFO queue the order of each group
counts: there is one call at a time.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from localstack.services.lambda_.event_source_mapping.event_processor import PartialBatchFailureError
from localstack.services.lambda_.event_source_mapping.pollers.poller import parse_batch_item_failures
from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import (
    SqsPoller,
    split_by_message_group_id,
    transform_into_events,
)

from stockroom_localstack.services.sqs import receiving
from stockroom_localstack.state import background
from stockroom_localstack.state.gate import GATE

from .handover import HiddenMessages

LOG = logging.getLogger(__name__)

MOST_CALLS = 5  # with which AWS begins; it goes on to many more, for which one machine has no use
THROTTLED_SECONDS = 60.0
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 4.0
LOOK_AGAIN_SECONDS = 1.0
LONG_POLL_SECONDS = 1  # on AWS 20; the poller of a mapping that was disabled ends after this time
LOOK_FOR_MORE_SECONDS = 0.1
LARGEST_REQUEST = 10  # messages, as ReceiveMessage has it on AWS; more of them by a parameter of LocalStack's own
LARGEST_CALL = 2500  # messages; as in LocalStack's poller
LARGEST_PAYLOAD = 6 * 2**20  # bytes; of an invocation
EVENT_BYTES = 300  # what an event has beside its message, such as the ARN of the queue

Message = dict[str, Any]
Event = dict[str, Any]


class Calls:
    """Calls of a function with messages of one queue: how many are under way, and how many may be. Safe for threads.

    While the function is throttled there are fewer, as on AWS: here one at a time, for a minute.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way = 0
        self._throttled_until = 0.0
        self._changed = threading.Condition()

    def wait_for_room(self, seconds: float) -> bool:
        """Whether one more call may begin, within so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._under_way < self._may_be(), seconds)

    def _may_be(self) -> int:
        return 1 if time.monotonic() < self._throttled_until else self._most

    def begin(self, call: Callable[[], None], name: str) -> None:
        """Make the call in a thread of this name; an error of it is logged."""
        with self._changed:
            self._under_way += 1
        threading.Thread(target=self._make, args=(call,), name=name, daemon=True).start()

    def _make(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            _warn(error)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def throttled(self) -> None:
        """From now on one call at a time, for THROTTLED_SECONDS."""
        with self._changed:
            self._throttled_until = time.monotonic() + THROTTLED_SECONDS


class QueuePoller(SqsPoller):
    """LocalStack's poller of a queue, which calls the function side by side and deletes what is done."""

    def configure(self, mapping: Mapping[str, Any], stopped: threading.Event) -> None:
        """Take in the mapping. stopped: set when the mapping is changed, disabled or deleted."""
        self._stopped = stopped
        self._in_order = str(self.source_arn).endswith(".fifo")
        self._calls = Calls(most_calls(mapping))

    def poll_events(self) -> None:
        # Waiting for room is no work for which the state would have to wait.
        if background.rests() or not self._calls.wait_for_room(LOOK_AGAIN_SECONDS):
            return
        queue = str(self.source_arn)
        with receiving.polling(queue, self._stopped):
            for messages in in_payloads(self._receive_batch()):
                if self._in_order:
                    self._deliver_in_order(messages)
                else:
                    call = receiving.handed_over(partial(self._deliver, messages), queue)
                    self._calls.begin(call, f"batch-of-{queue}")

    def _receive_batch(self) -> list[Message]:
        """Waits for a message, and from then on for more of them until the batch is full or its window ends."""
        messages = self._receive(self.batch_size, LONG_POLL_SECONDS)
        end = time.monotonic() + self.maximum_batching_window
        while messages and (wanted := self.batch_size - len(messages)) > 0 and (left := end - time.monotonic()) > 0:
            if self._is_stopped_in(min(left, LOOK_FOR_MORE_SECONDS)) or background.rests():
                break
            messages += self._receive(wanted, 0)
        return messages

    def _receive(self, count: int, seconds: int) -> list[Message]:
        answer = self.source_client.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=min(count, LARGEST_REQUEST),
            WaitTimeSeconds=seconds,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
            sqs_override_max_message_count=count,
        )
        return list(answer.get("Messages", []))

    def _deliver_in_order(self, messages: list[Message]) -> None:
        for group in split_by_message_group_id(messages).values():
            try:
                self._deliver(group)
            except Exception as error:
                _warn(error)

    def _deliver(self, messages: list[Message]) -> None:
        """Calls the function with those that it wants, and deletes what is done."""
        hidden = HiddenMessages(str(self.source_arn), [message["ReceiptHandle"] for message in messages])
        all_ids = {message["MessageId"] for message in messages}
        events = [event for event in transform_into_events(messages) if self._passes(event)]
        passing_ids = {event["messageId"] for event in events}
        self.delete_messages(messages, all_ids - passing_ids)
        if not events:
            return
        failed: list[str] = []
        try:
            self._call(self.add_source_metadata(events), hidden)
        except PartialBatchFailureError as failure:
            answer: Any = failure.partial_failure_payload
            failed = parse_batch_item_failures(answer, passing_ids)
        self.delete_messages(messages, passing_ids.difference(failed))

    def _call(self, events: list[Event], hidden: HiddenMessages) -> None:
        """Again while the function is throttled: until the messages' visibility timeout is over, as on AWS.

        Of a mapping that is switched off meanwhile, others may have them at once.
        """
        pause = FIRST_RETRY_SECONDS
        while True:
            try:
                with hidden.until_function_gets_them():
                    return self.processor.process_events_batch(events)
            except ClientError as error:
                if error.response["Error"]["Code"] != "TooManyRequestsException":
                    raise
                self._calls.throttled()
                if hidden.seconds_left() < pause:
                    raise
                if self._is_stopped_in(pause):
                    hidden.give_back()
                    raise
            pause = min(2 * pause, LONGEST_RETRY_SECONDS)

    def _is_stopped_in(self, seconds: float) -> bool:
        with GATE.waiting():
            return self._stopped.wait(seconds)

    def _passes(self, event: Event) -> bool:
        """Whether the mapping's filters let it pass. They see the JSON in its body, if it is JSON."""
        if not self.filter_patterns:
            return True
        try:
            seen = {**event, "body": json.loads(event["body"])}
        except (ValueError, RecursionError):  # no JSON, a longer number or a deeper nesting than Python takes
            seen = event
        return bool(self.filter_events([seen]))


def in_payloads(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Messages in groups that each fit into one call on AWS."""
    call: list[Message] = []
    size = 0
    for message in messages:
        length = len(json.dumps(message, default=str)) + EVENT_BYTES
        if call and (len(call) == LARGEST_CALL or size + length > LARGEST_PAYLOAD):
            yield call
            call, size = [], 0
        call.append(message)
        size += length
    if call:
        yield call


def most_calls(mapping: Mapping[str, Any]) -> int:
    """How many calls at a time an event source mapping may make."""
    return min(MOST_CALLS, mapping.get("ScalingConfig", {}).get("MaximumConcurrency") or MOST_CALLS)


def _warn(error: Exception) -> None:
    LOG.warning("a batch of messages failed: %s", error)  # they come back when their visibility timeout is over
