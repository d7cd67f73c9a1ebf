"""Files that nobody ever sees half written, such as only save time, and folders that are nobody else's business."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from stockroom.errors import StockroomError

PRIVATE_UMASK = 0o077
"""What other users of the machine may not do with what the toolkit and its processes write."""


def close_to_others(folder: Path) -> None:
    """Take from other users of the machine what they may do with a folder of ours, if it is there.

    A folder that is everybody's, such as /tmp, stays as it is, and so does one that is somebody else's.
    """
    with suppress(OSError):
        status = folder.stat()
        if status.st_mode & PRIVATE_UMASK and not status.st_mode & stat.S_ISVTX and status.st_uid == os.getuid():
            folder.chmod(stat.S_IMODE(status.st_mode) & ~PRIVATE_UMASK)


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """The file has the whole content or, when anything goes wrong, what it had before.

    Raises StockroomError when it can not be written.
    """
    draft = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            draft = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        draft.replace(path)
    except OSError as error:
        raise StockroomError(f"{path} can not be written: {error.strerror or error}") from error
    finally:
        if draft:
            draft.unlink(missing_ok=True)


def cached_text(path: Path, digest: str) -> str | None:
    """What is kept there; None where it is of something else than `digest` stands for, or there is nothing."""
    with suppress(OSError, UnicodeDecodeError):
        first, _, text = path.read_text(encoding="utf-8").partition("\n")
        return text if first == f"# {digest}" else None
    return None


def cache_text(path: Path, digest: str, text: str) -> None:
    """Keep a text that takes time to make again; not being able to is no error."""
    with suppress(OSError, StockroomError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, f"# {digest}\n{text}".encode())
