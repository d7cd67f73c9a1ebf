"""Reads Kinesis streams and streams of DynamoDB tables for event source mappings, as AWS does.

MiniStack's own pollers deliver one batch at a time for all mappings, for ever the same one while a function fails it;
they know neither partial failures nor retry limits, splitting, batching windows and, for Kinesis, failure destinations.
This replaces them. What becomes of a batch that failed is decided in stockroom_emulation/stream_batches.py.
"""

import base64
import hashlib
import json
import logging
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.concurrency import spawn_background
from ministack.core.responses import _request_account_id, _request_region, new_uuid
from ministack.services import cloudwatch, dynamodb, kinesis, lambda_svc, sqs
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

LOG = logging.getLogger("stream_mappings")

THROTTLED_SECONDS = 1.0
SHARD_OF_TABLE = "shardId-00000000000000000000-00000000"

Mapping = dict[str, Any]


@dataclass
class Shard:
    """How far a mapping has come in a shard, and what it has read beyond that.

    last: the last record that was read, `index - 1` in the shard then; records before it may have expired since. since:
    when a record was first seen that makes no full batch yet. work: batches to deliver, in their order. busy: one is
    being delivered.
    """

    last: dict[str, Any] | None = None
    index: int = 0
    since: float | None = None
    work: deque[Batch] = field(default_factory=deque)
    busy: bool = False

    def unread(self, records: list[dict[str, Any]]) -> int:
        """Index of the first record that was not read."""
        if self.last is None:
            return 0
        places = range(min(self.index, len(records)), 0, -1)
        return next((place for place in places if records[place - 1] is self.last), 0)


@dataclass(frozen=True)
class Source:
    """One shard of a stream as it is now: its records from old to new, as their service keeps them."""

    shard: str
    records: list[dict[str, Any]]
    parents: tuple[str, ...] = ()


_shards: defaultdict[str, dict[str, Shard]] = defaultdict(dict)  # by the mapping's UUID


def patch() -> None:
    """Replace both pollers by one."""
    lambda_svc._poll_kinesis = poll
    lambda_svc._poll_dynamodb_streams = lambda: False
    lambda_svc._init_stream_position = start


def start(uuid: str, arn: str, position: str) -> None:
    """A mapping is made: LATEST means from then on."""
    for source in sources(arn) if position == "LATEST" else ():
        if source.records:
            _shards[uuid][source.shard] = Shard(source.records[-1], len(source.records))


def poll() -> bool:
    """One look at every mapping of a stream. True when there was something to do."""
    worked = False
    for account, region, mapping in lambda_svc._iter_all_esms():
        account_token, region_token = _request_account_id.set(account), _request_region.set(region)
        try:
            if mapping.get("Enabled", True):
                worked = _look(mapping) or worked
        finally:
            _request_account_id.reset(account_token)
            _request_region.reset(region_token)
    return worked


def sources(arn: str) -> Iterator[Source]:
    """The shards of the stream of this name, if it is there and one of Kinesis or DynamoDB."""
    try:
        spec = parse_arn(arn)
    except ArnParseError:
        return
    if spec.service == "kinesis":
        stream = kinesis._streams.get(lambda_svc._kinesis_stream_name_from_arn_spec(spec))
        if stream and stream.get("StreamARN") == arn and stream["StreamStatus"] == "ACTIVE":
            for name, shard in list(stream["shards"].items()):
                parents = (shard.get("parent_shard_id"), shard.get("adjacent_parent_shard_id"))
                yield Source(name, shard["records"], tuple(filter(None, parents)))
    elif spec.service == "dynamodb" and (found := lambda_svc._dynamodb_stream_table_from_arn_spec(spec)):
        table = dynamodb._tables.get(found[0])
        if table and table.get("LatestStreamArn") == arn:
            yield Source(SHARD_OF_TABLE, dynamodb.stream_live_records(found[0]))


def _look(mapping: Mapping) -> bool:
    function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    if function is None:
        return False
    known = _shards[mapping["UUID"]]
    found = {source.shard: source for source in sources(mapping["EventSourceArn"])}
    worked = False
    for name, source in found.items():
        shard = known.setdefault(name, Shard())
        if shard.busy or any(parent in found and _is_open(known[parent], found[parent]) for parent in source.parents):
            continue
        if not shard.work:
            _read(mapping, shard, source)
        if shard.work and shard.work[0].retry_at <= time.time():
            shard.busy = True
            spawn_background(_deliver, mapping, function, name, shard, thread_name="stockroom-stream")
            worked = True
    return worked


def _is_open(shard: Shard, source: Source) -> bool:
    """Whether something of the shard is still to be delivered."""
    return shard.busy or bool(shard.work) or shard.unread(source.records) < len(source.records)


def _read(mapping: Mapping, shard: Shard, source: Source) -> None:
    """Make the next batch of a shard, as soon as it is full or its window ends."""
    first, size, now = shard.unread(source.records), mapping["BatchSize"], time.time()
    records = source.records[first : first + size]
    if not records:
        return
    shard.since = shard.since or now
    if len(records) < size and now - shard.since < (mapping.get("MaximumBatchingWindowInSeconds") or 0):
        return
    shard.since, shard.last, shard.index = None, records[-1], first + len(records)
    events = [_event(record, mapping, source.shard) for record in records]
    if passing := lambda_svc._apply_filter_criteria(events, mapping):
        shard.work.append(Batch(tuple(passing), sequence_number(events[-1])))


def _event(record: dict[str, Any], mapping: Mapping, shard: str) -> Event:
    """The record as a function gets it; those of a table are kept in that form."""
    if "dynamodb" in record:
        return record
    data = record["Data"]
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": base64.b64encode(data).decode() if isinstance(data, bytes) else data,
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"],
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard}:{record['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{_request_account_id.get()}:role/lambda-role",
        "awsRegion": _request_region.get(),
        "eventSourceARN": mapping["EventSourceArn"],
    }


def _deliver(mapping: Mapping, function: dict[str, Any], name: str, shard: Shard) -> None:
    """Hand the first batch of a shard to the function, and put what is left of it in its place."""
    try:
        batch = shard.work[0]
        maximum_age = mapping.get("MaximumRecordAgeInSeconds") or -1
        expired = expired_events(batch, maximum_age, time.time()) if maximum_age > 0 else 0
        left: list[Batch]
        if expired:
            old, *left = split(batch, expired) if expired < len(batch.events) else (batch,)
            _discard(mapping, name, old, "RecordAgeExceeded")
        else:
            left = _invoke(mapping, function, batch)
            if left and 0 <= mapping.get("MaximumRetryAttempts", -1) < left[0].failures:
                _discard(mapping, name, left.pop(0), "RetryAttemptsExhausted")
        shard.work.popleft()
        shard.work.extendleft(reversed(left))
    except Exception:
        # Neither delivered nor given up; at once it would only fail again.
        shard.work[0] = replace(shard.work[0], retry_at=time.time() + THROTTLED_SECONDS)
        raise
    finally:
        shard.busy = False
        lambda_svc.esm_wake.set()


def _invoke(mapping: Mapping, function: dict[str, Any], batch: Batch) -> list[Batch]:
    """What is to be tried again."""
    age_ms = max(time.time() - arrival(batch.events[-1]), 0) * 1000
    dimensions = {"FunctionName": mapping["FunctionName"]}
    cloudwatch.record_metric("AWS/Lambda", "IteratorAge", age_ms, "Milliseconds", dimensions)
    result = lambda_svc._execute_function(function, {"Records": list(batch.events)})
    now = time.time()
    if result.get("throttle"):
        return [replace(batch, retry_at=now + THROTTLED_SECONDS)]
    tried = replace(batch, invocations=batch.invocations + 1)
    bisects = bool(mapping.get("BisectBatchOnFunctionError"))
    if result.get("error"):
        LOG.warning("%s failed records of %s: %s", mapping["FunctionName"], mapping["EventSourceArn"], result["body"])
        mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
        error = {"functionError": "Unhandled", "executedVersion": mapping.get("Qualifier") or "$LATEST"}
        return after_failure(replace(tried, error=error), 0, bisects=bisects, now=now)
    mapping["LastProcessingResult"] = "OK"
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return []
    try:
        failed = reported_failures(result.get("body"), {sequence_number(event) for event in batch.events})
    except ValueError as error:
        LOG.warning("%s answers what makes no sense: %s", mapping["FunctionName"], error)
        return after_failure(tried, 0, bisects=bisects, now=now)
    return after_failure(tried, first_failure(batch, failed), bisects=bisects, now=now) if failed else []


def reported_failures(body: Any, known: set[str]) -> list[str]:
    """The sequence numbers that a function names as failed. Raises ValueError for an answer that AWS does not take."""
    if not body:
        return []
    failures = body.get("batchItemFailures") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(failures or [], list):
        raise ValueError(f"{body!r} is no list of batchItemFailures")
    numbers = [str(one.get("itemIdentifier")) if isinstance(one, dict) else "" for one in failures or []]
    if strange := set(numbers) - known:
        raise ValueError(f"{sorted(strange)} are no records of the batch")
    return numbers


def _discard(mapping: Mapping, name: str, batch: Batch, condition: str) -> None:
    """Tell the failure destination which records were given up; the shard goes on."""
    target = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    queue = sqs._queue_by_arn(target) if target else None
    if queue is None:
        LOG.error("records up to %s of %s are lost: no queue %s", batch.last, mapping["EventSourceArn"], target)
        return
    _send(queue, json.dumps(_failure_record(mapping, name, batch, condition)))


def _failure_record(mapping: Mapping, name: str, batch: Batch, condition: str) -> dict[str, Any]:
    """What AWS tells a failure destination."""
    kind = "KinesisBatchInfo" if "kinesis" in batch.events[0] else "DDBStreamBatchInfo"
    return {
        **failure_context(batch, condition, mapping["FunctionArn"], new_uuid()),
        "version": "1.0",
        "timestamp": _iso(time.time()),
        kind: {
            "shardId": name,
            "startSequenceNumber": sequence_number(batch.events[0]),
            "endSequenceNumber": sequence_number(batch.events[-1]),
            "approximateArrivalOfFirstRecord": _iso(arrival(batch.events[0])),
            "approximateArrivalOfLastRecord": _iso(arrival(batch.events[-1])),
            "batchSize": len(batch.events),
            "streamArn": mapping["EventSourceArn"],
        },
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _send(queue: dict[str, Any], body: str) -> None:
    now = time.time()
    message = {
        "id": new_uuid(),
        "body": body,
        "md5_body": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now + sqs.queue_delay(queue),
        "receive_count": 0,
        "attributes": {},
        "message_attributes": {},
        "sys": {"SenderId": _request_account_id.get(), "SentTimestamp": str(int(now * 1000))},
    }
    queue["messages"].append(message)
    sqs._ensure_msg_fields(message)
