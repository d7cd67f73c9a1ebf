"""The folder of all snapshots of a checkout: what is in it, writing one whole or not at all, and its bounds.

.stockroom/snapshots/
    <key>.snapshot          saved by infra-up; those used longest ago go when there are too many
    <key>.refused           the same, but proven to be of no use; they go in the same way
    named/<NAME>.snapshot   saved by hand, or of another machine; goes only by hand
    *.draft                 being written, and locked meanwhile
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from stockroom.errors import StockroomError
from stockroom.snapshots.archive import Header, read_header
from stockroom.snapshots.keys import NAME

SUFFIX = ".snapshot"
REFUSED = ".refused"
_DRAFT = ".draft"
_NAME = re.compile(NAME)


@dataclass(frozen=True)
class Entry:
    """A snapshot in the store as its header tells, unverified. `size` in bytes, `used` in seconds since the epoch."""

    path: Path
    header: Header
    size: int
    used: float


@dataclass(frozen=True)
class Bounds:
    """How many snapshots without a name are kept, and how many bytes of them."""

    count: int
    size: int


@dataclass(frozen=True)
class Store:
    folder: Path

    @property
    def named_folder(self) -> Path:
        return self.folder / "named"

    def path(self, header: Header) -> Path:
        """Where a snapshot with this header belongs."""
        return self.named(header.name) if header.name else self.folder / f"{header.parts.key}{SUFFIX}"

    def named(self, name: str) -> Path:
        return self.named_folder / f"{check_name(name)}{SUFFIX}"

    def automatic(self) -> list[Entry]:
        """The snapshots without a name, last used first."""
        return _entries(self.folder, SUFFIX)

    def all(self) -> list[Entry]:
        """Every snapshot, those with a name first, last used first."""
        return [*_entries(self.named_folder, SUFFIX), *self.automatic()]

    def set_aside(self, entry: Entry) -> None:
        """Let nobody begin with a snapshot any more that is proven to be of no use."""
        with contextlib.suppress(FileNotFoundError):  # another command may have been quicker
            entry.path.replace(entry.path.with_suffix(REFUSED))

    def clean(self) -> None:
        """Remove what killed commands left half written."""
        for folder in (self.folder, self.named_folder):
            remove_drafts(folder)

    def drop_beyond(self, bounds: Bounds) -> None:
        """Remove the snapshots without a name that are too many or too much, those used longest ago first."""
        for suffix in (SUFFIX, REFUSED):
            for entry in beyond(_entries(self.folder, suffix), bounds):
                entry.path.unlink(missing_ok=True)


def check_name(name: str) -> str:
    """Raises StockroomError for a name that can be no file's."""
    if not _NAME.fullmatch(name):
        raise StockroomError(
            f"'{name}' can't be a snapshot's name", "use up to 64 letters, digits, points, dashes and underscores"
        )
    return name


def beyond(entries: Iterable[Entry], bounds: Bounds) -> list[Entry]:
    """Those of the entries that pass the bounds when the ones that were used last are kept."""
    kept = total = 0
    dropped = []
    for entry in sorted(entries, key=lambda entry: entry.used, reverse=True):
        if kept < bounds.count and total + entry.size <= bounds.size:
            kept, total = kept + 1, total + entry.size
        else:
            dropped.append(entry)
    return dropped


def _entries(folder: Path, suffix: str) -> list[Entry]:
    found = []
    for path in folder.glob(f"*{suffix}"):
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            if header := read_header(path):
                found.append(Entry(path, header, status.st_size, status.st_mtime))
    return sorted(found, key=lambda entry: entry.used, reverse=True)


def put(target: Path, write: Callable[[IO[bytes]], None], replace: bool = True) -> None:
    """Make the file, or leave what was there: killed at any moment, it leaves no more than a draft.

    Raises FileExistsError when the file is there and is not to be replaced.
    """
    with _draft(target.parent) as (path, file):
        write(file)
        file.flush()
        os.fsync(file.fileno())
        if replace:
            path.replace(target)
        else:
            target.hardlink_to(path)
    _sync(target.parent)


def remove_drafts(folder: Path) -> None:
    """Remove the drafts that nobody is writing any more."""
    for path in folder.glob(f"*{_DRAFT}"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


@contextlib.contextmanager
def _draft(folder: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """A new file that is locked as long as it is open, so that nobody takes it for a dead command's."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.ExitStack() as stack:
        while True:
            file = stack.enter_context(tempfile.NamedTemporaryFile(suffix=_DRAFT, dir=folder, delete=False))
            path = Path(file.name)
            fcntl.flock(file, fcntl.LOCK_EX)
            # Somebody who cleans up may have been quicker.
            if os.fstat(file.fileno()).st_nlink:
                break
        try:
            yield path, file
        finally:
            path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """A rename is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
