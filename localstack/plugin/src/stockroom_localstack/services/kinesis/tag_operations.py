"""The operations on tags of streams and consumers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.kinesis import ResourceNotFoundException

from . import streams
from .shapes import behind, tag_shapes
from .store import LOCK, Answer, Request, StreamProvider, find_by_arn


class TagOperations(StreamProvider):
    """TagResource and the like, and AddTagsToStream and the like."""

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
        rest = behind(tags, request.get("ExclusiveStartTagKey"), lambda tag: tag[0])
        limit = request.get("Limit") or streams.MOST_TAGS
        return {"Tags": tag_shapes(rest[:limit]), "HasMoreTags": len(rest) > limit}

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
            return {"Tags": tag_shapes(sorted(_tags_of(request["ResourceARN"]).items()))}


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
