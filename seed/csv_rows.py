"""Rows of a CSV file that nobody has checked: which bytes, which line, and no row lost to a stray quote."""

import codecs
import csv
import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stockroom.errors import StockroomError

_ENCODINGS = ("utf-8", "cp1252", "latin-1")  # cp1252 is Latin-1 plus what Windows programs write into it
_CHUNK = 1 << 20
_KNOWN_BINARY = {
    b"PK\x03\x04": "an Excel workbook or a zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "gzip data",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"%PDF": "a PDF document",
}

MAX_LINES_OF_A_ROW = 50
"""A quoted field may span lines, but one that spans more than this was never closed."""


@dataclass(frozen=True)
class Scan:
    digest: str  # SHA-256, hexadecimal
    size: int  # bytes
    encoding: str  # what open() takes


@dataclass(frozen=True)
class Row:
    """One row: the number of its first line (from 1), its cells, and its text as it stands in the file."""

    line: int
    cells: list[str]
    text: str
    unclosed: bool = False


def scan(path: Path) -> Scan:
    """Reads the file's bytes once; raises StockroomError where it can't be read or is no text."""
    digest = hashlib.sha256()
    decoders = {name: codecs.getincrementaldecoder(name)() for name in _ENCODINGS}
    size = 0
    bom = False
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                if size == 0:
                    bom = chunk.startswith(codecs.BOM_UTF8)
                    for start, kind in _KNOWN_BINARY.items():
                        if chunk.startswith(start):
                            raise _not_text(path, kind)
                if b"\0" in chunk:
                    raise _not_text(path, "binary data")
                size += len(chunk)
                digest.update(chunk)
                for name, decoder in list(decoders.items()):
                    try:
                        decoder.decode(chunk)
                    except UnicodeDecodeError:
                        del decoders[name]
        if "utf-8" in decoders:
            try:
                decoders["utf-8"].decode(b"", final=True)
            except UnicodeDecodeError:  # ends in the middle of a character
                del decoders["utf-8"]
    except OSError as error:
        raise StockroomError(f"{path} cannot be read: {error.strerror or error}") from error
    encoding = next(iter(decoders))
    return Scan(digest.hexdigest(), size, "utf-8-sig" if bom and encoding == "utf-8" else encoding)


def _not_text(path: Path, kind: str) -> StockroomError:
    return StockroomError(f"{path} is {kind}, not a CSV file", hint='save it as "CSV UTF-8" and seed that file')


def read_rows(path: Path, encoding: str) -> Iterator[Row]:
    """The file's rows, its header among them; blank lines are no rows. Memory does not grow with the file."""
    with path.open(encoding=encoding, newline="") as file:
        yield from split_rows(file)


def split_rows(lines: Iterable[str]) -> Iterator[Row]:
    """Rows of CSV text given line by line.

    A quote that is never closed would make the rest of the file one field. Where a row runs over several
    lines and does not end well, only its first line is given as a row, `unclosed`, and the lines after it
    are read afresh.
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
            yield Row(number, [], taken[0].rstrip("\r\n"), unclosed=True)
        elif cells:
            width = width or len(cells)
            yield Row(number, cells, "".join(taken).rstrip("\r\n"))
        number += len(taken)


def _well_formed(lines: list[str], width: int | None) -> bool:
    try:
        (cells,) = csv.reader(lines, strict=True)
    except csv.Error:
        return False
    return width is None or len(cells) == width
