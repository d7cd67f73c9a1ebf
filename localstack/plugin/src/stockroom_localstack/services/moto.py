"""Services that moto implements and LocalStack 4.14 does not offer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.skeleton import Skeleton
from localstack.aws.spec import load_service
from localstack.services.moto import call_moto
from localstack.services.plugins import Service

from .table import AwsService

Answer = Callable[[RequestContext, dict[str, Any]], dict[str, Any] | None]


def create(service: AwsService) -> Service:
    """LocalStack's service, in which moto answers the operations that have no answer of ours, and those whose answer of
    ours is None."""
    specification = load_service(service.name)
    ours = _answers_of(service)
    answers = {name: _answer(ours.get(name)) for name in specification.operation_names}
    return Service(service.name, skeleton=Skeleton(specification, answers))


def _answers_of(service: AwsService) -> Mapping[str, Answer]:
    if not service.has_answers:
        return {}
    answers: Mapping[str, Answer] = import_module(f"{service.package}.answers").ANSWERS
    return answers


def _answer(own: Answer | None) -> Callable[[RequestContext, dict[str, Any]], Any]:
    def answer(context: RequestContext, request: dict[str, Any]) -> Any:
        found = own(context, request) if own else None
        return call_moto(context) if found is None else found

    return answer
