"""The operations of the Kinesis API. Resource policies are LocalStack's own."""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.kinesis import (
    InvalidArgumentException,
    LimitExceededException,
    MetricsName,
    ResourceInUseException,
    ResourceNotFoundException,
)
from localstack.services.kinesis.provider import KinesisProvider
from localstack.services.plugins import Service
from localstack.services.stores import AccountRegionBundle, BaseStore, LocalAttribute
from localstack.utils.aws import arns

from stockroom_localstack.services.request_checks import checked

from . import iterators, streams
from .iterators import Place
from .streams import Batch, Consumer, Entry, Shard, Stream
from .subscriptions import Subscriptions

# Limits of an account.
SHARDS = 500
ON_DEMAND_STREAMS = 50
STREAMS_IN_THE_MAKING = 5
CONSUMERS_IN_THE_MAKING = 5  # of a stream

NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
ALL_METRICS = sorted(str(name) for name in MetricsName if name != MetricsName.ALL)

Request = Mapping[str, Any]
Answer = dict[str, Any]


class StreamStore(BaseStore):
    streams: dict[str, Stream] = LocalAttribute(default=dict)  # type: ignore[assignment]


# Part of a saved state, as every store is (state/roots.py).
stream_stores: Any = AccountRegionBundle("kinesis", StreamStore)

# Held while streams are looked at or changed, which takes less than waiting for several locks would. Told of records,
# and of shards, consumers and streams that end.
LOCK = threading.Condition()

SUBSCRIPTIONS = Subscriptions(LOCK)


def find_stream(account: str, region: str, name: str) -> Stream:
    """Raises ResourceNotFoundException."""
    found = stream_stores[account][region].streams
    stream: Stream | None = found.get(name)
    if stream and stream.is_gone:
        stream = found.pop(name) and None
    if stream is None:
        raise ResourceNotFoundException(f"Stream {name} under account {account} not found.")
    return stream


def find_by_arn(arn: str) -> Stream:
    """By its ARN or that of one of its consumers. Raises ResourceNotFoundException, InvalidArgumentException."""
    match = re.fullmatch(r"arn:[^:]+:kinesis:([^:]+):(\d{12}):stream/([^/]+)(/consumer/.+)?", arn)
    if not match:
        raise InvalidArgumentException(f"{arn} is no ARN of a stream.")
    region, account, name, _ = match.groups()
    return find_stream(account, region, name)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class StockroomKinesisProvider(KinesisProvider):
    def __init__(self) -> None:
        pass  # LocalStack's own manages servers

    def on_before_stop(self) -> None:
        pass

    def on_before_state_load(self) -> None:
        pass

    def on_before_state_reset(self) -> None:
        pass

    # Streams

    @handler("CreateStream", expand=False)
    def create_stream(self, context: RequestContext, request: Request) -> None:  # type: ignore[override]
        name, tags = request["StreamName"], request.get("Tags") or {}
        _refuse(request, "WarmThroughputMiBps")
        mode = (request.get("StreamModeDetails") or {}).get("StreamMode")
        on_demand = mode == "ON_DEMAND" if mode else request.get("ShardCount") is None
        count = streams.ON_DEMAND_SHARDS if on_demand else request.get("ShardCount") or 0
        if not NAME.fullmatch(name) or count < 1:
            raise InvalidArgumentException("A stream needs a name of letters, digits and _.-, and at least one shard.")
        streams.check_tags({}, tags)
        with LOCK:
            known = self._streams(context)
            if name in known:
                raise ResourceInUseException(f"Stream {name} under account {context.account_id} already exists.")
            if sum(stream.status == "CREATING" for stream in known.values()) >= STREAMS_IN_THE_MAKING:
                raise LimitExceededException(f"At most {STREAMS_IN_THE_MAKING} streams can be CREATING at a time.")
            if on_demand and sum(stream.on_demand for stream in known.values()) >= ON_DEMAND_STREAMS:
                raise LimitExceededException(f"The account has {ON_DEMAND_STREAMS} on-demand streams already.")
            self._require_room(context, count)
            arn = arns.kinesis_stream_arn(name, context.account_id, context.region)
            stream = Stream(name, arn, context.account_id, on_demand, created=time.time(), tags=dict(tags))
            stream.record_kib = request.get("MaxRecordSizeInKiB") or streams.RECORD_KIB
            stream.divide(count)
            stream.become("CREATING")
            known[name] = stream

    @handler("DeleteStream", expand=False)
    def delete_stream(self, context: RequestContext, request: Request) -> None:  # type: ignore[override]
        with LOCK:
            stream = self._active(context, request)
            if stream.consumers and not request.get("EnforceConsumerDeletion"):
                raise ResourceInUseException(f"{stream.name} has consumers; EnforceConsumerDeletion deletes them too.")
            stream.become("DELETING")
            LOCK.notify_all()

    @handler("DescribeStream", expand=False)
    def describe_stream(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        with LOCK:
            stream = self._stream(context, request)
            stream.drop_old_shards()
            shards = _from(stream.shards.values(), request.get("ExclusiveStartShardId"), lambda shard: shard.id)
            limit = request.get("Limit") or 100
            description = _described(stream) | {
                "Shards": [_shard(shard) for shard in shards[:limit]],
                "HasMoreShards": len(shards) > limit,
            }
            return {"StreamDescription": description}

    @handler("DescribeStreamSummary", expand=False)
    def describe_stream_summary(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        with LOCK:
            stream = self._stream(context, request)
            summary = _described(stream) | {
                "OpenShardCount": len(stream.open_shards()),
                "ConsumerCount": len(stream.consumers),
                "MaxRecordSizeInKiB": stream.record_kib,
            }
            return {"StreamDescriptionSummary": summary}

    @handler("ListStreams", expand=False)
    def list_streams(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        with LOCK:
            known = sorted(self._streams(context).values(), key=lambda stream: stream.name)
            start = request.get("NextToken") or request.get("ExclusiveStartStreamName")
            rest, limit = _from(known, start, lambda stream: stream.name), request.get("Limit") or 100
            found, has_more = rest[:limit], len(rest) > limit
            names = ("StreamName", "StreamARN", "StreamStatus", "StreamModeDetails", "StreamCreationTimestamp")
            summaries = [{name: _described(stream)[name] for name in names} for stream in found]
            answer = {"StreamNames": [stream.name for stream in found], "StreamSummaries": summaries}
            return answer | {"HasMoreStreams": has_more} | ({"NextToken": found[-1].name} if has_more else {})

    @handler("UpdateStreamMode", expand=False)
    def update_stream_mode(self, context: RequestContext, request: Request) -> None:  # type: ignore[override]
        _refuse(request, "WarmThroughputMiBps")
        with LOCK:
            stream = self._active(context, request)
            stream.on_demand = request["StreamModeDetails"]["StreamMode"] == "ON_DEMAND"
            stream.become("UPDATING")

    @handler("UpdateMaxRecordSize", expand=False)
    def update_max_record_size(self, context: RequestContext, request: Request) -> None:  # type: ignore[override]
        with LOCK:
            stream = self._active(context, request)
            stream.record_kib = request["MaxRecordSizeInKiB"]
            stream.become("UPDATING")

    @handler("IncreaseStreamRetentionPeriod", expand=False)
    def increase_stream_retention_period(  # type: ignore[override]
        self, context: RequestContext, request: Request
    ) -> None:
        self._change_retention(context, request, lambda wanted, present: wanted >= present)

    @handler("DecreaseStreamRetentionPeriod", expand=False)
    def decrease_stream_retention_period(  # type: ignore[override]
        self, context: RequestContext, request: Request
    ) -> None:
        self._change_retention(context, request, lambda wanted, present: wanted <= present)

    def _change_retention(self, context: RequestContext, request: Request, fits: Callable[[int, int], bool]) -> None:
        wanted, (shortest, longest) = request["RetentionPeriodHours"], streams.RETENTION_HOURS
        with LOCK:
            stream = self._active(context, request)
            if not shortest <= wanted <= longest or not fits(wanted, stream.retention_hours):
                raise InvalidArgumentException(
                    f"The retention period of {stream.name} is {stream.retention_hours} hours, may be {shortest} to "
                    f"{longest}, and can't become {wanted} hours this way."
                )
            stream.retention_hours = wanted
            stream.become("UPDATING")

    @handler("StartStreamEncryption", expand=False)
    def start_stream_encryption(self, context: RequestContext, request: Request) -> None:  # type: ignore[override]
        self._encrypt(context, request, request["KeyId"])

    @handler("StopStreamEncryption", expand=False)
    def stop_stream_encryption(self, context: RequestContext, request: Request) -> None:  # type: ignore[override]
        self._encrypt(context, request, None)

    def _encrypt(self, context: RequestContext, request: Request, key_id: str | None) -> None:
        with LOCK:
            stream = self._active(context, request)
            stream.key_id = key_id
            stream.become("UPDATING")

    @handler("EnableEnhancedMonitoring", expand=False)
    def enable_enhanced_monitoring(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        return self._monitor(context, request, lambda present, named: present | named)

    @handler("DisableEnhancedMonitoring", expand=False)
    def disable_enhanced_monitoring(  # type: ignore[override]
        self, context: RequestContext, request: Request
    ) -> Answer:
        return self._monitor(context, request, lambda present, named: present - named)

    def _monitor(
        self, context: RequestContext, request: Request, change: Callable[[set[str], set[str]], set[str]]
    ) -> Answer:
        named = set(map(str, request["ShardLevelMetrics"]))
        named = set(ALL_METRICS) if "ALL" in named else named
        with LOCK:
            stream = self._active(context, request)
            before, stream.metrics = stream.metrics, sorted(change(set(stream.metrics), named))
            return {
                "StreamName": stream.name,
                "StreamARN": stream.arn,
                "CurrentShardLevelMetrics": before,
                "DesiredShardLevelMetrics": stream.metrics,
            }

    @handler("DescribeLimits", expand=False)
    def describe_limits(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        with LOCK:
            known = self._streams(context).values()
            return {
                "ShardLimit": SHARDS,
                "OpenShardCount": sum(len(stream.open_shards()) for stream in known),
                "OnDemandStreamCount": sum(stream.on_demand for stream in known),
                "OnDemandStreamCountLimit": ON_DEMAND_STREAMS,
            }

    # Shards

    @handler("ListShards", expand=False)
    def list_shards(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        start, limit = request.get("ExclusiveStartShardId"), request.get("MaxResults") or 1000
        with LOCK:
            if token := request.get("NextToken"):
                if request.get("StreamName") or request.get("StreamARN"):
                    raise InvalidArgumentException("NextToken and StreamName cannot be provided together.")
                name, _, start = _untold(token).partition("/")
                stream = find_stream(context.account_id, context.region, name)
            else:
                stream = self._stream(context, request)
            stream.drop_old_shards()
            shards = _from(stream.shards.values(), start, lambda shard: shard.id)
            shards = [shard for shard in shards if _passes(stream, shard, request.get("ShardFilter") or {})]
            answer: Answer = {"Shards": [_shard(shard) for shard in shards[:limit]]}
            return answer | ({"NextToken": _told(stream, shards[limit - 1])} if len(shards) > limit else {})

    @handler("SplitShard", expand=False)
    def split_shard(self, context: RequestContext, request: Request) -> None:  # type: ignore[override]
        hash_key = request["NewStartingHashKey"]
        if not hash_key.isdecimal():
            raise InvalidArgumentException(f"{hash_key} is no hash key.")
        with LOCK:
            stream = self._active(context, request)
            self._require_room(context, 1)
            stream.split(request["ShardToSplit"], int(hash_key))
            stream.become("UPDATING")
            LOCK.notify_all()

    @handler("MergeShards", expand=False)
    def merge_shards(self, context: RequestContext, request: Request) -> None:  # type: ignore[override]
        with LOCK:
            stream = self._active(context, request)
            stream.merge(request["ShardToMerge"], request["AdjacentShardToMerge"])
            stream.become("UPDATING")
            LOCK.notify_all()

    @handler("UpdateShardCount", expand=False)
    def update_shard_count(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        with LOCK:
            stream = self._active(context, request)
            present, wanted = len(stream.open_shards()), request["TargetShardCount"]
            if stream.on_demand:
                raise InvalidArgumentException(f"The shards of {stream.name} are counted on demand.")
            self._require_room(context, wanted - present)
            stream.scale(wanted)
            stream.become("UPDATING")
            LOCK.notify_all()
            return {
                "StreamName": stream.name,
                "StreamARN": stream.arn,
                "CurrentShardCount": present,
                "TargetShardCount": wanted,
            }

    # Records

    @handler("PutRecord", expand=False)
    def put_record(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        with LOCK:
            stream = self._writable(context, request)
            [(shard, number)] = stream.put([_entry(request)])
            LOCK.notify_all()
            return {"ShardId": shard.id, "SequenceNumber": str(number), "EncryptionType": stream.encryption}

    @handler("PutRecords", expand=False)
    def put_records(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        entries = [_entry(entry) for entry in request["Records"]]
        if not 0 < len(entries) <= streams.MOST_RECORDS_PUT:
            raise InvalidArgumentException(f"A request takes 1 to {streams.MOST_RECORDS_PUT} records.")
        if sum(len(entry.data) + len(entry.key) for entry in entries) > streams.MOST_BYTES_PUT:
            raise InvalidArgumentException(f"A request takes {streams.MOST_BYTES_PUT // streams.MIB} MiB of records.")
        with LOCK:
            stream = self._writable(context, request)
            places = [{"SequenceNumber": str(number), "ShardId": shard.id} for shard, number in stream.put(entries)]
            LOCK.notify_all()
            return {"FailedRecordCount": 0, "Records": places, "EncryptionType": stream.encryption}

    @handler("GetShardIterator", expand=False)
    def get_shard_iterator(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        with LOCK:
            stream = self._stream(context, request)
            shard = stream.shard(request["ShardId"])
            after = _place_of(stream, shard, request["ShardIteratorType"], request)
        return {"ShardIterator": iterators.encode(Place(stream.arn, stream.created, shard.id, after))}

    @handler("GetRecords", expand=False)
    def get_records(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        limit = request.get("Limit") or streams.MOST_RECORDS_READ
        if limit > streams.MOST_RECORDS_READ:
            raise InvalidArgumentException(f"Limit is {streams.MOST_RECORDS_READ:,} at most.")
        place = iterators.decode(request["ShardIterator"])
        with LOCK:
            stream = stream_at(place)
            batch = stream.read(place.shard, place.after, limit)
            children = [] if batch.after is not None else stream.children(place.shard)
            records = _records(stream, batch)
        answer = {"Records": records, "MillisBehindLatest": batch.milliseconds_behind}
        if batch.after is not None:
            return answer | {"NextShardIterator": iterators.encode(place._replace(after=batch.after))}
        return answer | {"ChildShards": [_child(shard) for shard in children]}

    @handler("SubscribeToShard", expand=False)
    def subscribe_to_shard(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        begin = request["StartingPosition"]
        given = {"StartingSequenceNumber": begin.get("SequenceNumber"), "Timestamp": begin.get("Timestamp")}
        with LOCK:
            stream, consumer = self._found_consumer(request)
            shard = stream.shard(request["ShardId"])
            place = Place(stream.arn, stream.created, shard.id, _place_of(stream, shard, begin["Type"], given))
            if not consumer.is_active():
                raise ResourceInUseException(f"Consumer {consumer.arn} is not ACTIVE, but CREATING.")
            subscription = SUBSCRIPTIONS.begin(consumer.arn, shard.id)

        def read() -> tuple[Answer, bool]:
            nonlocal place
            read_of = stream_at(place)
            batch = read_of.read(place.shard, place.after, streams.MOST_RECORDS_READ)
            event = {"Records": _records(read_of, batch), "MillisBehindLatest": batch.milliseconds_behind}
            if batch.after is None:
                return event | {"ChildShards": [_child(child) for child in read_of.children(place.shard)]}, True
            place = place._replace(after=batch.after)
            # Where nothing is left to read, whatever comes has a greater number than any that the stream has given out.
            number = batch.after if batch.left else read_of.number - 1
            return event | {"ContinuationSequenceNumber": str(number)}, False

        def is_there() -> bool:
            try:
                return consumer.name in stream_at(place).consumers
            except ResourceNotFoundException:
                return False

        return {"EventStream": SUBSCRIPTIONS.events(subscription, read, is_there)}

    # Tags

    @handler("AddTagsToStream", expand=False)
    def add_tags_to_stream(self, context: RequestContext, request: Request) -> None:  # type: ignore[override]
        with LOCK:
            _tag(self._stream(context, request).tags, request["Tags"])

    @handler("RemoveTagsFromStream", expand=False)
    def remove_tags_from_stream(self, context: RequestContext, request: Request) -> None:  # type: ignore[override]
        with LOCK:
            _untag(self._stream(context, request).tags, request["TagKeys"])

    @handler("ListTagsForStream", expand=False)
    def list_tags_for_stream(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        with LOCK:
            tags = sorted(self._stream(context, request).tags.items())
        rest = _from(tags, request.get("ExclusiveStartTagKey"), lambda tag: tag[0])
        limit = request.get("Limit") or streams.MOST_TAGS
        return {"Tags": _tag_list(rest[:limit]), "HasMoreTags": len(rest) > limit}

    @handler("TagResource", expand=False)
    def tag_resource(self, context: RequestContext, request: Request) -> None:  # type: ignore[override]
        with LOCK:
            _tag(_tags_of(request["ResourceARN"]), request["Tags"])

    @handler("UntagResource", expand=False)
    def untag_resource(self, context: RequestContext, request: Request) -> None:  # type: ignore[override]
        with LOCK:
            _untag(_tags_of(request["ResourceARN"]), request["TagKeys"])

    @handler("ListTagsForResource", expand=False)
    def list_tags_for_resource(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        with LOCK:
            return {"Tags": _tag_list(sorted(_tags_of(request["ResourceARN"]).items()))}

    # Consumers

    @handler("RegisterStreamConsumer", expand=False)
    def register_stream_consumer(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        name, tags = request["ConsumerName"], request.get("Tags") or {}
        streams.check_tags({}, tags)
        with LOCK:
            stream = self._active(context, request)
            if name in stream.consumers:
                raise ResourceInUseException(f"Consumer {name} of stream {stream.name} already exists.")
            if sum(not each.is_active() for each in stream.consumers.values()) >= CONSUMERS_IN_THE_MAKING:
                raise LimitExceededException(f"At most {CONSUMERS_IN_THE_MAKING} consumers can be CREATING at a time.")
            if len(stream.consumers) >= streams.MOST_CONSUMERS:
                raise LimitExceededException(f"Stream {stream.name} has {streams.MOST_CONSUMERS} consumers already.")
            now = time.time()
            arn = f"{stream.arn}/consumer/{name}:{int(now)}"
            consumer = stream.consumers[name] = Consumer(name, arn, now, dict(tags))
            return {"Consumer": _consumer(consumer)}

    @handler("DeregisterStreamConsumer", expand=False)
    def deregister_stream_consumer(self, context: RequestContext, request: Request) -> None:  # type: ignore[override]
        with LOCK:
            stream, consumer = self._found_consumer(request)
            del stream.consumers[consumer.name]
            LOCK.notify_all()

    @handler("DescribeStreamConsumer", expand=False)
    def describe_stream_consumer(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        with LOCK:
            stream, consumer = self._found_consumer(request)
            return {"ConsumerDescription": _consumer(consumer) | {"StreamARN": stream.arn}}

    @handler("ListStreamConsumers", expand=False)
    def list_stream_consumers(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        limit = request.get("MaxResults") or 100
        with LOCK:
            consumers = sorted(self._stream(context, request).consumers.values(), key=lambda one: one.name)
            rest = _from(consumers, request.get("NextToken"), lambda one: one.name)
            answer: Answer = {"Consumers": [_consumer(consumer) for consumer in rest[:limit]]}
            return answer | ({"NextToken": rest[limit - 1].name} if len(rest) > limit else {})

    def _found_consumer(self, request: Request) -> tuple[Stream, Consumer]:
        arn, name = request.get("ConsumerARN"), request.get("ConsumerName")
        stream = find_by_arn(arn or request.get("StreamARN") or "")
        for consumer in stream.consumers.values():
            if consumer.arn == arn if arn else consumer.name == name:
                return stream, consumer
        raise ResourceNotFoundException(f"Consumer {arn or name} of stream {stream.name} not found.")

    # What a request means

    def _streams(self, context: RequestContext) -> dict[str, Stream]:
        found: dict[str, Stream] = stream_stores[context.account_id][context.region].streams
        for name in [name for name, stream in found.items() if stream.is_gone]:
            del found[name]
        return found

    def _stream(self, context: RequestContext, request: Request) -> Stream:
        name = request.get("StreamName")
        if arn := request.get("StreamARN"):
            stream = find_by_arn(arn)
            if name and name != stream.name:
                raise InvalidArgumentException(f"StreamARN {arn} and StreamName {name} do not match.")
            return stream
        if name:
            return find_stream(context.account_id, context.region, name)
        raise InvalidArgumentException("Either StreamName or StreamARN must be given.")

    def _active(self, context: RequestContext, request: Request) -> Stream:
        """To be changed."""
        stream = self._stream(context, request)
        stream.require_active()
        return stream

    def _writable(self, context: RequestContext, request: Request) -> Stream:
        stream = self._stream(context, request)
        if stream.status not in ("ACTIVE", "UPDATING"):
            stream.require_active()
        return stream

    def _require_room(self, context: RequestContext, more: int) -> None:
        present = sum(len(stream.open_shards()) for stream in self._streams(context).values())
        if present + more > SHARDS:
            raise LimitExceededException(f"The account has {present} open shards, and may have {SHARDS}.")


def stream_at(place: Place) -> Stream:
    """The very stream that an iterator is of. Raises ResourceNotFoundException."""
    stream = find_by_arn(place.stream)
    if stream.created != place.created:
        raise ResourceNotFoundException(f"Stream {stream.name} was made anew since the iterator was.")
    return stream


def _place_of(stream: Stream, shard: Shard, kind: str, request: Request) -> int:
    if kind == "TRIM_HORIZON":
        return shard.start - 1
    if kind == "LATEST":
        return shard.last
    if kind == "AT_TIMESTAMP":
        if (timestamp := request.get("Timestamp")) is None:
            raise InvalidArgumentException("AT_TIMESTAMP needs a Timestamp.")
        if timestamp.timestamp() > time.time():
            raise InvalidArgumentException(f"The Timestamp {timestamp} is later than now.")
        return shard.number_before(float(timestamp.timestamp()))
    number = str(request.get("StartingSequenceNumber") or "")
    if not number.isdecimal():
        raise InvalidArgumentException(f"{kind} needs a StartingSequenceNumber.")
    if not stream.has_given_out(int(number)):
        raise InvalidArgumentException(
            f"StartingSequenceNumber {number} used in GetShardIterator on shard {shard.id} in stream {stream.name} "
            f"under account {stream.account} is invalid because it did not come from this stream."
        )
    return int(number) - int(kind == "AT_SEQUENCE_NUMBER")


def _records(stream: Stream, batch: Batch) -> list[Answer]:
    encryption = {"EncryptionType": stream.encryption} if stream.key_id else {}
    return [
        {
            "SequenceNumber": str(record.number),
            "ApproximateArrivalTimestamp": moment(record.arrival),
            "Data": record.data,
            "PartitionKey": record.key,
            **encryption,
        }
        for record in batch.records
    ]


def _refuse(request: Request, option: str) -> None:
    if request.get(option) is not None:
        raise NotImplementedError(f"The emulator does not do {option}; leave it out.")


def _entry(request: Request) -> Entry:
    return Entry(request["Data"], request["PartitionKey"], request.get("ExplicitHashKey"))


def _passes(stream: Stream, shard: Shard, wanted: Request) -> bool:
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ShardFilter.html"""
    kind = wanted.get("Type")
    for needed in ("ShardId",) * (kind == "AFTER_SHARD_ID") + ("Timestamp",) * str(kind).endswith("_TIMESTAMP"):
        if wanted.get(needed) is None:
            raise InvalidArgumentException(f"A ShardFilter of type {kind} needs a {needed}.")
    oldest = stream.trim_horizon()
    match kind:
        case "AFTER_SHARD_ID":
            return shard.id > str(wanted["ShardId"])
        case "AT_LATEST":
            return not shard.closed
        case "AT_TRIM_HORIZON":
            return shard.was_open_at(oldest)
        case "AT_TIMESTAMP":
            return shard.was_open_at(max(wanted["Timestamp"].timestamp(), oldest))
        case "FROM_TIMESTAMP":
            return not shard.closed or shard.ended >= max(wanted["Timestamp"].timestamp(), oldest)
    return True


def _from[T](items: Iterable[T], start: str | None, name: Callable[[T], str]) -> list[T]:
    """The items, which are in the order of their names, behind a name."""
    return [item for item in items if start is None or name(item) > start]


def _told(stream: Stream, shard: Shard) -> str:
    return base64.b64encode(f"{stream.name}/{shard.id}".encode()).decode()


def _untold(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except ValueError:
        raise InvalidArgumentException("Invalid NextToken.") from None


def _described(stream: Stream) -> Answer:
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": stream.status,
        "StreamModeDetails": {"StreamMode": "ON_DEMAND" if stream.on_demand else "PROVISIONED"},
        "RetentionPeriodHours": stream.retention_hours,
        "StreamCreationTimestamp": moment(stream.created),
        "EnhancedMonitoring": [{"ShardLevelMetrics": stream.metrics}],
        "EncryptionType": stream.encryption,
        **({"KeyId": stream.key_id} if stream.key_id else {}),
    }


def _shard(shard: Shard) -> Answer:
    numbers = {"StartingSequenceNumber": str(shard.start)}
    if shard.closed:
        numbers["EndingSequenceNumber"] = str(shard.last)
    parents = dict(zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False))
    return {"ShardId": shard.id, "HashKeyRange": _hash_keys(shard), "SequenceNumberRange": numbers, **parents}


def _child(shard: Shard) -> Answer:
    return {"ShardId": shard.id, "ParentShards": list(shard.parents), "HashKeyRange": _hash_keys(shard)}


def _hash_keys(shard: Shard) -> Answer:
    return {"StartingHashKey": str(shard.low), "EndingHashKey": str(shard.high)}


def _consumer(consumer: Consumer) -> Answer:
    return {
        "ConsumerName": consumer.name,
        "ConsumerARN": consumer.arn,
        "ConsumerStatus": "ACTIVE" if consumer.is_active() else "CREATING",
        "ConsumerCreationTimestamp": moment(consumer.created),
    }


def _tags_of(arn: str) -> dict[str, str]:
    stream = find_by_arn(arn)
    if "/consumer/" not in arn:
        return stream.tags
    for consumer in stream.consumers.values():
        if consumer.arn == arn:
            return consumer.tags
    raise ResourceNotFoundException(f"Consumer {arn} not found.")


def _tag(tags: dict[str, str], added: Mapping[str, str]) -> None:
    streams.check_tags(tags, added)
    tags.update(added)


def _untag(tags: dict[str, str], keys: Iterable[str]) -> None:
    for key in keys:
        tags.pop(key, None)


def _tag_list(tags: Iterable[tuple[str, str]]) -> list[Answer]:
    return [{"Key": key, "Value": value} for key, value in tags]


def create() -> Service:
    """LocalStack's service with this provider."""
    return checked(Service.for_provider(StockroomKinesisProvider()))
