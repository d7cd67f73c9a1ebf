"""What is installed once, from locks, into a folder named by their digest.

So other locks never touch the files of what runs; what nothing uses any more is removed. An interrupted installation is
done again.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import time

from stockroom.errors import StockroomError
from stockroom.system.file_lock import exclusive
from stockroom.system.processes import processes_in, stop
from stockroom.toolkit import IMPORTED_FROM

_DAY = 24 * 3600


@dataclass(frozen=True)
class Installation:
    """`what` in words, installed into `home`/<digest of the locks>/, where `needed_mb` megabytes are to be free."""

    what: str
    home: Path
    locks: tuple[Path, ...]
    needed_mb: int

    def digest(self) -> str:
        """SHA-256 over the locks."""
        digest = hashlib.sha256(str(IMPORTED_FROM).encode())
        for lock in self.locks:
            digest.update(lock.read_bytes())
        return digest.hexdigest()

    @property
    def folder(self) -> Path:
        """The folder that these locks make, whether it is installed or not."""
        return self.home / self.digest()[:12]

    def is_installed(self) -> bool:
        return (self.folder / "installed").exists()

    def install(self, report: Callable[[str], None], parts: Callable[[], Iterable[Callable[[], None]]]) -> None:
        """Install what is missing, with `parts` that are done side by side; returns at once when nothing is.

        Raises StockroomError that names the step and the end of its output.
        """
        if self.is_installed():
            return
        self.home.mkdir(parents=True, exist_ok=True)
        with exclusive(self.home / "lock", f"install {self.what}", report):
            if self.is_installed():
                return
            check_free_space(self.home, self.needed_mb)
            report(f"installing {self.what} (once)")
            for old in (path for path in self.home.iterdir() if path.is_dir() and _is_outdated(path)):
                shutil.rmtree(old, ignore_errors=True)
            # Of an installation that was killed, installers may still be at work.
            stop(list(processes_in(self.folder)), patience=2)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir()
            with ThreadPoolExecutor() as pool:
                for part in [pool.submit(part) for part in parts()]:
                    part.result()
            (self.folder / "installed").touch()


def _is_outdated(folder: Path) -> bool:
    """Half installed, or installed more than a day ago (someone may be about to start it) and used by nothing."""
    marker = folder / "installed"
    recent = marker.exists() and time() - marker.stat().st_mtime < _DAY
    return not recent and not any(processes_in(folder))


def check_free_space(folder: Path, needed_mb: int) -> None:
    """Raises StockroomError when the file system that has the folder, or is to, has fewer than `needed_mb` MB left."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free_mb = shutil.disk_usage(existing).free // 2**20
    if free_mb < needed_mb:
        raise StockroomError(
            f"no disk space: {folder} has {free_mb} MB left and {needed_mb} MB are needed",
            "free some space, or set STOCKROOM_RUN_DIR to a folder on another disk",
        )
