"""Writing a skeleton's files: nothing is overwritten, and what a killed command began the next one ends."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from stockroom.errors import StockroomError
from stockroom.scaffolding.skeletons import Files


def write_folder(folder: Path, files: Files) -> None:
    """Make the folder with exactly these files, in one step. Raises StockroomError where there is something already."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise StockroomError(f"{folder} exists already", "nothing was written; name a folder that is new or empty")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise StockroomError(f"{folder} can't be made: {error.strerror}: {error.filename}") from None
    try:
        for name, content in files.items():
            _write(draft / name, content)
        draft.chmod(0o777 & ~_umask())
        draft.replace(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def write_files(root: Path, files: Files, what: str) -> list[str]:
    """Write the files below the root; returns the names of those that are new.

    Those that are there must be the same: of a command that was killed. Raises StockroomError that names `what` exists
    already where all of them are there, or one is another.
    """
    there = {name for name in files if (root / name).exists() or (root / name).is_symlink()}
    other = next((name for name in sorted(there) if not _is(root / name, files[name])), None)
    if other or len(there) == len(files):
        raise StockroomError(
            f"{what} exists already{f': {other}' if other else ''}", "nothing was written; choose another name"
        )
    written: list[str] = []
    try:
        for name in sorted(files.keys() - there):
            _write(root / name, files[name])
            written.append(name)
    except BaseException:
        for name in written:
            (root / name).unlink(missing_ok=True)
            _remove_empty(root, (root / name).parent)
        raise
    return written


def _write(path: Path, content: bytes) -> None:
    """In one step, so that nobody ever finds half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o666 & ~_umask())
        # A link, unlike a rename, never takes the place of a file that somebody made meanwhile.
        path.hardlink_to(draft)
    finally:
        Path(draft).unlink()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _is(path: Path, content: bytes) -> bool:
    try:
        return not path.is_symlink() and path.read_bytes() == content
    except OSError:
        return False


def _remove_empty(root: Path, folder: Path) -> None:
    while folder != root:
        with suppress(OSError):
            folder.rmdir()
        folder = folder.parent
