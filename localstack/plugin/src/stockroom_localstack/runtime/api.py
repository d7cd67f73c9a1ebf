"""The Lambda Runtime API: the HTTP server that one runtime process asks for its events and tells its answers.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from .report import MAX_RESPONSE_BYTES
from .tcp_peers import Address

LOG = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
PREFIX = "/2018-06-01/runtime/"
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# What only a browser sends; a function may start one.
OF_BROWSERS = ("Origin", "Referer", "Sec-Fetch-Site")


@dataclass(frozen=True)
class Event:
    """One invocation on its way to the function. deadline: milliseconds since 1970."""

    request_id: str
    function_arn: str
    deadline: int
    trace_id: str
    client_context: str
    payload: bytes


@dataclass(frozen=True)
class Ready:
    """The function is initialised and waits for an event."""


@dataclass(frozen=True)
class Responded:
    """The function's answer, as it came."""

    payload: bytes


@dataclass(frozen=True)
class Failed:
    """The runtime reported an error, of the initialisation or of the handler; payload: AWS's error object."""

    payload: bytes
    error_type: str


@dataclass(frozen=True)
class TooLarge:
    """The response was over the limit. The runtime client gives up after this."""


@dataclass(frozen=True)
class Exited:
    """The process ended without an answer; status as in supervisor.SupervisedProcess.wait."""

    status: int


Initialisation = Ready | Failed | Exited
Answer = Responded | Failed | TooLarge | Exited


class RuntimeApi:
    """The server for one process and those that it starts. `initialised` tells how the initialisation went.

    Anybody on this machine can connect, a web page among them.
    """

    def __init__(self) -> None:
        self.initialised: Future[Initialisation] = Future()
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._open: dict[str, Future[Answer]] = {}
        self._ended: Exited | None = None
        self._closing = False
        self._socket = socket.create_server((LOOPBACK, 0))
        self.address = f"{LOOPBACK}:{self._socket.getsockname()[1]}"

    def serve(self, is_own: Callable[[Address, Address], bool]) -> None:
        """Begin to answer. is_own: whether the connection between an address and ours is one of the process."""
        self._is_own = is_own
        threading.Thread(target=self._accept, name=f"lambda-runtime-api-{self.address}", daemon=True).start()

    def give_up(self) -> None:
        """To be called instead of `serve` when the process could not be started."""
        self._socket.close()

    def send(self, event: Event) -> Future[Answer]:
        """Gives the event to the process; the future tells how the process answered."""
        answer: Future[Answer] = Future()
        with self._lock:
            if self._ended:
                answer.set_result(self._ended)
                return answer
            self._open[event.request_id] = answer
        self._events.put(event)
        return answer

    def process_ended(self, status: int) -> None:
        """Answer all events that are still open with this end, and close."""
        with self._lock:
            self._ended = Exited(status)
            answers = list(self._open.values())
            self._open.clear()
        _settle(self.initialised, self._ended)
        for answer in answers:
            _settle(answer, self._ended)
        self.close()

    def close(self) -> None:
        """No more events, and no more connections. Safe to repeat."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        self._events.put(None)
        with contextlib.suppress(OSError):
            # Wakes the thread that waits for connections: closing the socket would not do so everywhere.
            socket.create_connection(self._socket.getsockname()).close()

    # What the process asks for, called by _Handler.

    def next_event(self) -> Event | None:
        """Waits for an event. None: there will be no more."""
        _settle(self.initialised, Ready())
        return self._events.get()

    def initialisation_failed(self, payload: bytes, error_type: str) -> None:
        """The runtime client reports that it could not load the function. payload: AWS's error object."""
        _settle(self.initialised, Failed(payload, error_type))

    def answered(self, request_id: str, answer: Answer) -> bool:
        """Note the answer to an event. False when no such event is open."""
        with self._lock:
            future = self._open.pop(request_id, None)
        if future is None:
            return False
        _settle(future, answer)
        return True

    def _accept(self) -> None:
        with self._socket:
            while True:
                connection, address = self._socket.accept()
                if self._closing:
                    connection.close()
                    return
                threading.Thread(
                    target=self._serve, args=(connection, address), name="lambda-runtime-api", daemon=True
                ).start()

    def _serve(self, connection: socket.socket, address: Address) -> None:
        # The process may be killed in the middle of a request.
        with connection, contextlib.suppress(OSError):
            if self._is_own(address, connection.getsockname()):
                _Handler(connection, address, self)
            else:
                LOG.warning("%s: a connection that is not the function's was refused", self.address)
                connection.sendall(REFUSED)


def _settle(future: Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one piece
    server: Any

    def __init__(self, connection: socket.socket, address: Any, api: RuntimeApi) -> None:
        self._api = api
        super().__init__(connection, address, api)  # type: ignore[arg-type]  # needs no server but our own

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        if self.headers.get("Host", self._api.address) != self._api.address or any(map(self.headers.get, OF_BROWSERS)):
            self.close_connection = True
            self._reply(HTTPStatus.FORBIDDEN)
            return False
        return True

    def do_GET(self) -> None:
        if self.path != f"{PREFIX}invocation/next":
            return self._reply(HTTPStatus.NOT_FOUND)
        event = self._api.next_event()
        if event is None:
            self.close_connection = True
            return None
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(event.deadline),
            "Lambda-Runtime-Invoked-Function-Arn": event.function_arn,
            "Lambda-Runtime-Trace-Id": event.trace_id,
        }
        if event.client_context:
            # Headers are Latin-1; the JSON in this one may hold any character.
            headers["Lambda-Runtime-Client-Context"] = event.client_context.encode().decode("latin-1")
        return self._reply(HTTPStatus.OK, event.payload, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        error_type = self.headers.get("Lambda-Runtime-Function-Error-Type", "")
        match self.path.removeprefix(PREFIX).split("/"):
            case ["init", "error"]:
                self._api.initialisation_failed(body, error_type)
                self._reply(HTTPStatus.ACCEPTED)
            case ["invocation", request_id, "response"] if len(body) > MAX_RESPONSE_BYTES:
                self._reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
                self._api.answered(request_id, TooLarge())
            case ["invocation", request_id, "response"]:
                self._accepted(self._api.answered(request_id, Responded(body)))
            case ["invocation", request_id, "error"]:
                self._accepted(self._api.answered(request_id, Failed(body, error_type)))
            case _:
                self._reply(HTTPStatus.NOT_FOUND)

    def _accepted(self, known: bool) -> None:
        self._reply(HTTPStatus.ACCEPTED if known else HTTPStatus.BAD_REQUEST)

    def _reply(self, status: HTTPStatus, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_expect_100(self) -> bool:
        # The client waits for this line before it sends a large body, and the line is buffered like all else.
        accepted = super().handle_expect_100()
        self.wfile.flush()
        return accepted

    def log_message(self, *args: object) -> None:
        pass
