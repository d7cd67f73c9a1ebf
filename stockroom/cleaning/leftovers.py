"""What may be removed: installations, caches, folders of runs and snapshots that nothing uses."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from stockroom.system.installation import MARKER, Installation
from stockroom.system.processes import processes_in

_DAY = 24 * 3600

UNUSED_DAYS = 7
"""For how long another checkout's installation must not have been used: it may be needed there again."""


@dataclass(frozen=True)
class Leftover:
    """A file or folder that may go, `what` it is in words, and the bytes that it takes."""

    path: Path
    what: str
    size: int


def old_installations(installation: Installation, now: float) -> Iterator[Leftover]:
    """Those beside an installation, of other locks, that nothing has used for a week; and half ones.

    `now` is in seconds since the epoch.
    """
    for folder in _folders(installation.home):
        if folder == installation.folder or is_used(folder):
            continue
        try:
            days = (now - (folder / MARKER).stat().st_mtime) / _DAY
        except FileNotFoundError:
            yield Leftover(folder, f"{installation.what}, half installed", size_of(folder))
            continue
        if days >= UNUSED_DAYS:
            yield Leftover(
                folder, f"{installation.what} of other locks, last used {days:.0f} days ago", size_of(folder)
            )


def folders_of(home: Path, names: Iterable[str], what: str) -> Iterator[Leftover]:
    """Those of the named folders that are there, and that no process uses."""
    for folder in (home / name for name in names):
        if folder.is_dir() and not folder.is_symlink() and not is_used(folder):
            yield Leftover(folder, what, size_of(folder))


def runs(folders: Iterable[Path], what: str) -> Iterator[Leftover]:
    """Folders of runs that have ended, as far as no process uses them."""
    for folder in folders:
        if not is_used(folder):
            yield Leftover(folder, what, size_of(folder))


def is_used(path: Path) -> bool:
    """Whether a process works in the folder, or names it on its command line."""
    return any(processes_in(path))


def size_of(path: Path) -> int:
    """Bytes that a file, or everything in a folder, takes on the disk; a file with several names counts once."""
    seen: dict[tuple[int, int], int] = {}
    for one in chain([path], path.rglob("*")):
        with suppress(OSError):
            status = one.lstat()
            seen[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(seen.values())


def remove(leftover: Leftover) -> bool:
    """Remove it, unless a process has begun to use it meanwhile; whether it is gone."""
    path = leftover.path
    if is_used(path):
        return False
    if path.is_dir():
        # First what says that it is whole: killed meanwhile, it would be taken for that.
        (path / MARKER).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    return not path.exists()


def _folders(home: Path) -> list[Path]:
    return sorted(path for path in home.iterdir() if path.is_dir() and not path.is_symlink()) if home.is_dir() else []
