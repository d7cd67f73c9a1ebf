"""One at a time: a file lock that says who holds it and ends with its holder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def exclusive(path: Path, purpose: str, report: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file while the block runs; wait for another holder and say once who that is.

    The system releases the lock when its holder ends, however that happens, so none is ever left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"waiting for {_holder(file)}")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        json.dump({"pid": os.getpid(), "purpose": purpose, "since": datetime.now().strftime("%H:%M:%S")}, file)
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.truncate()
            # Closing would not do: a process that is just being started may hold a copy of the open file.
            fcntl.flock(file, fcntl.LOCK_UN)


def _holder(file: IO[str]) -> str:
    with contextlib.suppress(ValueError, KeyError):
        file.seek(0)
        holder = json.loads(file.read())
        return f"`{holder['purpose']}` (process {holder['pid']}, since {holder['since']})"
    return f"the holder of {file.name}"
