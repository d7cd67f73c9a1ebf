"""A copy of the user's file that nobody else changes: what is read, loaded and kept is one file, as it was at a moment.

A file may grow, be cut or be written over while it is loaded, by an editor, rsync or a program that still exports it.
"""

import codecs
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from seed.progress import Progress
from stockroom.errors import StockroomError

STEP = "copying"
_CHUNK = 1 << 20
_COARSEST_CLOCK_NS = 2_000_000_000  # of file systems in use

_AS_CSV = 'open it in a spreadsheet, save it as "CSV UTF-8 (comma delimited)" and seed that file'
_FROM_UTF_16 = "turn it into UTF-8: iconv -f UTF-16{} -t UTF-8 OLD.csv > NEW.csv"
_NO_CSV = (
    (b"version https://git-lfs.github.com/spec/", "a pointer of Git LFS, not the file that it points to",
     "fetch the file itself with `git lfs pull`"),
    (b"PK\x03\x04", "an Excel workbook or a zip file", f"unpack it; or, of a workbook, {_AS_CSV}"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", _AS_CSV),
    (b"\x1f\x8b", "gzip data", "unpack it with `gunzip` and seed what comes out"),
    (b"BZh", "bzip2 data", "unpack it with `bunzip2` and seed what comes out"),
    (b"\xfd7zXZ", "xz data", "unpack it with `unxz` and seed what comes out"),
    (b"\x28\xb5\x2f\xfd", "zstd data", "unpack it with `unzstd` and seed what comes out"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and seed what comes out"),
    (b"\xff\xfe", "UTF-16 text", _FROM_UTF_16.format("")),
    (b"\xfe\xff", "UTF-16 text", _FROM_UTF_16.format("")),
    (b"PAR1", "a Parquet file", "write it as CSV and seed that file"),
    (b"%PDF", "a PDF document", "seed the data that it was made of"),
    (b"<!doctype html", "a web page", "it may be a sign-in or an error page: download the file itself"),
    (b"<html", "a web page", "it may be a sign-in or an error page: download the file itself"),
)  # fmt: skip


@dataclass(frozen=True)
class CopiedFile:
    path: Path
    digest: str  # SHA-256, hexadecimal
    size: int  # bytes
    is_utf8: bool  # all of it


def open_csv(path: Path) -> BinaryIO:
    """The file, opened. Raises StockroomError where it can't be read, is no file, or is known to be no CSV text."""
    try:
        # Without waiting for a writer, should it be a pipe.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    except OSError as error:
        raise StockroomError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise StockroomError(
                f"{path} is a pipe or a device, not a file", hint="write it to a file first: … > sales.csv"
            )
        start = file.read(_CHUNK)
        file.seek(0)
        for signature, kind, hint in _NO_CSV:
            if start[: len(signature)].lower() == signature.lower():
                raise StockroomError(f"{path} is {kind}, not a CSV file", hint=hint)
        if b"\0" in start:
            raise _binary(path, start)
    except BaseException:
        file.close()
        raise
    return file


def copy_whole(path: Path, folder: Path, progress: Progress) -> CopiedFile:
    """Copies the file into the folder, which is made anew, under its own name.

    Raises StockroomError where it is no CSV text, changes meanwhile, or the disk is full.
    """
    try:
        with open_csv(path) as file:
            before = os.fstat(file.fileno())
            progress.started(STEP, before.st_size, "bytes")
            copied = _copy(path, file, folder, progress)
            if _was_written_to(path, file, before, copied):
                raise StockroomError(
                    f"{path} changed while it was read",
                    hint="nothing was loaded: run the command again when the file is complete",
                )
    except BaseException:
        remove(folder)
        raise
    progress.finished(STEP)
    return copied


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _copy(path: Path, file: BinaryIO, folder: Path, progress: Progress) -> CopiedFile:
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    copy = folder / path.name
    size, is_utf8 = 0, True
    try:
        remove(folder)
        folder.mkdir(parents=True)
        with copy.open("wb") as target:
            for chunk in _chunks(path, file):
                if b"\0" in chunk:
                    raise _binary(path, chunk)
                size += len(chunk)
                digest.update(chunk)
                is_utf8 = is_utf8 and _decodes(decoder, chunk)
                target.write(chunk)
                progress.advanced(STEP, len(chunk))
    except OSError as error:
        raise StockroomError(
            f"{path} cannot be copied to {folder}: {error.strerror or error}",
            hint="make room on that disk and run it again",
        ) from error
    return CopiedFile(copy, digest.hexdigest(), size, is_utf8 and _decodes(decoder, b"", final=True))


def _chunks(path: Path, file: BinaryIO) -> Iterator[bytes]:
    while True:
        try:
            chunk = file.read(_CHUNK)
        except OSError as error:
            raise StockroomError(f"{path} cannot be read: {error.strerror or error}") from error
        if not chunk:
            return
        yield chunk


def _was_written_to(path: Path, file: BinaryIO, before: os.stat_result, copied: CopiedFile) -> bool:
    """Whether the copy may hold the file of two moments. One that was replaced or deleted was read whole.

    Times are put back by some programs, and do not tell of two changes in quick succession: where they may be wrong,
    the file is read once more.
    """
    after = os.fstat(file.fileno())
    if not before.st_size == after.st_size == copied.size or before.st_mtime_ns != after.st_mtime_ns:
        return True
    if before.st_ctime_ns == after.st_ctime_ns and time.time_ns() - before.st_ctime_ns > _COARSEST_CLOCK_NS:
        return False
    file.seek(0)
    digest = hashlib.sha256()
    for chunk in _chunks(path, file):
        digest.update(chunk)
    return digest.hexdigest() != copied.digest


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _binary(path: Path, chunk: bytes) -> StockroomError:
    for first, order in ((1, "LE"), (0, "BE")):
        if chunk[first:64:2].count(0) > 16:
            return StockroomError(f"{path} is UTF-16 text, not a CSV file", hint=_FROM_UTF_16.format(order))
    return StockroomError(f"{path} is binary data, not a CSV file", hint=_AS_CSV)
