"""Delivers batches of streams to functions, and decides with stream_batches.py what becomes of those that fail."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from localstack.services.lambda_.event_source_mapping.pollers.poller import (
    get_batch_item_failures,
)
from localstack.services.lambda_.event_source_mapping.pollers.stream_poller import StreamPoller
from localstack.services.lambda_.event_source_mapping.senders.sender import PartialFailureSenderError, SenderError
from localstack.utils.strings import long_uid
from stockroom_emulation.stream_batches import (
    Batch,
    Event,
    after_failure,
    arrival,
    expired_events,
    failure_context,
    first_failure,
    sequence_number,
    split,
)

from stockroom_localstack.services.lambda_ import metrics

from .stream_progress import Lane, Shard
from .stream_windows import new_state, state_is_too_large, window_event

LOG = logging.getLogger(__name__)

THROTTLED_SECONDS = 1.0


class DeliveringPoller(StreamPoller):
    """LocalStack's poller of a stream with our way of delivering.

    To be set from the mapping: _function, its ARN; _bisects, whether a failed batch is split; _sender, LocalStack's.
    """

    _function: str
    _bisects: bool
    _sender: Any

    def _deliver(self, shard: Shard, lane: Lane, now: float) -> None:
        """Hands the first batch of a lane to the function, and puts what is left of it in its place."""
        batch = lane.work[0]
        maximum_age = self.stream_parameters.get("MaximumRecordAgeInSeconds", -1)
        expired = expired_events(batch, maximum_age, now) if maximum_age > 0 else 0
        left: list[Batch]
        if expired:
            old, *left = split(batch, expired) if expired < len(batch.events) else (batch,)
            self._discard(shard, old, "RecordAgeExceeded")
        else:
            left = self._invoke(shard, lane, batch)
            if left and self._is_exhausted(left[0]):
                self._discard(shard, left.pop(0), "RetryAttemptsExhausted")
                assert not left
        with shard.lock:
            lane.replace_first(left)
            shard.note_progress()

    def _invoke(self, shard: Shard, lane: Lane, batch: Batch) -> list[Batch]:
        """What is to be tried again, and how a window ends that has become too large."""
        if batch.events:
            metrics.iterator_age(self._function, max(time.time() - arrival(batch.events[-1]), 0))
        tried = replace(batch, invocations=batch.invocations + 1)
        first = 0
        try:
            return self._after_success(lane, batch, self._sender.send_events(self._event(shard, lane, batch)))
        except PartialFailureSenderError as failure:
            numbers = {sequence_number(event) for event in batch.events}
            response: Any = failure.partial_failure_payload
            first = first_failure(batch, get_batch_item_failures(response, numbers))
            tried = replace(tried, error=failure.error)
            if first and lane.window:
                self._after_success(lane, batch, response)
        except SenderError as failure:
            tried = replace(tried, error=failure.error)
        except ClientError as error:
            # Throttled, or the function is not there: it was not invoked, and no attempt is used up.
            LOG.warning("could not invoke %s with records of %s: %s", self._function, self.source_arn, error)
            return [replace(batch, retry_at=time.time() + THROTTLED_SECONDS)]
        except Exception as error:
            LOG.error("the answer of %s to records of %s makes no sense: %s", self._function, self.source_arn, error)
        return after_failure(tried, first, bisects=self._bisects, now=time.time())

    def _event(self, shard: Shard, lane: Lane, batch: Batch) -> dict[str, Any]:
        event: dict[str, Any] = {"Records": list(batch.events)}
        if lane.window:
            ends = {"final": batch.ends_window, "early": batch.ends_early}
            event |= window_event(lane.window, shard.id, str(self.source_arn), **ends)
        return event

    def _after_success(self, lane: Lane, batch: Batch, answer: Any) -> list[Batch]:
        """Raises ValueError."""
        if not lane.window or batch.ends_window:
            return []
        lane.window = replace(lane.window, state=new_state(answer))
        is_too_large = state_is_too_large(lane.window.state)
        return [Batch((), batch.last, ends_window=True, ends_early=True)] if is_too_large else []

    def _is_exhausted(self, batch: Batch) -> bool:
        most: int = self.stream_parameters.get("MaximumRetryAttempts", -1)
        return 0 <= most < batch.failures

    def _discard(self, shard: Shard, batch: Batch, condition: str) -> None:
        """As on AWS, a destination that can't be reached gets nothing, and the shard goes on."""
        if not batch.events:
            LOG.error("%s failed to end a window of %s, whose state is lost", self._function, self.source_arn)
            return
        context = failure_context(batch, condition, self._function, long_uid())
        try:
            self.send_events_to_dlq(shard.id, list(batch.events), context=context)
        except Exception as error:
            LOG.error("records %s of %s are lost to their destination: %s", batch.last, self.source_arn, error)

    def get_approximate_arrival_time(self, record: Event) -> float:
        return arrival(record)
