"""The operations on consumers with a throughput of their own."""

from __future__ import annotations

import time

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.kinesis import LimitExceededException, ResourceInUseException, ResourceNotFoundException

from . import streams
from .shapes import behind, consumer_shape
from .store import LOCK, Answer, Request, StreamProvider, find_by_arn
from .streams import Consumer, Stream

CONSUMERS_IN_THE_MAKING = 5  # of a stream


class ConsumerOperations(StreamProvider):
    """RegisterStreamConsumer and the like."""

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
            return {"Consumer": consumer_shape(consumer)}

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
            return {"ConsumerDescription": consumer_shape(consumer) | {"StreamARN": stream.arn}}

    @handler("ListStreamConsumers", expand=False)
    def list_stream_consumers(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        limit = request.get("MaxResults") or 100
        with LOCK:
            consumers = sorted(self._stream(context, request).consumers.values(), key=lambda one: one.name)
            rest = behind(consumers, request.get("NextToken"), lambda one: one.name)
            answer: Answer = {"Consumers": [consumer_shape(consumer) for consumer in rest[:limit]]}
            return answer | ({"NextToken": rest[limit - 1].name} if len(rest) > limit else {})

    def _found_consumer(self, request: Request) -> tuple[Stream, Consumer]:
        arn, name = request.get("ConsumerARN"), request.get("ConsumerName")
        stream = find_by_arn(arn or request.get("StreamARN") or "")
        for consumer in stream.consumers.values():
            if consumer.arn == arn if arn else consumer.name == name:
                return stream, consumer
        raise ResourceNotFoundException(f"Consumer {arn or name} of stream {stream.name} not found.")
