"""Reading a log file: its last lines, and following it across restarts."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from time import sleep


def last_lines(path: Path, count: int) -> list[str]:
    """The last `count` lines without their ends; nothing if there is no such file."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=count)]
    except FileNotFoundError:
        return []


def follow(path: Path, count: int) -> Iterator[str]:
    """The last `count` lines, then each new one, for ever; goes on in the new file when the log is replaced."""
    while not path.exists():
        sleep(0.2)
    yield from last_lines(path, count)
    file = path.open(encoding="utf-8", errors="replace")
    file.seek(0, 2)
    pending = ""
    try:
        while True:
            if piece := file.readline():
                pending += piece
                if pending.endswith("\n"):
                    yield pending.rstrip("\n")
                    pending = ""
                continue
            sleep(0.2)
            replaced = path.exists() and path.stat().st_ino != os.fstat(file.fileno()).st_ino
            if replaced:
                file.close()
                file = path.open(encoding="utf-8", errors="replace")
    finally:
        file.close()
