"""The key that signs snapshots.

Loading a snapshot unpickles it, which runs whatever its maker wrote into it. So a snapshot is taken only from this
machine and user, or from those who share STOCKROOM_SNAPSHOT_KEY. The machine's key lies in the user's data folder, so
that a checkout or an archive of somebody else's can't bring both a snapshot and the key that it is signed with.
"""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stockroom.errors import StockroomError

_MACHINE_KEY_LENGTH = 64
_LONGEST_KEY = 4096


def data_folder(environment: Mapping[str, str]) -> Path:
    """The folder of this user for what programs keep (XDG base directories)."""
    named = environment.get("XDG_DATA_HOME", "")
    top = Path(named) if named.startswith("/") else Path.home() / ".local" / "share"
    return top / "stockroom"


def signing_keys(shared: str | None, folder: Path) -> list[bytes]:
    """Keys that a snapshot may be signed with; the first one signs. The machine's is made when it is missing.

    Raises StockroomError for a file that others can read or write.
    """
    machine = machine_key(folder / "snapshot.key")
    if not shared:
        return [machine]
    return [shared.encode(), machine]


def machine_key(path: Path) -> bytes:
    """The key in the file, made when there is none.

    Raises StockroomError for a file that others can read or write, or that somebody else made or may replace.
    """
    try:
        key = _read(path)
    except FileNotFoundError:
        _make(path)
        key = _read(path)
    if len(key) < _MACHINE_KEY_LENGTH:
        raise StockroomError(f"{path} is damaged", "delete it; snapshots that it signed are then made again")
    return key


def _read(path: Path) -> bytes:
    try:
        # No link is followed, and nothing is waited for: a pipe would let the command hang.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise _worthless(path, "can't be read as a file of its own") from None
    try:
        status, folder = os.fstat(descriptor), path.parent.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _worthless(path, "is no file")
        if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise _worthless(path, "can be read or written by others")
        if folder.st_uid != os.getuid() or stat.S_IMODE(folder.st_mode) & 0o022:
            raise _worthless(path, "lies in a folder that others can write to")
        return os.read(descriptor, _LONGEST_KEY)
    finally:
        os.close(descriptor)


def _worthless(path: Path, why: str) -> StockroomError:
    return StockroomError(
        f"{path} {why}, so its signatures prove nothing", "delete it; snapshots that it signed are then made again"
    )


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, draft = tempfile.mkstemp(dir=path.parent)  # readable by its owner alone
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(_MACHINE_KEY_LENGTH // 2).encode())
            file.flush()
            os.fsync(file.fileno())
        # Of two commands that make one at the same time, the first one's stays.
        Path(path).hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
