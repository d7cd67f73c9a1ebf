"""What holds state, by names that find it again in another emulator.

module:variable               a store, or what a module keeps beside the stores
provider service:attribute    what the provider of a service keeps
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

from localstack.services.stores import AccountRegionBundle
from moto.core.base_backend import BackendDict

from . import hooks
from .hooks import Root
from .running import started

PLUGIN = __name__.partition(".")[0] + "."
PACKAGES = (PLUGIN, "localstack.services.", "moto.")
# In capitals, as all that is no state: names of variables that hold state beside the stores (services/table.py).
VARIABLES: list[str] = []


def register(variables: Iterable[str]) -> None:
    """Tell of variables `module:variable` of LocalStack and moto. Each counts as soon as its module is imported."""
    VARIABLES.extend(variables)


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
    """Objects that others refer to, and that stay the same objects, by name."""
    return {
        _name(service, attribute): attrgetter(attribute)(provider)
        for service, provider, its in hooks.of_running()
        for attribute in its.shared_attributes
    }


def find(name: str) -> Any:
    """The object with this name. Its module is imported, or its service started."""
    owner, _, rest = name.partition(":")
    kind, _, service = owner.partition(" ")
    if not service:
        return attrgetter(rest)(importlib.import_module(kind))
    holder, its = started(service), hooks.hooks_of(service)
    return attrgetter(rest)(holder) if rest in its.shared_attributes else its.roots(holder)[rest]


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
    for name in VARIABLES:
        if name.partition(":")[0] in sys.modules:
            yield name, find(name)
    for service, provider, its in hooks.of_running():
        for attribute, root in its.roots(provider).items():
            yield _name(service, attribute), root


def _name(service: str, attribute: str) -> str:
    return f"provider {service}:{attribute}"


def content(root: Root) -> tuple[Any, dict[str, Any]]:
    """What a root holds, and its own attributes."""
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
