"""How many connections the server holds, and which of them go first: those on which nobody asks for anything.

A limit that is reached must not make it deaf. So there is room for new connections by closing idle ones, the longest
idle first, and accepting goes on after any error.
"""

from __future__ import annotations

import errno
import logging
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

LOG = logging.getLogger(__name__)

MOST_CONNECTIONS = 4096
IDLE_SECONDS = 120  # longer than clients keep a connection themselves
SEND_SECONDS = 600  # that a client may leave what is sent to it unread
PAUSE_SECONDS = 0.05
TOO_MANY = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def most_connections(files: int) -> int:
    """How many connections there may be. Half of the files are for everything else: backends, functions, objects."""
    return min(MOST_CONNECTIONS, files // 2)


class Connection:
    """A connection by its socket, which is another one once the client speaks TLS."""

    __slots__ = ("socket",)

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected


class Connections:
    """The connections that are open, at most `most` of them. Safe for threads."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._open = 0
        self._idle: dict[Connection, None] = {}  # no request is under way on them; the longest idle first

    def enter(self, connection: Connection) -> bool:
        """Let a connection in. False: there is no room, since requests are under way on all that are open."""
        with self._lock:
            if self._open >= self.most and not self._close_idle():
                return False
            self._open += 1
            self._idle[connection] = None
            return True

    def leave(self, connection: Connection) -> None:
        """The connection is closed."""
        with self._lock:
            self._open -= 1
            self._idle.pop(connection, None)

    def busy(self, connection: Connection) -> None:
        """A request is under way on the connection, so it is not closed to make room."""
        self._idle.pop(connection, None)

    def idle(self, connection: Connection) -> None:
        """No request is under way on the connection any more."""
        self._idle[connection] = None

    def make_room(self) -> None:
        """Close the connection that has been idle for longest, if there is one."""
        with self._lock:
            self._close_idle()

    def _close_idle(self) -> bool:
        # Threads take connections out without the lock: one that is found may be gone by now.
        for connection in list(self._idle):
            if self._idle.pop(connection, self) is None:
                with suppress(OSError):
                    connection.socket.shutdown(socket.SHUT_RDWR)  # its thread closes it
                return True
        return False


def limit_waiting(connected: socket.socket) -> None:
    """Let reading raise BlockingIOError after IDLE_SECONDS, and sending after SEND_SECONDS.

    The system does it, so that it costs no call for each wait.
    """
    for option, seconds in ((socket.SO_RCVTIMEO, IDLE_SECONDS), (socket.SO_SNDTIMEO, SEND_SECONDS)):
        connected.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))


def accept_forever(
    listening: socket.socket,
    connections: Connections,
    stopped: threading.Event,
    serve: Callable[[Connection, Any], None],
) -> None:
    """Accept connections until `stopped` is set, whatever happens, and serve each in a thread of its own."""
    while not stopped.is_set():
        try:
            connected, client = listening.accept()
        except OSError as error:
            if error.errno in TOO_MANY:
                LOG.warning("no connection can be accepted: %s", error)
                connections.make_room()
                stopped.wait(PAUSE_SECONDS)
            continue
        limit_waiting(connected)
        connection = Connection(connected)
        if not connections.enter(connection):
            LOG.warning("all %d connections are busy; another one is refused", connections.most)
            connected.close()
            continue
        try:
            threading.Thread(target=serve, args=(connection, client), name="http-connection", daemon=True).start()
        except RuntimeError as error:  # there are no more threads
            LOG.warning("no connection can be served: %s", error)
            connections.leave(connection)
            connected.close()
            stopped.wait(PAUSE_SECONDS)
