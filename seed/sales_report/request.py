"""What `invoke report` is asked for, from the words of the command line."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from stockroom.errors import StockroomError

COLUMN_BY_WORD = {"country": "country", "store": "store_id", "product": "product_id"}
"""The words of --by, each with its column of the curated data."""

_ENDINGS = (".png", ".html")


@dataclass(frozen=True)
class Request:
    """Days from `since` to `until`, both included and None without a limit; `top` None means the default."""

    by: str
    since: date | None
    until: date | None
    top: int | None
    output: Path | None

    @property
    def days(self) -> str:
        """In words, such as "since 2010-12-01"."""
        if self.since and self.until:
            return f"on {self.since}" if self.since == self.until else f"from {self.since} to {self.until}"
        return f"since {self.since}" if self.since else f"until {self.until}" if self.until else "ever"

    def includes(self, day: date) -> bool:
        return (self.since is None or day >= self.since) and (self.until is None or day <= self.until)


def make_request(day: str, since: str, until: str, by: str, top: str, output: str) -> Request:
    """Empty words are options that were not given. Raises StockroomError for what makes no sense."""
    if day and (since or until):
        other = "--since" if since else "--until"
        raise StockroomError(f"--day and {other} contradict each other", "leave one of them out")
    first = _day("--day", day) or _day("--since", since)
    last = _day("--day", day) or _day("--until", until)
    if first and last and first > last:
        raise StockroomError(f"--since {first} is after --until {last}", "exchange the two")
    if by not in COLUMN_BY_WORD:
        raise StockroomError(f"--by {by}: not known", f"it is one of: {', '.join(COLUMN_BY_WORD)}")
    if top and not (top.isascii() and top.isdecimal() and int(top[:9]) > 0 and len(top) < 10):
        raise StockroomError(f"--top {top}: not a number from 1", "give how many to show one by one")
    return Request(by, first, last, int(top) if top else None, _output(output))


def _day(option: str, text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise StockroomError(f"{option} {text}: not a date", "give it as year-month-day, such as 2010-12-01")
    return day


def _output(text: str) -> Path | None:
    if not text:
        return None
    path = Path(text).expanduser().absolute()
    if path.suffix.lower() not in _ENDINGS:
        raise StockroomError(
            f"--output {text}: not a kind of file that can be written",
            "let it end in .png (a picture) or .html (a page)",
        )
    if not path.parent.is_dir():
        raise StockroomError(f"--output {text}: there is no folder {path.parent}", f"make it: mkdir -p {path.parent}")
    if path.is_dir():
        raise StockroomError(f"--output {text}: is a folder", "name a file")
    if not os.access(path.parent, os.W_OK):
        raise StockroomError(f"--output {text}: the folder {path.parent} can not be written to", "name another one")
    return path
