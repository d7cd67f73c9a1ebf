"""Which invoices a platform holds from other files, so that what two files share is loaded once.

An invoice is known by its number, and never changes once it was issued: what is wrong with it is mended by a credit
note and a new invoice. Each file notes, before the first of its records goes out, the invoices that it sends, each with
a digest of its lines. So an invoice that comes again as it was is left alone, and one with other lines is told.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

DIGITS = 16  # hexadecimal, of a digest


class Held(NamedTuple):
    """An invoice of another dataset; `digest` is "" where that is not known, `loaded` False while it may be missing."""

    invoice: str
    digest: str
    loaded: bool


class ContentDigest:
    """An aggregate function for SQLite: 16 hexadecimal digits of an invoice's lines, in whatever order they come."""

    def __init__(self) -> None:
        self._sum = 0

    def step(self, line: str) -> None:
        self._sum += int.from_bytes(blake2b(line.encode(), digest_size=8).digest(), "big")

    def finalize(self) -> str:
        return f"{self._sum % 2**64:0{DIGITS}x}"


def pack(invoices: Iterable[tuple[str, str]]) -> bytes:
    """Invoice numbers with their digests; no number holds a tab or a line break."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        for invoice, digest in invoices:
            file.write(f"{invoice}\t{digest}\n".encode())
    return packed.getvalue()


def unpack(content: bytes) -> Iterator[tuple[str, str]]:
    with gzip.open(io.BytesIO(content), "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            invoice, _, digest = line.rstrip("\n").partition("\t")
            yield invoice, digest
