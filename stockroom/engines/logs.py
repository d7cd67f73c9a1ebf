"""Reading a log file: its last lines, and following it across restarts."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import IO


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
    file = path.open(encoding="utf-8", errors="replace")
    try:
        # One open file for old and new lines: what is written in between must not be missed.
        ready = deque(file, maxlen=count)
        pending = ""
        replaced = False
        while True:
            for piece in ready:
                pending += piece
                if pending.endswith("\n"):
                    yield pending.rstrip("\n")
                    pending = ""
            if replaced:
                if pending:
                    yield pending
                file.close()
                file = path.open(encoding="utf-8", errors="replace")
                pending, replaced = "", False
            else:
                sleep(0.2)
                # Seen before reading, so that the last lines of a log that goes away are read first.
                replaced = _is_replaced(path, file)
            ready = deque(file.readlines())
    finally:
        file.close()


def _is_replaced(path: Path, file: IO[str]) -> bool:
    try:
        return path.stat().st_ino != os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False
