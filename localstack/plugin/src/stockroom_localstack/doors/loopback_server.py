"""The emulator's HTTP server: a thread a connection, on a loopback address only.

LocalStack's own server, on Twisted, listens on every interface, and passes each request from an event loop to a thread
and the answer back in pieces: that costs more time of the interpreter than most AWS calls. AWS clients keep their
connections, so one thread reads, answers and writes here. Who may ask at all is decided in admission.py.
"""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import httptools
from localstack import config
from localstack.runtime.server.core import RuntimeServer, RuntimeServerPlugin
from rolo.gateway import Gateway
from rolo.gateway.wsgi import WsgiGateway
from stockroom_emulation.admission import Policy
from stockroom_emulation.open_files import raise_file_limit
from stockroom_emulation.peers import Peer, peer_of

from stockroom_localstack import settings

from . import applications
from .connections import Connection, Connections, accept_forever, most_connections
from .guard import Guard
from .http_requests import BAD_REQUEST, READ_BYTES, Arriving, Request
from .wsgi import Environment, answer, environment

LOG = logging.getLogger(__name__)

BACKLOG = 1024
TLS_HANDSHAKE = b"\x16"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# How a connection of HTTP/2 begins, and what it is called where TLS chooses between the two.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HTTP2 = "h2"


def require_loopback(host: str) -> str:
    """The host itself. Raises ValueError when others on the network could reach it."""
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"GATEWAY_LISTEN names {host}, but the emulator listens on a loopback address only")
    return host


class Tls:
    """The TLS context, made for the first client that wants one: most speak plain HTTP and need not wait for its
    imports."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """The context of the server, the same one every time."""
        with self._lock:
            if self._context is None:
                from . import certificate

                self._context = certificate.server_context()
                self._context.set_alpn_protocols([HTTP2, "http/1.1"])
            return self._context


class Server:
    """Answers the requests of all connections to one address."""

    def __init__(self, guard: Guard, connections: Connections) -> None:
        self._guard = guard
        self._connections = connections
        self._tls = Tls()

    def serve(self, connection: Connection, client: tuple[Any, ...]) -> None:
        """Serve one connection until the client closes it."""
        # A client that goes away, in the middle of a handshake too, or does nothing for long is no fault of ours.
        try:
            with connection.socket, suppress(OSError):
                self._serve(connection, client)
        finally:
            self._connections.leave(connection)

    def _serve(self, connection: Connection, client: tuple[Any, ...]) -> None:
        plain = connection.socket
        server = plain.getsockname()
        judge = partial(self._guard.judge, peer_of(plain.family, client, server) is Peer.OTHER_USER)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        scheme = "http"
        if plain.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE:
            connection.socket = self._tls.context().wrap_socket(plain, server_side=True)
            scheme = "https"

        def environment_of(request: Request) -> Environment:
            return environment(request, scheme, server, client)

        with connection.socket as connected:
            received = connected.recv(READ_BYTES)
            while (
                len(received) < len(PREFACE) and PREFACE.startswith(received) and (more := connected.recv(READ_BYTES))
            ):
                received += more
            if received.startswith(PREFACE):
                from . import http2_server  # few clients speak it

                busy, idle = (
                    partial(change, connection) for change in (self._connections.busy, self._connections.idle)
                )
                http2_server.Connection(connected, self._guard, judge, environment_of, busy, idle).serve(received)
                return
            arriving = Arriving(judge, lambda: connected.sendall(CONTINUE))
            try:
                self._serve_requests(connection, arriving, environment_of, received)
            except httptools.HttpParserError as error:
                LOG.info("a connection of %s speaks no HTTP: %s", client, error)
                connected.sendall(BAD_REQUEST)

    def _serve_requests(
        self,
        connection: Connection,
        arriving: Arriving,
        environment_of: Callable[[Request], Environment],
        received: bytes,
    ) -> None:
        connected = connection.socket
        while received:
            for request in arriving.feed(received):
                self._connections.busy(connection)
                for piece in answer(self._guard, environment_of(request), request.keep_alive):
                    connected.sendall(piece)
                if not request.keep_alive:
                    return
            if complaint := arriving.complaint():
                connected.sendall(complaint)
                return
            (self._connections.busy if arriving.is_in_body else self._connections.idle)(connection)
            received = connected.recv(READ_BYTES)


class LoopbackRuntimeServer(RuntimeServer):
    """LocalStack's interface to the server: listens, serves until it is shut down."""

    def __init__(self) -> None:
        self._listening: list[tuple[socket.socket, Server]] = []
        self._stopped = threading.Event()
        self._woken, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        self._connections = Connections(most_connections(raise_file_limit()))

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
            policy = Policy(address.port, settings.current().allowed_origins)
            applications.trust_nobody_else(policy)
            self._listening.append((listening, Server(Guard(WsgiGateway(gateway), policy), self._connections)))

    def run(self) -> None:
        for number, (listening, server) in enumerate(self._listening):
            arguments = (listening, self._connections, self._stopped, server.serve)
            threading.Thread(target=accept_forever, args=arguments, name=f"http-accept-{number}", daemon=True).start()
        # Python's signal handlers run in this thread, the main one. Now and then the system gives a signal to another
        # thread, and nothing but a byte of the interpreter's wakes this one: the emulator would not end.
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        while not self._stopped.is_set():
            self._woken.recv(READ_BYTES)

    def shutdown(self) -> None:
        self._stopped.set()
        with suppress(BlockingIOError):  # there is enough to wake it
            self._wake.send(b"\0")
        for listening, _ in self._listening:
            listening.close()


class LoopbackRuntimeServerPlugin(RuntimeServerPlugin):
    """The entry point `loopback` of the namespace localstack.runtime.server."""

    name = "loopback"

    def load(self, *args: object, **kwargs: object) -> RuntimeServer:
        return LoopbackRuntimeServer()
