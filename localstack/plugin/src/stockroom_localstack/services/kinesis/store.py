"""Where streams are, and which one a request means."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.kinesis import InvalidArgumentException, LimitExceededException, ResourceNotFoundException
from localstack.services.kinesis.provider import KinesisProvider
from localstack.services.stores import AccountRegionBundle, BaseStore, LocalAttribute

from .iterators import Place
from .streams import Stream

SHARDS = 500  # of an account

Request = Mapping[str, Any]
Answer = dict[str, Any]


class StreamStore(BaseStore):
    """The streams of an account in a region, by their names."""

    streams: dict[str, Stream] = LocalAttribute(default=dict)  # type: ignore[assignment]


# Part of a saved state, as every store is (state/roots.py).
stream_stores: Any = AccountRegionBundle("kinesis", StreamStore)

# Held while streams are looked at or changed, which takes less than waiting for several locks would. Told of records,
# and of shards, consumers and streams that end.
LOCK = threading.Condition()


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


def stream_at(place: Place) -> Stream:
    """The very stream that an iterator is of. Raises ResourceNotFoundException."""
    stream = find_by_arn(place.stream)
    if stream.created != place.created:
        raise ResourceNotFoundException(f"Stream {stream.name} was made anew since the iterator was.")
    return stream


class StreamProvider(KinesisProvider):
    """Finds the streams of requests, for the classes with their operations. Resource policies are LocalStack's own."""

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
