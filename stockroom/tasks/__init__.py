"""Every task of the toolkit. All that a project's tasks.py needs is

    from stockroom.tasks import namespace

A task is a few lines that call the toolkit. Nothing is imported before it is needed, so that starting is quick: a task
imports inside of `with command()`, where also what goes wrong with that is told in one line.
"""

from __future__ import annotations

from types import ModuleType

from invoke import Collection, Task

from stockroom.tasks import data, folders, local, promotion, quality
from stockroom.tasks.scaffolding import new
from stockroom.tasks.snapshots import snapshot

__all__ = ["namespace"]


def _tasks(module: ModuleType) -> list[Task]:  # type: ignore[type-arg]
    return [value for value in vars(module).values() if isinstance(value, Task)]


namespace = Collection(
    *(task for module in (local, folders, data, promotion, quality) for task in _tasks(module)), snapshot, new
)
"""The collection that `invoke` shows; a project may add tasks of its own to it."""
