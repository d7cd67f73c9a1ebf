"""The file of a snapshot: who it is in plain JSON, then the state, then one signature over all of it.

    stockroom snapshot 1\\n
    {"parts": {…}, "name": …, "created": …, "bytes": …, "counts": {…}, "settled": …}\\n
    <tar, compressed with Zstandard>
    <HMAC-SHA256 over everything before, 32 bytes>

Nothing but the header is read before the signature holds.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import tarfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from stockroom.errors import StockroomError
from stockroom.snapshots.keys import NAME, NOTHING_ELSE, Parts, Text

_MAGIC = b"stockroom snapshot 1\n"
_SIGNATURE_BYTES = 32
_HEADER_LIMIT = 2**15  # a real one has some 1,500 bytes
_YEARS = range(2020, 2200)
_PIECE = 2**20
_COPIED = 2**18  # tarfile's own 16 kB make it three times as slow

# A state is mostly a layer's zip of 128 MB in which nothing is compressed. Zstandard's level 1 makes 44 MB of it in
# 0.4 s, level 3 39 MB in 0.7 s, zlib's fastest 46 MB in 1.4 s. To unpack these takes 0.2 s, 0.2 s and 0.6 s.
_LEVEL = 1


class UntrustedError(StockroomError):
    """A file that is no snapshot, is damaged, or was signed by somebody else: nothing of it may be used."""


def _utc(created: str) -> str:
    time = datetime.fromisoformat(created)
    if time.year not in _YEARS:
        raise ValueError(f"no year of a snapshot: {time.year}")
    return time.astimezone(UTC).isoformat()


Counts = Annotated[dict[Text, Annotated[int, Field(ge=0, lt=2**50)]], Field(max_length=100)]


@dataclass(frozen=True)
class Header:
    """What a snapshot tells about itself.

    `created` is a UTC time (ISO 8601), `bytes` the size unpacked, `name` is None where it was saved by itself,
    `counts` are how many records there are of what only seeding changes, by stack and short name. `settled`: all that
    seeding caused had happened, so that nothing was on its way any more.
    """

    __pydantic_config__ = NOTHING_ELSE

    parts: Parts
    created: Annotated[str, AfterValidator(_utc)]
    bytes: Annotated[int, Field(ge=0, lt=2**50)]
    name: Annotated[str, Field(pattern=f"^{NAME}$")] | None
    counts: Annotated[dict[Text, Counts], Field(max_length=100)]
    settled: bool = False


def write(target: IO[bytes], header: Header, folder: Path, key: bytes) -> None:
    """Write the folder as a snapshot, signed with the key."""
    from zstandard import ZstdCompressor

    signed = _Signing(target, key)
    signed.write(_MAGIC + _header_line(header))
    with (
        ZstdCompressor(level=_LEVEL).stream_writer(signed, closefd=False) as stream,  # type: ignore[arg-type] # it only writes
        tarfile.open(mode="w|", fileobj=stream, format=tarfile.PAX_FORMAT, bufsize=_PIECE) as tar,
    ):
        tar.add(folder, arcname=".", filter=_for_one_user)
    target.write(signed.signature())


def read_header(path: Path) -> Header | None:
    """The header, unverified, to show or to choose by; None of a file that is no snapshot of this version."""
    try:
        with path.open("rb") as file:
            return _read_header(file)
    except OSError:
        return None


def verify(file: IO[bytes], keys: Iterable[bytes]) -> Header:
    """The header of a snapshot whose signature holds; the file is then at the content's begin.

    Raises UntrustedError for every other file.
    """
    size = os.fstat(file.fileno()).st_size
    signatures = [_Signing(None, key) for key in keys]
    file.seek(0)
    left = size - _SIGNATURE_BYTES
    while left > 0 and (piece := file.read(min(_PIECE, left))):
        left -= len(piece)
        for one in signatures:
            one.write(piece)
    found = file.read(_SIGNATURE_BYTES)
    if left or not any(hmac.compare_digest(one.signature(), found) for one in signatures):
        raise UntrustedError("it is damaged, or it was not signed on this machine")
    file.seek(0)
    header = _read_header(file)
    if header is None:
        raise UntrustedError("another version of the toolkit made it")
    return header


def unpack(file: IO[bytes], folder: Path) -> None:
    """Unpack the content of a verified file, which stands at its begin, into a folder that is made."""
    from zstandard import ZstdDecompressor

    end = os.fstat(file.fileno()).st_size - _SIGNATURE_BYTES
    content = io.BufferedReader(_Part(file, file.tell(), end), _PIECE)
    folder.mkdir(parents=True, mode=0o700)
    with (
        ZstdDecompressor().stream_reader(content, read_size=_PIECE) as stream,
        tarfile.open(mode="r|", fileobj=stream, bufsize=_PIECE) as tar,
    ):
        tar.extraction_filter = tarfile.data_filter
        tar.copybufsize = _COPIED  # type: ignore[attr-defined] # an argument of `open` too, which its types do not know
        tar.extractall(folder)  # noqa: S202


def sign_again(source: IO[bytes], target: IO[bytes], header: Header, keys: list[bytes]) -> None:
    """Copy a verified file, which stands at its content's begin, under another header, signed with the first key.

    Raises UntrustedError when it is no longer what was verified: what is signed here is trusted from then on.
    """
    begin = source.tell()
    source.seek(0)
    before = source.read(begin)
    found = [_Signing(None, key) for key in keys]
    signed = _Signing(target, keys[0])
    signed.write(_MAGIC + _header_line(header))
    left = os.fstat(source.fileno()).st_size - _SIGNATURE_BYTES - begin
    for one in found:
        one.write(before)
    while piece := source.read(min(_PIECE, left)):
        left -= len(piece)
        for one in (signed, *found):
            one.write(piece)
    signature = source.read(_SIGNATURE_BYTES)
    if not any(hmac.compare_digest(one.signature(), signature) for one in found):
        raise UntrustedError("it was changed while it was read")
    target.write(signed.signature())


def format_header(header: Header) -> str:
    """The header as one line of JSON."""
    return json.dumps(asdict(header), sort_keys=True)


def parse_header(text: str | bytes) -> Header | None:
    """A header from JSON; None of anything else. Whoever wrote it, all that is in a header is what it should be."""
    if len(text) > _HEADER_LIMIT:
        return None
    try:
        return _headers().validate_json(text, strict=True)
    except (ValidationError, OverflowError):
        return None


@cache
def _headers() -> TypeAdapter[Header]:
    return TypeAdapter(Header)


def _for_one_user(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nobody's by name, and closed to all but who unpacks it."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode &= 0o700
    return entry


def _header_line(header: Header) -> bytes:
    return format_header(header).encode() + b"\n"


def _read_header(file: IO[bytes]) -> Header | None:
    if file.read(len(_MAGIC)) != _MAGIC:
        return None
    return parse_header(file.readline(_HEADER_LIMIT + 1))


class _Signing(io.RawIOBase):
    """Signs what is written through it; with no target it only signs."""

    def __init__(self, target: IO[bytes] | None, key: bytes) -> None:
        self._target = target
        self._hmac = hmac.new(key, digestmod=hashlib.sha256)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._hmac.update(data)
        if self._target:
            self._target.write(data)
        return len(data)

    def signature(self) -> bytes:
        return self._hmac.digest()


class _Part(io.RawIOBase):
    """The bytes of a file from one place up to another."""

    def __init__(self, file: IO[bytes], begin: int, end: int) -> None:
        self._file, self._left = file, end - begin

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)
