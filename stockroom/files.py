"""Files that nobody ever sees half written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from stockroom.errors import StockroomError


def write_whole(path: Path, content: bytes) -> None:
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
        draft.chmod(0o644)
        draft.replace(path)
    except OSError as error:
        raise StockroomError(f"{path} can not be written: {error.strerror or error}") from error
    finally:
        if draft:
            draft.unlink(missing_ok=True)
