"""Services that moto implements and LocalStack 4.14 does not offer.

Their names stand in pyproject.toml, as entry points that point here: `moto_services:<name>`, with an underscore where
botocore's name has a hyphen. Looking such a name up gives the plugin that serves it, so nothing is loaded before the
first request to the service.
"""

from __future__ import annotations

from localstack.aws.skeleton import Skeleton
from localstack.aws.spec import load_service
from localstack.services.moto import call_moto
from localstack.services.plugins import Service, aws_provider
from plux import PluginSpec


def moto_service(api: str) -> Service:
    """The service with botocore's name `api`, every operation answered by moto."""
    specification = load_service(api)

    def answer(context, request):  # type: ignore[no-untyped-def]  # LocalStack's handler signature
        return call_moto(context)

    return Service(api, skeleton=Skeleton(specification, dict.fromkeys(specification.operation_names, answer)))


def __getattr__(name: str) -> PluginSpec:
    if name.startswith("_"):
        raise AttributeError(name)
    api = name.replace("_", "-")

    def create() -> Service:
        return moto_service(api)

    return aws_provider(api=api)(create)
