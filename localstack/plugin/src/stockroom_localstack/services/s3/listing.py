"""Pages of a list: which entries are on one, and with which the next begins.

All of it compares keys as they are. LocalStack compares what it has encoded for the answer with what a client has
decoded, so that pages are lost, or come for ever, where a key holds what is encoded.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

LARGEST_PAGE = 1000


@dataclass(frozen=True)
class Page[Entry]:
    """entries and prefixes: what is on it. last: the entry or the common prefix that comes last. following: the entry
    that comes first on the next page, None when there is no other page."""

    entries: list[Entry]
    prefixes: list[str]
    last: Entry | str | None
    following: Entry | None

    @property
    def is_truncated(self) -> bool:
        """Whether there is another page."""
        return self.following is not None


def page_of[Entry](
    entries: Iterable[Entry], key: Callable[[Entry], str], prefix: str, delimiter: str, size: int, after: str = ""
) -> Page[Entry]:
    """entries: in order, those that come after the page before.
    after: the marker; the common prefix that it is in was on an earlier page."""
    listed: list[Entry] = []
    prefixes: list[str] = []
    last: Entry | str | None = None
    for entry in entries:
        name = key(entry)
        if not name.startswith(prefix):
            continue
        common = common_prefix(name, prefix, delimiter)
        if common and (common == last or after.startswith(common)):
            continue
        if len(listed) + len(prefixes) == size:
            return Page(listed, prefixes, last, entry if size else None)
        if common:
            prefixes.append(common)
        else:
            listed.append(entry)
        last = common or entry
    return Page(listed, prefixes, last, None)


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """What the key is listed under, up to the first delimiter after the prefix."""
    if not delimiter:
        return None
    place = key.find(delimiter, len(prefix))
    return None if place < 0 else key[: place + len(delimiter)]


def page_size(asked: int | None) -> int:
    """How many entries a page has at most. asked: by the request, None when it says nothing."""
    return LARGEST_PAGE if asked is None else min(asked, LARGEST_PAGE)


def encoded(answer: Mapping[str, Any], names: Iterable[str], lists: Iterable[str]) -> dict[str, Any]:
    """The answer as the encoding type `url` wants it. names: of its members that hold a key or a part of one.
    lists: of its members that are lists of what has a Key or a Prefix."""
    changed: dict[str, Any] = {name: quote(answer[name]) for name in names if answer.get(name)}
    for name in lists:
        if name in answer:
            changed[name] = [
                each | {part: quote(each[part]) for part in ("Key", "Prefix") if part in each} for each in answer[name]
            ]
    return {**answer, **changed, "EncodingType": "url"}


def token_of(key: str) -> str:
    """The continuation token of a page that begins with this key."""
    return base64.b64encode(key.encode(), altchars=b"._").decode()


def key_of(token: str) -> str:
    """Raises ValueError for what is no continuation token."""
    return base64.b64decode(token, altchars=b"._", validate=True).decode()
