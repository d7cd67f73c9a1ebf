"""Whose process is at the other end of a connection over loopback.

Linux tells the user of every socket: by netlink (sock_diag(7)) for one of them in a few microseconds, or in
/proc/net/tcp, which lists all. Other systems do not tell.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from enum import Enum
from pathlib import Path
from typing import Any

SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
NETLINK_SOCK_DIAG = 4
ALL_STATES = 0xFFFFFFFF
NO_COOKIE = b"\xff" * 8
ROOT = 0

MESSAGE = struct.Struct("=IHHII")  # struct nlmsghdr
REQUEST = struct.Struct("=BBBBI")  # struct inet_diag_req_v2 before its id
PORTS = struct.Struct("!HH")
ADDRESSES_BYTES = 16
# struct inet_diag_msg: four bytes, the id (48 bytes), three numbers, then what we want to know.
OWNER = struct.Struct("=II")
OWNER_OFFSET = MESSAGE.size + 4 + 48 + 3 * 4

Address = tuple[Any, ...]


class Peer(Enum):
    """Whose process has made a connection."""

    SAME_USER = "same user"  # or root
    OTHER_USER = "another user"
    UNKNOWN = "unknown"  # the system does not tell


def peer_of(family: int, client: Address, server: Address) -> Peer:
    """Who has made the connection from client to server, both addresses as the server's socket names them."""
    if sys.platform != "linux":
        return Peer.UNKNOWN
    owner = owner_of(family, client, server)
    # A socket that its process has closed belongs to nobody, and says so by the user 0 without an inode.
    return Peer.SAME_USER if owner and owner[0] in (ROOT, os.getuid()) and owner[1] else Peer.OTHER_USER


def owner_of(family: int, client: Address, server: Address) -> tuple[int, int] | None:
    """User and inode of the client's socket; None when there is none. For Linux."""
    try:
        return _owner_by_netlink(family, client, server)
    except OSError:
        return _owner_by_proc(family, client, server)


def _owner_by_netlink(family: int, client: Address, server: Address) -> tuple[int, int] | None:
    """User and inode of the client's socket; None when there is none. Raises OSError where this can't be asked."""
    addresses = (socket.inet_pton(family, one[0]).ljust(ADDRESSES_BYTES, b"\0") for one in (client, server))
    identity = b"".join([PORTS.pack(client[1], server[1]), *addresses, bytes(4), NO_COOKIE])
    request = REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, ALL_STATES) + identity
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        kernel.send(MESSAGE.pack(MESSAGE.size + len(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 1, 0) + request)
        answer = kernel.recv(4096)
    if MESSAGE.unpack_from(answer)[1] == SOCK_DIAG_BY_FAMILY:
        user, inode = OWNER.unpack_from(answer, OWNER_OFFSET)
        return user, inode
    error = -struct.unpack_from("=i", answer, MESSAGE.size)[0]
    if error == 2:  # ENOENT
        return None
    raise OSError(error, os.strerror(error))


def _owner_by_proc(family: int, client: Address, server: Address) -> tuple[int, int] | None:
    wanted = [_in_proc(family, client), _in_proc(family, server)]
    with Path("/proc/net/tcp6" if family == socket.AF_INET6 else "/proc/net/tcp").open() as table:
        for line in table:
            columns = line.split()
            if columns[1:3] == wanted:
                return int(columns[7]), int(columns[9])
    return None


def _in_proc(family: int, address: Address) -> str:
    """As /proc/net/tcp writes it: words of four bytes in the machine's order."""
    raw = socket.inet_pton(family, address[0])
    words = struct.unpack(f"={len(raw) // 4}I", raw)
    return f"{''.join(f'{word:08X}' for word in words)}:{address[1]:04X}"
