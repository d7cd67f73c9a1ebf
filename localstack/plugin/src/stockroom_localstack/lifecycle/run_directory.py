"""Ties the emulator to its run directory: temporary files stay in it, and the emulator ends when it disappears."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

CHECK_EVERY_SECONDS = 1.0


def keep_temporary_files_in(run_dir: Path) -> None:
    """Put all temporary files below the run directory: LocalStack unpacks functions' code there, which is not to lie
    in the machine's /tmp."""
    folder = run_dir / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder)


def identity(folder: Path) -> tuple[int, int] | None:
    """Device and inode of the folder, None when it is gone. A new folder under the same name has another identity."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def end_emulator_when_gone(run_dir: Path) -> None:
    """Watch the run directory in a thread, and end the emulator when it disappears: a deleted checkout must not
    leave a server that holds the port."""
    run_dir.mkdir(parents=True, exist_ok=True)
    threading.Thread(target=_watch, args=(run_dir, identity(run_dir)), name="run-directory-watch", daemon=True).start()


def _watch(run_dir: Path, first: tuple[int, int] | None) -> None:
    from . import shutdown

    while identity(run_dir) == first:
        time.sleep(CHECK_EVERY_SECONDS)
    print(f"The run directory {run_dir} is gone: the emulator ends.", file=sys.stderr)
    # No orderly shutdown: it would write into the directory that somebody has just deleted.
    shutdown.end_at_once(0)
