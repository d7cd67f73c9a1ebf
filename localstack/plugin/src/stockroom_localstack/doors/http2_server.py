"""HTTP/2 on the connections of loopback_server.py: the requests of a connection side by side, a thread for each.

Kinesis on AWS speaks HTTP/2, and clients of some SDKs speak nothing else: JavaScript's, and Java's asynchronous one.
"""

from __future__ import annotations

import logging
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError, StreamClosedError, StreamIDTooLowError
from h2.settings import SettingCodes
from stockroom_emulation.admission import Reach, Verdict

from .http_requests import BODY_BYTES_IN_MEMORY, READ_BYTES, Headers, Request
from .wsgi import Application, Environment, answering

LOG = logging.getLogger(__name__)

MOST_REQUESTS = 100  # of a connection at a time, as h2 admits, but with those that the client has given up
STREAM_WINDOW = 1024 * 1024
CONNECTION_WINDOW = 16 * 1024 * 1024
SENT_AT_ONCE = 1024 * 1024
IDLE_SECONDS = 600.0
# What concerns a connection of HTTP/1.1: RFC 9113, 8.2.2.
OF_ONE_CONNECTION = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}


class Gone(Exception):  # noqa: N818  # nobody's fault
    """The client wants no answer any more."""


@dataclass
class Arriving:
    """A request whose body is not complete."""

    method: str
    target: bytes
    headers: Headers
    body: IO[bytes]
    verdict: Verdict


class Connection:
    """One connection of HTTP/2 and the requests on it.

    judge: judges a request by its head, before its body is read. busy, idle: called when the first request that is
    under way has begun, and when the last one has been answered.
    """

    def __init__(
        self,
        connection: socket.socket,
        application: Application,
        judge: Callable[[str, bytes, Headers], Verdict],
        environment_of: Callable[[Request], Environment],
        busy: Callable[[], None],
        idle: Callable[[], None],
    ) -> None:
        self._socket, self._application, self._environment_of = connection, application, environment_of
        self._judge, self._busy, self._idle = judge, busy, idle
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._arriving: dict[int, Arriving] = {}
        self._answering: set[int] = set()
        self._is_open = True
        # Held by who uses the connection. Told when there may be more room to send, or nobody to send to.
        self._changed = threading.Condition()

    def serve(self, received: bytes) -> None:
        """Answer requests until the client closes the connection. received: bytes that were read already."""
        with self._changed:
            self._h2.initiate_connection()  # which says how many requests and how long headers h2 admits
            self._h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW})
            self._h2.increment_flow_control_window(CONNECTION_WINDOW)
            self._flush()
        try:
            while (received or (received := self._read())) and self._take(received):
                received = b""
        finally:
            with self._changed:
                self._is_open = False
                self._changed.notify_all()

    def _read(self) -> bytes:
        """Empty at the end, and when nothing came and nothing was answered for a long time."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while True:
            with self._changed:
                received = self._received()
                if received is not None:
                    return received
            # Without the lock, so that others can write.
            if not poll.poll(IDLE_SECONDS * 1000):
                with self._changed:
                    if not self._answering:
                        self._h2.close_connection()
                        self._flush()
                        return b""

    def _received(self) -> bytes | None:
        """What is there; None when nothing is."""
        timeout = self._socket.gettimeout()
        self._socket.settimeout(0)
        try:
            return self._socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        finally:
            self._socket.settimeout(timeout)

    def _take(self, received: bytes) -> bool:
        """Whether the connection goes on."""
        with self._changed:
            try:
                events = self._h2.receive_data(received)
            except ProtocolError as error:
                # What says so, GOAWAY, is made already.
                LOG.info("a connection of HTTP/2 is closed: %s", error)
                self._is_open = False
            else:
                given_up = {event.stream_id for event in events if isinstance(event, StreamReset)}
                for event in events:
                    if not isinstance(event, RequestReceived) or event.stream_id not in given_up:
                        self._follow(event)
            self._flush()
            self._changed.notify_all()
            return self._is_open

    def _follow(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._begin(event)
            case DataReceived():
                self._add(event)
            case StreamEnded():
                self._start(event.stream_id)
            case StreamReset():
                self._arriving.pop(event.stream_id, None)
            case ConnectionTerminated():
                self._is_open = False

    def _begin(self, event: RequestReceived) -> None:
        headers = [(bytes(name), bytes(value)) for name, value in event.headers]
        named = dict(headers)
        # CONNECT has no path: nobody is connected with anybody through here.
        if len(self._arriving) + len(self._answering) >= MOST_REQUESTS or b":path" not in named:
            self._h2.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
            return
        body: Any = SpooledTemporaryFile(BODY_BYTES_IN_MEMORY)  # noqa: SIM115  # closed with the answer
        method, target, others = named[b":method"].decode("latin-1"), named[b":path"], _as_of_http1(headers)
        verdict = self._judge(method, target, others)
        self._arriving[event.stream_id] = Arriving(method, target, others, body, verdict)
        if named.get(b"expect", b"").lower() == b"100-continue":
            self._h2.send_headers(event.stream_id, [(":status", "100")])

    def _add(self, event: DataReceived) -> None:
        arriving = self._arriving.get(event.stream_id)
        if arriving and arriving.verdict.reach is not Reach.NOTHING:
            arriving.body.write(event.data)
        with suppress(StreamClosedError):  # its bytes have taken room of the whole connection, too
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def _start(self, stream: int) -> None:
        if arriving := self._arriving.pop(stream, None):
            self._answering.add(stream)
            self._busy()
            threading.Thread(target=self._answer, args=(stream, arriving), name="http2-request", daemon=True).start()

    def _answer(self, stream: int, arriving: Arriving) -> None:
        try:
            with closing(arriving.body) as body:
                body.seek(0)
                whole = Request(
                    arriving.method,
                    "2",
                    arriving.target,
                    arriving.headers,
                    body,
                    keep_alive=True,
                    verdict=arriving.verdict,
                )
                self._send(stream, self._environment_of(whole))
        except (Gone, OSError):
            pass
        except Exception:
            LOG.exception("a request of HTTP/2 gets no answer")
            with suppress(Gone, OSError), self._sending():
                self._h2.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
        finally:
            with self._changed:
                self._answering.discard(stream)
                if not self._answering:
                    self._idle()

    def _send(self, stream: int, environ: Environment) -> None:
        with answering(self._application, environ) as answer:
            lines = [(":status", answer.status.split()[0])]
            lines += [(name.lower(), value) for name, value in answer.headers if name.lower() not in OF_ONE_CONNECTION]
            with self._sending():
                self._h2.send_headers(stream, lines, end_stream=not answer.has_body)
            if not answer.has_body:
                return
            for piece in answer.pieces:
                self._send_piece(stream, memoryview(piece))
            with self._sending():
                self._h2.end_stream(stream)

    def _send_piece(self, stream: int, piece: memoryview) -> None:
        while piece:
            with self._sending():
                room = min(self._h2.local_flow_control_window(stream), SENT_AT_ONCE)
                if room <= 0 and not self._changed.wait(IDLE_SECONDS):
                    raise Gone
                for start in range(0, min(room, len(piece)), size := self._h2.max_outbound_frame_size):
                    self._h2.send_data(stream, bytes(piece[start : min(start + size, room)]))
                piece = piece[max(room, 0) :]

    @contextmanager
    def _sending(self) -> Iterator[None]:
        """Raises Gone."""
        with self._changed:
            if not self._is_open:
                raise Gone
            try:
                yield
            except (StreamClosedError, StreamIDTooLowError) as error:
                raise Gone from error
            self._flush()

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._socket.sendall(data)


def _as_of_http1(headers: Headers) -> Headers:
    """With the host in a header of its own, and cookies in one: RFC 9113, 8.3.1 and 8.2.3."""
    named = dict(headers)
    host = named.get(b":authority", named.get(b"host", b""))
    others = [(name, value) for name, value in headers if name not in (b"host", b"cookie") and name[:1] != b":"]
    cookies = b"; ".join(value for name, value in headers if name == b"cookie")
    return [(b"host", host), *others, *([(b"cookie", cookies)] if cookies else [])]
