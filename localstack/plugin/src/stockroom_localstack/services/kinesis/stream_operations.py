"""The operations on streams: made, described, changed, deleted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.kinesis import (
    InvalidArgumentException,
    LimitExceededException,
    MetricsName,
    ResourceInUseException,
)
from localstack.utils.aws import arns

from . import streams
from .shapes import behind, described, shard_shape
from .store import LOCK, SHARDS, Answer, Request, StreamProvider
from .streams import Stream

# Limits of an account.
ON_DEMAND_STREAMS = 50
STREAMS_IN_THE_MAKING = 5

NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
ALL_METRICS = sorted(str(name) for name in MetricsName if name != MetricsName.ALL)


class StreamOperations(StreamProvider):
    """CreateStream, DescribeStream and the like."""

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
            shards = behind(stream.shards.values(), request.get("ExclusiveStartShardId"), lambda shard: shard.id)
            limit = request.get("Limit") or 100
            description = described(stream) | {
                "Shards": [shard_shape(shard) for shard in shards[:limit]],
                "HasMoreShards": len(shards) > limit,
            }
            return {"StreamDescription": description}

    @handler("DescribeStreamSummary", expand=False)
    def describe_stream_summary(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        with LOCK:
            stream = self._stream(context, request)
            summary = described(stream) | {
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
            rest, limit = behind(known, start, lambda stream: stream.name), request.get("Limit") or 100
            found, has_more = rest[:limit], len(rest) > limit
            names = ("StreamName", "StreamARN", "StreamStatus", "StreamModeDetails", "StreamCreationTimestamp")
            summaries = [{name: described(stream)[name] for name in names} for stream in found]
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


def _refuse(request: Request, option: str) -> None:
    if request.get(option) is not None:
        raise NotImplementedError(f"The emulator does not do {option}; leave it out.")
