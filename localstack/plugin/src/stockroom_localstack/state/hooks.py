"""What services do when the emulator's state is saved, replaced and loaded, beside what is in their stores.

Each service's are in its folder, services/<service>/state.py; services/table.py says which have some. They are given
to this package when the emulator starts, so that it imports nothing of services.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping, MutableSet
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

from .running import provider

Reducer = Callable[[Any], tuple[Any, ...]]
Root = MutableMapping[Any, Any] | MutableSet[Any] | list[Any] | deque[Any]


class StateHooks:
    """The hooks of a service; these do nothing. `provider` is always the service's own, which runs.

    saved_attributes: attributes of the provider whose content is state.
    shared_attributes: attributes of the provider that state refers to. They stay the same objects.
    has_data: the service keeps data itself; see `save_data` and `load_data`.
    """

    saved_attributes: tuple[str, ...] = ()
    shared_attributes: tuple[str, ...] = ()
    has_data = False

    def roots(self, provider: Any) -> dict[str, Root]:
        """What holds state beside the stores, by names that stay the same."""
        return {name: attrgetter(name)(provider) for name in self.saved_attributes}

    def reducers(self) -> Mapping[type, Reducer]:
        """How objects of these classes, and of classes derived from them, are pickled."""
        return {}

    def why_not_saved(self, provider: Any) -> str | None:
        """What runs at the moment and could not go on in another emulator, in one line; None when there is nothing."""
        return None

    def is_settled(self, provider: Any) -> bool:
        """Whether nothing waits that will change the state without a request."""
        return True

    def save_data(self, provider: Any, folder: Path) -> None:
        """Write the service's own data into the folder, which is empty. Databases are files `*.db` of SQLite."""

    def load_data(self, provider: Any, folder: Path | None) -> None:
        """Put the service's own data back to what the folder holds; None: to nothing at all."""

    def before_reading(self) -> None:
        """Prepare for reading the stores of a state with this service, which may not run yet."""

    def before_replacing(self, provider: Any) -> None:
        """Cut off what runs and what waits: it belongs to the old state."""

    def after_replacing(self, provider: Any) -> None:
        """Make what is derived from the state anew. Nothing begins to work yet."""

    def resume(self, provider: Any) -> None:
        """Begin to work with what was loaded. All services have done `after_replacing`."""


# In capitals: they are no state of the emulator (roots.py).
LOADERS: dict[str, Callable[[], StateHooks]] = {}
BEFORE_SAVING: list[Callable[[], object]] = []


def register(loaders: Mapping[str, Callable[[], StateHooks]]) -> None:
    """Tell which services have hooks. loaders: import a service's hooks, by its name, when it runs or is to be
    loaded."""
    LOADERS.update(loaders)


def before_saving(action: Callable[[], object]) -> None:
    """Have something done whenever a state is about to be saved, whether its service runs or not."""
    BEFORE_SAVING.append(action)


@cache
def hooks_of(service: str) -> StateHooks:
    """The hooks of a service, by its name; those that do nothing where it has none."""
    return LOADERS.get(service, StateHooks)()


def of_running() -> Iterator[tuple[str, Any, StateHooks]]:
    """Name, provider and hooks of each service that has hooks and runs."""
    for service in LOADERS:
        if found := provider(service):
            yield service, found, hooks_of(service)
