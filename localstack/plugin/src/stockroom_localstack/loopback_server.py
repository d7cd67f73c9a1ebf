"""The emulator's HTTP server: a thread a connection, on a loopback address only.

LocalStack's own server, on Twisted, listens on every interface, and passes each request from an event loop to a thread
and the answer back in pieces: that costs more time of the interpreter than most AWS calls. AWS clients keep their
connections, so one thread reads, answers and writes here.
"""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import formatdate
from io import BytesIO
from itertools import chain
from tempfile import TemporaryFile
from typing import IO, Any
from urllib.parse import unquote_to_bytes

import httptools
from localstack import config
from localstack.runtime.server.core import RuntimeServer, RuntimeServerPlugin
from localstack.utils.ssl import create_ssl_cert
from rolo.gateway import Gateway
from rolo.gateway.wsgi import WsgiGateway

LOG = logging.getLogger(__name__)

BACKLOG = 1024
READ_BYTES = 256 * 1024
BODY_BYTES_IN_MEMORY = 16 * 1024 * 1024
TLS_HANDSHAKE = b"\x16"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
STATUSES_WITHOUT_BODY = ("1", "204", "304")
# How a connection of HTTP/2 begins, and what it is called where TLS chooses between the two.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HTTP2 = "h2"

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]
Headers = list[tuple[bytes, bytes]]


def require_loopback(host: str) -> str:
    """The host as it is; raises ValueError when others on the network could reach it."""
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"GATEWAY_LISTEN names {host}, but the emulator listens on a loopback address only")
    return host


@dataclass
class Request:
    """A request whose body is complete, positioned at the body's beginning."""

    method: str
    version: str
    target: bytes
    headers: Headers
    body: IO[bytes]
    keep_alive: bool


class Arriving:
    """Makes requests of the bytes of a connection; `httptools` calls the methods."""

    def __init__(self, on_expect_continue: Callable[[], None]) -> None:
        self._on_expect_continue = on_expect_continue
        self._parser = httptools.HttpRequestParser(self)
        self._complete: deque[Request] = deque()

    def feed(self, data: bytes) -> Iterator[Request]:
        """The requests that are complete with these bytes. Raises HttpParserError for what is no HTTP."""
        self._parser.feed_data(data)
        while self._complete:
            yield self._complete.popleft()

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers: Headers = []
        self._body: IO[bytes] = BytesIO()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        for name, value in self._headers:
            if name.lower() == b"expect" and value.lower() == b"100-continue":
                self._on_expect_continue()
            elif name.lower() == b"content-length" and int(value) > BODY_BYTES_IN_MEMORY:
                self._body = TemporaryFile()  # noqa: SIM115  # closed when nobody refers to it any more

    def on_body(self, body: bytes) -> None:
        self._body.write(body)

    def on_message_complete(self) -> None:
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
            )
        )


def environment(request: Request, scheme: str, server: tuple[Any, ...], client: tuple[Any, ...]) -> Environment:
    """What WSGI (PEP 3333) and rolo want to know of a request."""
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
    """What an application says. headers: with the time. pieces: of the body, to be left alone where there is none."""

    status: str
    headers: list[tuple[str, str]]
    has_body: bool
    pieces: Iterator[bytes]


@contextmanager
def answering(application: Application, environ: Environment) -> Iterator[Answer]:
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


def serve_connection(
    connection: socket.socket, client: tuple[Any, ...], application: Application, tls: Callable[[], ssl.SSLContext]
) -> None:
    """Answer the requests of one connection, one after the other, until the client has enough."""
    server = connection.getsockname()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        scheme = "http"
        if connection.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE:
            connection = tls().wrap_socket(connection, server_side=True)
            scheme = "https"
        with connection:
            try:
                _serve_requests(connection, scheme, server, client, application)
            except httptools.HttpParserError as error:
                LOG.info("a connection of %s speaks no HTTP: %s", client, error)
                connection.sendall(BAD_REQUEST)


def _serve_requests(
    connection: socket.socket, scheme: str, server: tuple[Any, ...], client: tuple[Any, ...], application: Application
) -> None:
    data = connection.recv(READ_BYTES)
    while len(data) < len(PREFACE) and PREFACE.startswith(data) and (more := connection.recv(READ_BYTES)):
        data += more
    if data.startswith(PREFACE):
        from . import http2_server  # few clients speak it

        http2_server.serve(connection, scheme, server, client, application, data)
        return
    arriving = Arriving(lambda: connection.sendall(CONTINUE))
    while data:
        for request in arriving.feed(data):
            environ = environment(request, scheme, server, client)
            for piece in answer(application, environ, request.keep_alive):
                connection.sendall(piece)
            if not request.keep_alive:
                return
        data = connection.recv(READ_BYTES)


class Tls:
    """Makes a certificate when the first client wants one: most use plain HTTP, and a key takes a tenth of a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                _, certificate, key = create_ssl_cert()
                self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._context.load_cert_chain(certificate, key)
                self._context.set_alpn_protocols([HTTP2, "http/1.1"])
            return self._context


class LoopbackRuntimeServer(RuntimeServer):
    def __init__(self) -> None:
        self._listening: list[tuple[socket.socket, Application]] = []
        self._stopped = threading.Event()
        self._woken, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        self._tls = Tls()

    def register(
        self,
        gateway: Gateway,
        listen: list[config.HostAndPort],
        ssl_creds: tuple[str, str] | None = None,
    ) -> None:
        for address in listen:
            family = socket.AF_INET6 if config.is_ipv6_address(address.host) else socket.AF_INET
            listening = socket.create_server(
                (require_loopback(address.host), address.port), family=family, backlog=BACKLOG
            )
            self._listening.append((listening, WsgiGateway(gateway)))

    def run(self) -> None:
        for number, arguments in enumerate(self._listening):
            threading.Thread(target=self._accept, args=arguments, name=f"http-accept-{number}", daemon=True).start()
        # Python's signal handlers run in this thread, the main one. Now and then the system gives a signal to another
        # thread, and nothing but a byte of the interpreter's wakes this one: the emulator would not end.
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        while not self._stopped.is_set():
            self._woken.recv(READ_BYTES)

    def _accept(self, listening: socket.socket, application: Application) -> None:
        while not self._stopped.is_set():
            connection, client = listening.accept()
            arguments = (connection, client, application, self._tls.context)
            threading.Thread(target=_serve, args=arguments, name="http-connection", daemon=True).start()

    def shutdown(self) -> None:
        self._stopped.set()
        with suppress(BlockingIOError):  # there is enough to wake it
            self._wake.send(b"\0")
        for listening, _ in self._listening:
            listening.close()


def _serve(*arguments: Any) -> None:
    # A client that goes away, in the middle of a handshake too, is no fault of ours.
    with suppress(OSError):
        serve_connection(*arguments)


class LoopbackRuntimeServerPlugin(RuntimeServerPlugin):
    name = "loopback"

    def load(self, *args: object, **kwargs: object) -> RuntimeServer:
        return LoopbackRuntimeServer()
