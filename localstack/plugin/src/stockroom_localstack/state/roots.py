"""What holds state, by names that find it again in another emulator.

module:variable                  a store, or what a module keeps beside the stores
provider service:attribute       what the provider of a service keeps
queues of asynchronous invocations
"""

from __future__ import annotations

import importlib
import sys
from collections import deque
from collections.abc import Iterator, MutableMapping, MutableSet
from operator import attrgetter
from typing import Any

from localstack.services.plugins import SERVICE_PLUGINS, ServiceState
from localstack.services.stores import AccountRegionBundle
from moto.core.base_backend import BackendDict

PLUGIN = __name__.partition(".")[0] + "."
PACKAGES = (PLUGIN, "localstack.services.", "moto.")
ASYNCHRONOUS_INVOCATIONS = "queues of asynchronous invocations"

BESIDE_THE_STORES = (
    "localstack.services.dynamodb.v2.provider:MANAGED_KMS_KEYS",
    "localstack.services.ses.provider:EMAILS",
    "moto.ec2.models.vpcs:DEFAULT_VPC_ENDPOINT_SERVICES",
    "moto.securityhub.models:SecurityHubBackend._org_configs",
)
KEPT_BY_PROVIDERS = {
    "dynamodbstreams": ("shard_to_region",),
    "events": (
        "_event_bus_services_store",
        "_rule_services_store",
        "_target_sender_store",
        "_archive_service_store",
        "_replay_service_store",
        "_connection_service_store",
        "_api_destination_service_store",
    ),
    "s3": ("_storage_backend._filesystem",),
}
# Whose identity is kept, not their content.
OBJECTS_OF_PROVIDERS = {"s3": ("_storage_backend",)}

Root = MutableMapping[Any, Any] | MutableSet[Any] | list[Any] | deque[Any]


def running_services() -> list[str]:
    states = SERVICE_PLUGINS.get_states()
    return sorted(name for name, state in states.items() if state is ServiceState.RUNNING)


def loaded() -> dict[str, Root]:
    """All that holds state in this emulator, by name; nothing twice."""
    roots: dict[str, Root] = {}
    known: set[int] = set()
    for name, root in _all():
        if id(root) not in known:
            known.add(id(root))
            roots[name] = root
    return roots


def objects() -> dict[str, Any]:
    """Objects that others refer to and that stay what they are, by name."""
    return {
        name: find(name)
        for service, attributes in OBJECTS_OF_PROVIDERS.items()
        if provider(service)
        for name in [f"provider {service}:{attribute}" for attribute in attributes]
    }


def find(name: str) -> Any:
    """What has the name; its module is imported, its service is started."""
    if name == ASYNCHRONOUS_INVOCATIONS:
        from localstack.services.lambda_.invocation.internal_sqs_queue import get_fake_sqs_client

        return get_fake_sqs_client().queue_manager.queues
    owner, attributes = name.split(":")
    kind, _, service = owner.partition(" ")
    holder = SERVICE_PLUGINS.require(service)._provider if service else importlib.import_module(kind)
    return attrgetter(attributes)(holder)


def _all() -> Iterator[tuple[str, Root]]:
    for module_name, module in sorted(sys.modules.items()):
        if not module_name.startswith(PACKAGES):
            continue
        for variable, value in list(vars(module).items()):
            if isinstance(value, AccountRegionBundle | BackendDict) or (
                module_name.startswith(PLUGIN)
                and not variable.isupper()
                and not variable.startswith("__")
                and isinstance(value, dict | set | list)
            ):
                yield f"{module_name}:{variable}", value
    for name in BESIDE_THE_STORES:
        if name.partition(":")[0] in sys.modules:
            yield name, find(name)
    for service, attributes in KEPT_BY_PROVIDERS.items():
        if provider(service):
            for attribute in attributes:
                name = f"provider {service}:{attribute}"
                yield name, find(name)
    if provider("lambda"):
        yield ASYNCHRONOUS_INVOCATIONS, find(ASYNCHRONOUS_INVOCATIONS)


def provider(service: str) -> Any:
    """None for a service that does not run."""
    if SERVICE_PLUGINS.get_state(service) is not ServiceState.RUNNING:
        return None
    return SERVICE_PLUGINS.get_service(service)._provider  # type: ignore[union-attr]


def content(root: Root) -> tuple[Any, dict[str, Any]]:
    """What a root holds, and its attributes."""
    held: Any = list(root.items()) if isinstance(root, dict) else list(root)
    return held, dict(getattr(root, "__dict__", {}))


def fill(root: Any, held: Any, attributes: dict[str, Any]) -> None:
    """The opposite of `content`: the root stays the object that it is."""
    root.clear()
    if isinstance(root, list):
        root.extend(held)
    else:
        root.update(held)
    if attributes:
        vars(root).update(attributes)
