"""Requests out of the bytes of a connection, none of them larger or slower than it may be."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO

import httptools
from stockroom_emulation.admission import Reach, Verdict

READ_BYTES = 256 * 1024
BODY_BYTES_IN_MEMORY = 16 * 1024 * 1024
HEAD_BYTES = 1024 * 1024
HEAD_SECONDS = 30
BODY_SECONDS = 60
SLOWEST_BYTES_A_SECOND = 1024  # of a body that takes longer

BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

Headers = list[tuple[bytes, bytes]]


@dataclass
class Request:
    """A request whose body is complete, positioned at the body's beginning."""

    method: str
    version: str
    target: bytes
    headers: Headers
    body: IO[bytes]
    keep_alive: bool
    verdict: Verdict


class Arriving:
    """Makes requests of the bytes of a connection; `httptools` calls the methods."""

    def __init__(self, judge: Callable[[str, bytes, Headers], Verdict], on_expect_continue: Callable[[], None]) -> None:
        self._judge = judge
        self._on_expect_continue = on_expect_continue
        self._parser = httptools.HttpRequestParser(self)
        self._complete: deque[Request] = deque()
        self._began: float | None = None  # a request, of which so many bytes have come
        self._bytes = 0
        self.is_in_body = False

    def feed(self, data: bytes) -> Iterator[Request]:
        """Take in bytes, and give out the requests that are complete with them. Raises HttpParserError for what is
        not HTTP."""
        self._bytes += len(data)
        self._parser.feed_data(data)
        while self._complete:
            yield self._complete.popleft()

    def complaint(self) -> bytes | None:
        """What to answer a client that dribbles, or that sends a head without an end."""
        if self._began is None:
            return None
        seconds = time.monotonic() - self._began
        if self.is_in_body:
            return TIMEOUT if seconds > BODY_SECONDS + self._bytes / SLOWEST_BYTES_A_SECOND else None
        if seconds > HEAD_SECONDS:
            return TIMEOUT
        return TOO_LARGE if self._bytes > HEAD_BYTES else None

    def on_message_begin(self) -> None:
        """A request begins."""
        self._target = b""
        self._headers: Headers = []
        self._body: IO[bytes] = BytesIO()
        self._began = time.monotonic()

    def on_url(self, url: bytes) -> None:
        """A part of its target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, whole."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Its head is complete and judged; the body of a refused request is dropped."""
        self.is_in_body = True
        self._verdict = self._judge(self._parser.get_method().decode(), self._target, self._headers)
        if self._verdict.reach is Reach.NOTHING:
            return
        for name, value in self._headers:
            if name.lower() == b"expect" and value.lower() == b"100-continue":
                self._on_expect_continue()
            elif name.lower() == b"content-length" and int(value) > BODY_BYTES_IN_MEMORY:
                self._body = TemporaryFile()  # noqa: SIM115  # closed when nobody refers to it any more

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        if self._verdict.reach is not Reach.NOTHING:
            self._body.write(body)

    def on_message_complete(self) -> None:
        """The request is complete, for `feed` to give out."""
        self._began, self._bytes, self.is_in_body = None, 0, False
        self._body.seek(0)
        parser = self._parser
        self._complete.append(
            Request(
                method=parser.get_method().decode(),
                version=parser.get_http_version(),
                target=self._target,
                headers=self._headers,
                body=self._body,
                keep_alive=parser.should_keep_alive(),
                verdict=self._verdict,
            )
        )
