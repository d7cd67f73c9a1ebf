"""What becomes of a batch of a stream when a function has failed it. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Event = dict[str, Any]

FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 60.0


@dataclass(frozen=True)
class Batch:
    """
    events: in the order of the shard; empty only where a tumbling window ends, which may be before its time.
    last: sequence number up to which the shard is done when this batch is; later than the last event's where a filter
        left records out.
    failures: how many attempts are used up.
    retry_at: not to be tried before, in seconds since 1970.
    invocations, error: how often a function got them, and what it said last, for the failure destination.
    """

    events: tuple[Event, ...]
    last: str
    failures: int = 0
    retry_at: float = 0.0
    invocations: int = 0
    error: Mapping[str, Any] | None = None
    ends_window: bool = False
    ends_early: bool = False


def sequence_number(event: Event) -> str:
    """The sequence number of an event of Kinesis or of a table's stream."""
    return str(event["kinesis"]["sequenceNumber"] if "kinesis" in event else event["dynamodb"]["SequenceNumber"])


def arrival(event: Event) -> float:
    """When the record came to its stream, in seconds since 1970."""
    if "kinesis" in event:
        return float(event["kinesis"]["approximateArrivalTimestamp"])
    return float(event["dynamodb"]["ApproximateCreationDateTime"])


def split(batch: Batch, index: int) -> tuple[Batch, Batch]:
    """The events before `index` and those from it on. 0 < index < len(batch.events)."""
    before = batch.events[:index]
    return (
        replace(batch, events=before, last=sequence_number(before[-1])),
        replace(batch, events=batch.events[index:]),
    )


def expired_events(batch: Batch, maximum_age: float, now: float) -> int:
    """How many events at the start of the batch are older than `maximum_age` seconds."""
    for index, event in enumerate(batch.events):
        if now - arrival(event) < maximum_age:
            return index
    return len(batch.events)


def first_failure(batch: Batch, failed: Sequence[str] | None) -> int:
    """Index of the first event that the function reports as failed. failed: sequence numbers; None, all."""
    if failed is None:
        return 0
    return next((index for index, event in enumerate(batch.events) if sequence_number(event) in failed), 0)


def after_failure(batch: Batch, first: int, *, bisects: bool, now: float) -> list[Batch]:
    """The batches to try instead of one that failed from event `first` on; the events before are done.

    bisects: BisectBatchOnFunctionError. A batch that is split has used up no retry attempt, and a batch that was failed
    from the middle on is split right there.
    """
    rest = split(batch, first)[1] if first else batch
    if bisects and first:
        return [rest]
    if bisects and len(rest.events) > 1:
        return list(split(rest, (len(rest.events) + 1) // 2))
    return [replace(rest, failures=batch.failures + 1, retry_at=now + retry_delay(batch.failures))]


def retry_delay(failures_before: int) -> float:
    """Seconds until a batch is tried again."""
    return min(FIRST_RETRY_SECONDS * 1.5 ** min(failures_before, 100), LONGEST_RETRY_SECONDS)


def failure_context(batch: Batch, condition: str, function_arn: str, request_id: str) -> dict[str, Any]:
    """What AWS tells a failure destination of why the batch was given up; of the records the source tells. condition:
    RecordAgeExceeded or RetryAttemptsExhausted. request_id: for a batch that no invocation was told of."""
    error = batch.error or {}
    request = {
        "requestId": error.get("requestId", request_id),
        "functionArn": function_arn,
        "condition": condition,
        "approximateInvokeCount": max(batch.invocations, 1),
    }
    if condition == "RecordAgeExceeded" or not batch.invocations:
        return {"requestContext": request}
    response = {"statusCode": 200, "executedVersion": error.get("executedVersion", "$LATEST")}
    if failed := error.get("functionError"):
        response["functionError"] = failed
    return {"requestContext": request, "responseContext": response}
