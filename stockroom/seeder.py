"""Seeders: what loads and counts a stack's data, and how the one that stack.toml names is found.

`seeder = "seed.seeder:SalesSeeder"` names a module of the project, and a class in it that is made without arguments.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from stockroom.errors import StockroomError
from stockroom.project import ROOT

if TYPE_CHECKING:
    import boto3
    from rich.console import RenderableType


@dataclass(frozen=True)
class Dataset:
    """What to load, and how to read it. `path` is a file or a folder; None is the seeder's own sample.

    `date_order` is "mdy", "dmy" or None for as found; `duplicates` is "keep" or "drop", of rows that are repeated.
    """

    path: Path | None = None
    date_order: str | None = None
    duplicates: str = "keep"


@dataclass(frozen=True)
class Target:
    """Where to load it: the outputs of the deployed stack by name, a session for its account, the endpoint of its AWS
    APIs, and a folder that the seeder may write into."""

    outputs: Mapping[str, Any]
    session: boto3.Session
    endpoint: str
    folder: Path


@dataclass(frozen=True)
class Loaded:
    """What was loaded: the fingerprint that it has in fact, the outcome in a line, and a summary for the end."""

    fingerprint: str
    line: str
    summary: RenderableType


class Seeder(Protocol):
    """What loads and counts the data of a stack."""

    def check(self, dataset: Dataset) -> None:
        """Raises StockroomError where `load` would refuse the dataset at once; needs no platform."""

    def fingerprint(self, dataset: Dataset) -> str:
        """One line that is the same for what would load the same. Raises OSError where the dataset can't be read."""

    def load(self, dataset: Dataset, target: Target, say: Callable[[str], None]) -> Loaded:
        """Load the dataset; what is in already is left alone, what was interrupted is completed.

        `say` gets words on how far it is. Raises StockroomError for what can't be loaded.
        """

    def count(self, outputs: Mapping[str, Any], session: boto3.Session) -> Mapping[str, int]:
        """How many records there are, by short name, of what nothing but loading changes."""


def make_seeder(named: str, where: str, root: Path = ROOT) -> Seeder:
    """The seeder that `where`, a stack.toml, names as `module:Class`. Raises StockroomError when there is none."""
    module, _, name = named.partition(":")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        found: Seeder = getattr(importlib.import_module(module), name)()
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name):
            raise
        raise StockroomError(
            f"{where}: seeder: there is no module {module}", "write it as module:Class, below the project's root"
        ) from None
    except AttributeError:
        raise StockroomError(f"{where}: seeder: {module} has no class {name}", "write it as module:Class") from None
    return found


def seeder_sources(named: str, root: Path = ROOT) -> Iterator[Path]:
    """The source files beside a seeder's module: what it loads may depend on each of them."""
    folder = root.joinpath(*named.partition(":")[0].split(".")[:-1])
    return folder.glob("*.py")
