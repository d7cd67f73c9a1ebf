"""Data that services keep themselves, outside the stores: each saves into a folder of its name and loads from there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing
from functools import partial
from pathlib import Path

from . import hooks
from .running import started


def save(folder: Path) -> None:
    """Save the data of the services that run into the folder."""
    for service, provider, its in hooks.of_running():
        if its.has_data:
            (folder / service).mkdir(parents=True)
            its.save_data(provider, folder / service)


def loads(folder: Path, services: Collection[str]) -> list[Callable[[], None]]:
    """What loads the data, to be called side by side. services: those that are to run; they are started for it."""
    return [
        partial(_load, service, folder / service)
        for service in hooks.LOADERS
        if service in services and hooks.hooks_of(service).has_data
    ]


def _load(service: str, folder: Path) -> None:
    hooks.hooks_of(service).load_data(started(service), folder if folder.exists() else None)


def check(folder: Path) -> None:
    """Check that the databases are sound, which nobody notices who only copies them. Raises sqlite3.DatabaseError."""
    for file in folder.glob("*/*.db"):
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            try:
                [(answer,), *_] = database.execute("PRAGMA quick_check")
            except sqlite3.DatabaseError as error:
                answer = str(error)
            if answer != "ok":
                raise sqlite3.DatabaseError(f"{file.parent.name}/{file.name}: {answer}")
