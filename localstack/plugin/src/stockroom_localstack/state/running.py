"""Which services run, and LocalStack's objects of them."""

from __future__ import annotations

from typing import Any

from localstack.services.plugins import SERVICE_PLUGINS, ServiceState


def running_services() -> list[str]:
    """Names of the services that run, in alphabetical order."""
    states = SERVICE_PLUGINS.get_states()
    return sorted(name for name, state in states.items() if state is ServiceState.RUNNING)


def provider(service: str) -> Any:
    """The provider of a service; None when that does not run."""
    if SERVICE_PLUGINS.get_state(service) is not ServiceState.RUNNING:
        return None
    return SERVICE_PLUGINS.get_service(service)._provider  # type: ignore[union-attr]


def started(service: str) -> Any:
    """The provider of a service, which is started if it does not run."""
    return SERVICE_PLUGINS.require(service)._provider
