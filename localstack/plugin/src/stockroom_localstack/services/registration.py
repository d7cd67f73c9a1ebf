"""Tells LocalStack of the services of table.py, in place of entry points, so that adding one needs no new installation;
and the emulator's state of what they keep."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

from localstack import config
from localstack.services.plugins import SERVICE_PLUGINS, Service, aws_provider
from plux import PluginSpec

from stockroom_localstack.state import hooks, roots
from stockroom_localstack.state.hooks import StateHooks

from .table import SERVICES, AwsService, Origin

PROVIDER = "stockroom"  # of a service that LocalStack has a provider of its own for
ONLY_PROVIDER = "default"


def register() -> None:
    """Tell of all services. To be called once, before LocalStack looks for one. No code of a service is imported."""
    manager: Any = SERVICE_PLUGINS.plugin_manager
    manager.finder = _Finder(manager.finder)
    for service in SERVICES:
        if service.origin is Origin.OURS:
            config.SERVICE_PROVIDER_CONFIG.set_provider(service.name, PROVIDER)
    hooks.register({service.name: partial(_hooks_of, service) for service in SERVICES if service.has_state})
    roots.register(variable for service in SERVICES for variable in service.variables)


def _hooks_of(service: AwsService) -> StateHooks:
    its: StateHooks = import_module(f"{service.package}.state").HOOKS
    return its


class _Finder:
    """Finds the services of the table beside those that LocalStack's own finder does."""

    def __init__(self, others: Any) -> None:
        self._others = others

    def find_plugins(self) -> list[PluginSpec]:
        ours = (service for service in SERVICES if service.origin is not Origin.LOCALSTACK)
        return [*self._others.find_plugins(), *map(_plugin_of, ours)]


def _plugin_of(service: AwsService) -> PluginSpec:
    if service.origin is Origin.OURS:

        def create() -> Service:
            created: Service = import_module(f"{service.package}.provider").create()
            return created

        return aws_provider(api=service.name, name=PROVIDER)(create)

    def create_with_moto() -> Service:
        from . import moto

        return moto.create(service)

    return aws_provider(api=service.name, name=ONLY_PROVIDER)(create_with_moto)
