"""What keeps its data itself, outside the stores: each saves into a folder of its own and loads from there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing
from pathlib import Path
from typing import Any

from localstack.services.plugins import SERVICE_PLUGINS

from .roots import provider

METRICS = "metrics.db"


def save(folder: Path) -> None:
    """Of the services that run."""
    if dynamodb := provider("dynamodb"):
        dynamodb.server.save(_made(folder / "dynamodb"))
    if cloudwatch := provider("cloudwatch"):
        database = Path(cloudwatch.cloudwatch_database.METRICS_DB)
        _copy_metrics(cloudwatch, database, _made(folder / "cloudwatch") / METRICS)


def loads(folder: Path, services: Collection[str]) -> list[Callable[[], None]]:
    """What is to be done to load, side by side. services: those that are to run."""

    def dynamodb(started: Any) -> None:
        saved = folder / "dynamodb"
        started.server.load(saved if saved.exists() else None)

    def cloudwatch(started: Any) -> None:
        saved = folder / "cloudwatch" / METRICS
        if saved.exists():
            _copy_metrics(started, saved, Path(started.cloudwatch_database.METRICS_DB))
        else:
            started.cloudwatch_database.clear_tables()

    def of(service: str, load: Callable[[Any], None]) -> Callable[[], None]:
        return lambda: load(SERVICE_PLUGINS.require(service)._provider)

    known = {"dynamodb": dynamodb, "cloudwatch": cloudwatch}
    return [of(service, load) for service, load in known.items() if service in services]


def check(folder: Path) -> None:
    """Whether the databases are sound, which nobody notices who only copies them. Raises sqlite3.DatabaseError."""
    for file in [*(folder / "dynamodb").glob("*.db"), *(folder / "cloudwatch").glob(METRICS)]:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            try:
                [(answer,), *_] = database.execute("PRAGMA quick_check")
            except sqlite3.DatabaseError as error:
                answer = str(error)
            if answer != "ok":
                raise sqlite3.DatabaseError(f"{file.parent.name}/{file.name}: {answer}")


def _copy_metrics(cloudwatch: Any, source: Path, target: Path) -> None:
    with (
        cloudwatch.cloudwatch_database.DATABASE_LOCK,
        closing(sqlite3.connect(source)) as whole,
        closing(sqlite3.connect(target)) as copy,
    ):
        whole.backup(copy)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
