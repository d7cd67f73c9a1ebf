"""Between bytes and what WSGI (PEP 3333) and rolo want to know of a request, and say in answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from io import BytesIO
from itertools import chain
from typing import Any
from urllib.parse import unquote_to_bytes

import httptools

from .http_requests import Request

VERDICT = "stockroom.verdict"
STATUSES_WITHOUT_BODY = ("1", "204", "304")

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]


def environment(request: Request, scheme: str, server: tuple[Any, ...], client: tuple[Any, ...]) -> Environment:
    """The WSGI environment of a request, with what rolo wants beside."""
    target = request.target
    # A request to a proxy names the whole URL: RFC 9112, 3.2.2.
    url = httptools.parse_url(target) if not target.startswith(b"/") and target != b"*" else None
    path, _, query = target.partition(b"?")
    environ: Environment = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path or b"/" if url else path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "REQUEST_URI": target.decode("latin-1"),
        "RAW_URI": target.decode("latin-1"),
        "rolo.headers": request.headers,
        VERDICT: request.verdict,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": request.body,
        "wsgi.input_terminated": True,
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in request.headers:
        name, value = raw_name.decode("latin-1").upper().replace("-", "_"), raw_value.decode("latin-1")
        if name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            name = f"HTTP_{name}"
        environ[name] = f"{environ[name]},{value}" if name in environ else value
    return environ


@dataclass
class Answer:
    """What an application answers. headers: with the date. pieces: of the body; to be left alone if has_body is
    False."""

    status: str
    headers: list[tuple[str, str]]
    has_body: bool
    pieces: Iterator[bytes]


@contextmanager
def answering(application: Application, environ: Environment) -> Iterator[Answer]:
    """Ask the application, and close its answer at the end of the block."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
        started[:] = [status, headers]

    body = application(environ, start_response)
    try:
        pieces = iter(body)
        # An application may start its answer only when it is asked for the first piece.
        first = next(pieces, b"")
        status, headers = started
        has_body = environ["REQUEST_METHOD"] != "HEAD" and not status.startswith(STATUSES_WITHOUT_BODY)
        if all(name.lower() != "date" for name, _ in headers):
            headers = [*headers, ("Date", formatdate(usegmt=True))]
        yield Answer(status, headers, has_body, chain([first], pieces))
    finally:
        if close := getattr(body, "close", None):
            close()


def answer(application: Application, environ: Environment, keep: bool) -> Iterator[bytes]:
    """The bytes of the application's answer, head and first piece in one."""
    with answering(application, environ) as said:
        names = {name.lower() for name, _ in said.headers}
        chunked = said.has_body and "content-length" not in names and "transfer-encoding" not in names
        lines = [f"HTTP/1.1 {said.status}", *(f"{name}: {value}" for name, value in said.headers)]
        lines += ["Transfer-Encoding: chunked"] if chunked else []
        lines += [] if keep else ["Connection: close"]
        head = "\r\n".join([*lines, "\r\n"]).encode("latin-1")
        if not said.has_body:
            yield head
            return
        rest = (_chunk(piece) for piece in said.pieces if piece) if chunked else said.pieces
        yield head + next(iter(rest), b"")
        yield from rest
        if chunked:
            yield b"0\r\n\r\n"


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)
