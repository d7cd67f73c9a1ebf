"""Streams, shards, records, consumers and tags in the shapes of the API's answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from .shards import Batch, Shard
from .store import Answer
from .streams import Consumer, Stream


def moment(seconds: float) -> datetime:
    """The time, of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def described(stream: Stream) -> Answer:
    """What DescribeStream and DescribeStreamSummary both tell."""
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


def shard_shape(shard: Shard) -> Answer:
    """A Shard."""
    numbers = {"StartingSequenceNumber": str(shard.start)}
    if shard.closed:
        numbers["EndingSequenceNumber"] = str(shard.last)
    parents = dict(zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False))
    return {"ShardId": shard.id, "HashKeyRange": _hash_keys(shard), "SequenceNumberRange": numbers, **parents}


def child_shape(shard: Shard) -> Answer:
    """A ChildShard."""
    return {"ShardId": shard.id, "ParentShards": list(shard.parents), "HashKeyRange": _hash_keys(shard)}


def _hash_keys(shard: Shard) -> Answer:
    return {"StartingHashKey": str(shard.low), "EndingHashKey": str(shard.high)}


def record_shapes(stream: Stream, batch: Batch) -> list[Answer]:
    """Records of a batch."""
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


def consumer_shape(consumer: Consumer) -> Answer:
    """A Consumer."""
    return {
        "ConsumerName": consumer.name,
        "ConsumerARN": consumer.arn,
        "ConsumerStatus": "ACTIVE" if consumer.is_active() else "CREATING",
        "ConsumerCreationTimestamp": moment(consumer.created),
    }


def tag_shapes(tags: Iterable[tuple[str, str]]) -> list[Answer]:
    """Tags, of names and values."""
    return [{"Key": key, "Value": value} for key, value in tags]


def behind[T](items: Iterable[T], start: str | None, name: Callable[[T], str]) -> list[T]:
    """The items, which are in the order of their names, behind a name."""
    return [item for item in items if start is None or name(item) > start]
