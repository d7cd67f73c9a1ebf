"""What is installed once, from locks, into a folder named by their digest.

So other locks never touch the files of what runs, and checkouts with the same locks share one installation. An
interrupted one is done again. What nothing uses any more, `invoke clean` removes.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stockroom.errors import StockroomError
from stockroom.system.file_lock import exclusive
from stockroom.system.processes import processes_in, stop
from stockroom.system.user_cache import make_private

MARKER = "installed"
"""The file in a folder that is installed whole; its time is that of the last use."""


@dataclass(frozen=True)
class Installation:
    """`what` in words, installed into `home`/<digest of the locks>/, where `needed_mb` megabytes are to be free."""

    what: str
    home: Path
    locks: tuple[Path, ...]
    needed_mb: int

    def digest(self) -> str:
        """SHA-256 over the locks."""
        digest = hashlib.sha256()
        for lock in self.locks:
            digest.update(lock.read_bytes())
        return digest.hexdigest()

    @property
    def folder(self) -> Path:
        """The folder that these locks make, whether it is installed or not."""
        return self.home / self.digest()[:12]

    def is_installed(self) -> bool:
        return (self.folder / MARKER).exists()

    def install(self, report: Callable[[str], None], parts: Callable[[], Iterable[Callable[[], None]]]) -> None:
        """Install what is missing, with `parts` that are done side by side; returns at once when nothing is.

        Raises StockroomError that names the step and the end of its output.
        """
        if self.is_installed():
            with suppress(OSError):
                (self.folder / MARKER).touch()  # which tells when it was used last
            return
        make_private(self.home)
        with exclusive(self.home / "lock", f"install {self.what}", report):
            if self.is_installed():
                return
            check_free_space(self.home, self.needed_mb)
            report(f"installing {self.what} (once)")
            for half in (path for path in self.home.iterdir() if path.is_dir() and not (path / MARKER).exists()):
                if half != self.folder and not any(processes_in(half)):
                    shutil.rmtree(half, ignore_errors=True)
            # Of an installation that was killed, installers may still be at work.
            stop(list(processes_in(self.folder)), patience=2)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir()
            with ThreadPoolExecutor() as pool:
                for part in [pool.submit(part) for part in parts()]:
                    part.result()
            (self.folder / MARKER).touch()


def check_free_space(folder: Path, needed_mb: int) -> None:
    """Raises StockroomError when the file system that has the folder, or is to, has fewer than `needed_mb` MB left."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free_mb = shutil.disk_usage(existing).free // 2**20
    if free_mb < needed_mb:
        raise StockroomError(
            f"no disk space: {folder} has {free_mb} MB left and {needed_mb} MB are needed",
            "free some space, or set STOCKROOM_RUN_DIR to a folder on another disk",
        )
