"""A copy of a foreign folder to work in, beside all else that it reaches by relative paths; itself it stays as it is.

The folder, and what its configuration names outside of it, are copies. Whatever else lies beside them, up to the lowest
folder that holds them all, is there by symbolic links. What Terraform or a command of the configuration has written
into the copy stays there, as it would in the folder.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from stockroom.errors import StockroomError
from stockroom.foreign.configuration import Module
from stockroom.foreign.endpoints import lead
from stockroom.foreign.reach import common_ancestor, named_outside
from stockroom.system.files import write_whole

_TEXTS = (".tf", ".tf.json", ".tfvars", ".tfvars.json")

# The state of an earlier Terraform is not ours, nor are its plugins; the rest is large, and only read.
_LEFT_OUT = (".terraform", ".terragrunt-cache", ".terraform.tfstate.lock.info")
_STATES = (".tfstate", ".tfstate.backup")
_LINKED = (".git", ".venv", "node_modules")

Facts = tuple[int, int]
"""Size and time of change of a file."""


@dataclass
class WorkingCopy:
    """`home` is a folder of ours; `led` tells in which files which addresses of emulators were led to the platform."""

    path: Path
    home: Path
    endpoint: str
    without: Collection[Path] = ()
    led: dict[str, list[str]] = field(default_factory=dict)
    _copied: dict[str, Facts] = field(default_factory=dict)
    _top: Path = Path("/")

    @property
    def _tree(self) -> Path:
        return self.home / "tree"

    @property
    def folder(self) -> Path:
        """Where Terraform runs."""
        return self.place_of(self.path)

    def place_of(self, path: Path) -> Path:
        """Where in the copy a path of the user's is."""
        return self._tree / path.relative_to(self._top)

    def origin_of(self, place: Path) -> Path:
        """The user's path of a place in the copy."""
        return self._top / place.relative_to(self._tree)

    def update(self, modules: list[Module]) -> None:
        """Bring the copy up to what the user's files are now. Raises StockroomError where one can't be read."""
        outside = named_outside(modules, self.path)
        self._top = common_ancestor(self.path, outside)
        record = _read_record(self.home)
        if record.top != str(self._top):
            shutil.rmtree(self._tree, ignore_errors=True)
            record = _Record(str(self._top), {})
        self._copied, before = {}, record.copied
        try:
            self._lay_out({self.path, *outside}, before)
        except OSError as error:
            raise StockroomError(
                f"{error.filename or self.path} can't be copied: {error.strerror or error}",
                "the folder runs in a copy: see that all of it can be read, and that the disk has room",
            ) from None
        for gone in before.keys() - self._copied.keys():
            self._remove(self._tree / gone)
        _write_record(self.home, _Record(str(self._top), self._copied))

    def open(self) -> None:
        """Use the copy as the last command left it. Raises StockroomError where there is none."""
        record = _read_record(self.home)
        self._top, self._copied = Path(record.top), record.copied
        if not self.folder.is_dir():
            raise StockroomError(f"nothing was brought up from {self.path}", "`invoke up` does so")

    def _lay_out(self, wanted: Collection[Path], before: dict[str, Facts]) -> None:
        """Folders on the way to what is wanted, with links to what else is in them, and the copies themselves."""
        on_the_way = {parent for path in wanted for parent in path.parents if parent.is_relative_to(self._top)}
        for folder in sorted(on_the_way):
            place = self.place_of(folder)
            _make_folder(place)
            for entry in _entries(folder):
                path = folder / entry.name
                if path not in on_the_way and path not in wanted and not self._is_left_out(path):
                    _link(self.place_of(path), path)
        for path in sorted(wanted):
            self._copy(path, before)

    def _is_left_out(self, path: Path) -> bool:
        name = path.name
        return name in _LEFT_OUT or name.endswith(_STATES) or path in self.without or path == self.home

    def _copy(self, path: Path, before: dict[str, Facts]) -> None:
        if path.is_symlink():
            self._copy_link(path, before)
        elif path.is_dir():
            _make_folder(self.place_of(path))
            for entry in _entries(path):
                below = path / entry.name
                if entry.name in _LINKED and below.is_dir():
                    _link(self.place_of(below), below.resolve())
                elif not self._is_left_out(below):
                    self._copy(below, before)
        elif path.is_file():
            self._copy_file(path, before)

    def _copy_link(self, path: Path, before: dict[str, Facts]) -> None:
        """What a link to a file points at; a link to a folder stays one, to its copy where that is part of this."""
        target = path.resolve()
        if target.is_file():
            self._copy_file(path, before)
        elif target.is_dir():
            _link(self.place_of(path), self.place_of(target) if target.is_relative_to(self._top) else target)

    def _copy_file(self, path: Path, before: dict[str, Facts]) -> None:
        place, status = self.place_of(path), path.stat()
        name, facts = str(place.relative_to(self._tree)), (status.st_size, status.st_mtime_ns)
        self._copied[name] = facts
        if path.name.endswith(_TEXTS):
            self._copy_text(path, place)
        elif before.get(name) != facts or not place.exists():
            self._remove(place)
            shutil.copy2(path, place)

    def _copy_text(self, path: Path, place: Path) -> None:
        content = path.read_bytes()
        with suppress(UnicodeDecodeError):
            text, found = lead(content.decode(), self.endpoint)
            if found:
                self.led[os.path.relpath(path, self.path)] = found
                content = text.encode()
        if place.is_symlink() or not place.exists() or place.read_bytes() != content:
            self._remove(place)
            place.write_bytes(content)

    def _remove(self, place: Path) -> None:
        """Only the file itself: on the way to it there must be no link, which would lead to the user's."""
        if place.parent.resolve().is_relative_to(self._tree.resolve()):
            place.unlink(missing_ok=True)

    def write(self, module: Path, name: str, content: dict[str, object]) -> None:
        """Put a JSON file into the copy of a module's folder; without content, remove it."""
        if not module.resolve().is_relative_to(self._tree.resolve()):
            raise StockroomError(
                f"{self.origin_of(module)} is reached by a symbolic link, and needs to be led to the platform",
                "name the folder itself as the module's source",
            )
        if content:
            write_whole(module / name, json.dumps(content, indent=2, sort_keys=True).encode())
        else:
            (module / name).unlink(missing_ok=True)


@dataclass(frozen=True)
class _Record:
    """Where a copy begins, and the facts of the user's files when they were copied, by their path in it."""

    top: str
    copied: dict[str, Facts]


def _read_record(home: Path) -> _Record:
    with suppress(OSError, ValueError, KeyError, TypeError):
        stored = json.loads((home / "copied.json").read_text())
        return _Record(stored["top"], {name: (size, time) for name, (size, time) in stored["copied"].items()})
    return _Record("/", {})


def _write_record(home: Path, record: _Record) -> None:
    write_whole(home / "copied.json", json.dumps({"top": record.top, "copied": record.copied}).encode())


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir():  # it is named as where something will be written
        return []
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _make_folder(place: Path) -> None:
    if place.is_symlink() or place.is_file():
        place.unlink()
    place.mkdir(parents=True, exist_ok=True)


def _link(place: Path, target: Path) -> None:
    if place.is_symlink():
        if place.readlink() == target:
            return
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    place.symlink_to(target)
