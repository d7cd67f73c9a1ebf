"""Tags of Application Auto Scaling's targets, which moto lacks."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.moto import call_moto

Shape = dict[str, Any]

# By the target's ARN, which no second target ever has.
_tags: defaultdict[str, dict[str, str]] = defaultdict(dict)


def register_target(context: RequestContext, request: Shape) -> Shape:
    """RegisterScalableTarget: its tags are remembered."""
    answer: Shape = call_moto(context)
    if tags := request.get("Tags"):
        _tags[answer["ScalableTargetARN"]] = dict(tags)
    return answer


def list_tags(context: RequestContext, request: Shape) -> Shape:
    """ListTagsForResource."""
    return {"Tags": _tags[request["ResourceARN"]]}


def tag(context: RequestContext, request: Shape) -> Shape:
    """TagResource."""
    _tags[request["ResourceARN"]] |= request["Tags"]
    return {}


def untag(context: RequestContext, request: Shape) -> Shape:
    """UntagResource."""
    for key in request["TagKeys"]:
        _tags[request["ResourceARN"]].pop(key, None)
    return {}


ANSWERS = {
    "RegisterScalableTarget": register_target,
    "ListTagsForResource": list_tags,
    "TagResource": tag,
    "UntagResource": untag,
}
