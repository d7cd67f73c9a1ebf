"""Services that moto implements and LocalStack 4.14 does not offer.

Their names stand in pyproject.toml, as entry points that point here: `services.moto:<name>`, with an underscore where
botocore's name has a hyphen. Looking such a name up gives the plugin that serves it, so nothing is loaded before the
first request to the service.

What moto lacks of such a service is in a folder of its own, in answers.py, by the names of the operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.skeleton import Skeleton
from localstack.aws.spec import load_service
from localstack.services.moto import call_moto
from localstack.services.plugins import Service, aws_provider
from plux import PluginSpec

ADDED_TO = frozenset({"application-autoscaling", "budgets", "ce"})

Answer = Callable[[RequestContext, dict[str, Any]], dict[str, Any] | None]


def moto_service(api: str) -> Service:
    """The service with botocore's name `api`: moto answers the operations that have no answer of ours, and those whose
    answer of ours is None."""
    specification = load_service(api)
    ours = _added_to(api) if api in ADDED_TO else {}
    answers = {name: _answer(ours.get(name)) for name in specification.operation_names}
    return Service(api, skeleton=Skeleton(specification, answers))


def _added_to(api: str) -> Mapping[str, Answer]:
    answers: Mapping[str, Answer] = import_module(f"{__package__}.{api.replace('-', '_')}.answers").ANSWERS
    return answers


def _answer(own: Answer | None) -> Callable[[RequestContext, dict[str, Any]], Any]:
    def answer(context: RequestContext, request: dict[str, Any]) -> Any:
        found = own(context, request) if own else None
        return call_moto(context) if found is None else found

    return answer


def __getattr__(name: str) -> PluginSpec:
    if name.startswith("_"):
        raise AttributeError(name)
    api = name.replace("_", "-")

    def create() -> Service:
        return moto_service(api)

    return aws_provider(api=api)(create)
