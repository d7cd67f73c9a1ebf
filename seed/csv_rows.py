"""Rows of a CSV file that nobody has checked: which line, and no row lost to a stray quote, byte or endless line."""

import codecs
import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from seed.reasons import LONG_LINE, MAX_LINE, UNCLOSED_QUOTE

MAX_LINES_OF_A_ROW = 50
"""A quoted field may span lines, but one that spans more than this was never closed."""

_KEPT_OF_A_LONG_LINE = 1_000  # characters
_MOST = MAX_LINE + 1  # characters read of a line


@dataclass(frozen=True)
class Row:
    """One row: the number of its first line (from 1), its cells, and its text as it stands in the file.

    `fault` is the reason for which it has no cells, or "".
    """

    line: int
    cells: list[str]
    text: str
    fault: str = ""


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are no UTF-8, each as the character that Windows programs mean by it, or else as Latin-1."""
    assert isinstance(error, UnicodeDecodeError)
    odd = error.object[error.start : error.end]
    try:
        return odd.decode("cp1252"), error.end
    except UnicodeDecodeError:
        return odd.decode("latin-1"), error.end


codecs.register_error("stockroom-windows-1252", _as_windows_1252)


def read_rows(path: Path) -> Iterator[Row]:
    """The file's rows, its header among them; blank lines are no rows. Memory does not grow with the file or a line.

    The text is UTF-8, with or without a byte order mark. A byte that is none costs no other character.
    """
    with path.open(encoding="utf-8-sig", errors="stockroom-windows-1252", newline="") as file:
        yield from split_rows(_bounded_lines(file))


def _bounded_lines(file: TextIO) -> Iterator[str]:
    """The lines with their ends; of one that is too long the beginning, which is longer than MAX_LINE."""
    line = file.readline(_MOST)
    while line:
        following = None
        if len(line) == _MOST:
            end = line
            while end and not end.endswith(("\n", "\r")):
                end = file.readline(_MOST)
            following = file.readline(_MOST)
            if end.endswith("\r") and following == "\n":
                following = file.readline(_MOST)
        yield line
        line = file.readline(_MOST) if following is None else following


def split_rows(lines: Iterable[str]) -> Iterator[Row]:
    """Rows of CSV text given line by line.

    A quote that is never closed would make the rest of the file one field. Where a row runs over several
    lines and does not end well, only its first line is given as a row, with a fault, and the lines after it
    are read afresh. So is a line that is longer than MAX_LINE a row of its own.
    """
    source = iter(lines)
    again: deque[str] = deque()
    taken: list[str] = []
    ended = False  # the reader asked for more than there is: it stands within a quoted field

    def feed() -> Iterator[str]:
        nonlocal ended
        while len(taken) < MAX_LINES_OF_A_ROW:
            line = again.popleft() if again else next(source, None)
            if line is None:
                break
            taken.append(line)
            if len(line) > MAX_LINE:
                if len(taken) > 1:
                    break
                line = "\n"  # no cells
            yield line
        ended = True

    number = 1
    width: int | None = None
    reader = csv.reader(feed())
    while True:
        taken.clear()
        try:
            cells = next(reader, None)
        except csv.Error:  # a field beyond the csv module's limit
            cells, ended = [], True
        if cells is None:
            return
        if ended or (len(taken) > 1 and not _well_formed(taken, width)):
            again.extendleft(reversed(taken[1:]))
            del taken[1:]
            reader, ended = csv.reader(feed()), False
            yield Row(number, [], taken[0].rstrip("\r\n"), UNCLOSED_QUOTE)
        elif cells:
            width = width or len(cells)
            yield Row(number, cells, "".join(taken).rstrip("\r\n"))
        elif len(taken[0]) > MAX_LINE:
            yield Row(number, [], f"{taken[0][:_KEPT_OF_A_LONG_LINE]}…", LONG_LINE)
        number += len(taken)


def _well_formed(lines: list[str], width: int | None) -> bool:
    try:
        (cells,) = csv.reader(lines, strict=True)
    except csv.Error:
        return False
    return width is None or len(cells) == width
