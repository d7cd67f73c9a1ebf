"""The operations on shards: listed, split, merged."""

from __future__ import annotations

import base64

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.kinesis import InvalidArgumentException

from .shapes import behind, shard_shape
from .shards import Shard
from .store import LOCK, Answer, Request, StreamProvider, find_stream
from .streams import Stream


class ShardOperations(StreamProvider):
    """ListShards, SplitShard, MergeShards, UpdateShardCount."""

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
            shards = behind(stream.shards.values(), start, lambda shard: shard.id)
            shards = [shard for shard in shards if _passes(stream, shard, request.get("ShardFilter") or {})]
            answer: Answer = {"Shards": [shard_shape(shard) for shard in shards[:limit]]}
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


def _told(stream: Stream, shard: Shard) -> str:
    return base64.b64encode(f"{stream.name}/{shard.id}".encode()).decode()


def _untold(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except ValueError:
        raise InvalidArgumentException("Invalid NextToken.") from None
