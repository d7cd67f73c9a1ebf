"""The operations on records: put, and read from a place on or as they come."""

from __future__ import annotations

import time

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.kinesis import InvalidArgumentException, ResourceInUseException, ResourceNotFoundException

from . import iterators, streams
from .consumer_operations import ConsumerOperations
from .iterators import Place
from .shapes import child_shape, record_shapes
from .shards import Entry, Shard
from .store import LOCK, Answer, Request, stream_at
from .streams import Stream
from .subscriptions import Subscriptions

SUBSCRIPTIONS = Subscriptions(LOCK)


class RecordOperations(ConsumerOperations):
    """PutRecord, PutRecords, GetShardIterator, GetRecords, SubscribeToShard."""

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
            after = place_of(stream, shard, request["ShardIteratorType"], request)
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
            records = record_shapes(stream, batch)
        answer = {"Records": records, "MillisBehindLatest": batch.milliseconds_behind}
        if batch.after is not None:
            return answer | {"NextShardIterator": iterators.encode(place._replace(after=batch.after))}
        return answer | {"ChildShards": [child_shape(shard) for shard in children]}

    @handler("SubscribeToShard", expand=False)
    def subscribe_to_shard(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        begin = request["StartingPosition"]
        given = {"StartingSequenceNumber": begin.get("SequenceNumber"), "Timestamp": begin.get("Timestamp")}
        with LOCK:
            stream, consumer = self._found_consumer(request)
            shard = stream.shard(request["ShardId"])
            place = Place(stream.arn, stream.created, shard.id, place_of(stream, shard, begin["Type"], given))
            if not consumer.is_active():
                raise ResourceInUseException(f"Consumer {consumer.arn} is not ACTIVE, but CREATING.")
            subscription = SUBSCRIPTIONS.begin(consumer.arn, shard.id)

        def read() -> tuple[Answer, bool]:
            nonlocal place
            read_of = stream_at(place)
            batch = read_of.read(place.shard, place.after, streams.MOST_RECORDS_READ)
            event = {"Records": record_shapes(read_of, batch), "MillisBehindLatest": batch.milliseconds_behind}
            if batch.after is None:
                return event | {"ChildShards": [child_shape(child) for child in read_of.children(place.shard)]}, True
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


def place_of(stream: Stream, shard: Shard, kind: str, request: Request) -> int:
    """The sequence number behind which an iterator of this type begins. Raises InvalidArgumentException."""
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


def _entry(request: Request) -> Entry:
    return Entry(request["Data"], request["PartitionKey"], request.get("ExplicitHashKey"))
