"""What the locks of the repository pin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stockroom.project import ROOT

Ecosystem = Literal["PyPI", "npm"]

# Where nobody's locks but others' lie: what is installed, and what a clone of a tool brought.
_NOT_OURS = {"node_modules", "site-packages"}
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Package:
    """A version of a package, by the name that its advisories have."""

    ecosystem: Ecosystem
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def read_locks(root: Path = ROOT) -> dict[Package, list[str]]:
    """Every pinned package, and the locks that pin it, as paths below `root`."""
    found: dict[Package, list[str]] = {}
    for path in sorted(_locks(root)):
        text = path.read_text()
        packages = python_packages(text) if path.suffix == ".txt" else npm_packages(text)
        for package in packages:
            found.setdefault(package, []).append(str(path.relative_to(root)))
    return found


def _locks(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            if not path.name.startswith(".") and path.name not in _NOT_OURS:
                yield from _locks(path)
        elif path.name in {"requirements.txt", "package-lock.json"}:
            yield path


def python_packages(lock: str) -> set[Package]:
    """Of a requirements file; with markers it may pin several versions of one package."""
    return {Package("PyPI", _normal(name), version) for name, version in _PINNED.findall(lock)}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def npm_packages(lock: str) -> set[Package]:
    """Of a package-lock.json."""
    return {
        Package("npm", package.get("name") or place.rpartition("node_modules/")[2], package["version"])
        for place, package in json.loads(lock)["packages"].items()
        if place and "version" in package
    }
