"""Which processes hold the other end of a TCP connection of this machine."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import psutil

Address = tuple[str, int]

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
NO_COOKIE = b"\xff" * 8
NETLINK_HEADER = struct.Struct("=IHHII")
INODE_AT = NETLINK_HEADER.size + 68  # the last member of inet_diag_msg


def is_held_by(pid: int, peer: Address, ours: Address) -> bool:
    """Whether the socket at `peer` that is connected to `ours` is open in the process, or in another descendant of its
    parent. Addresses are of IPv4."""
    if sys.platform != "linux":
        return any(_has_connection(process, peer, ours) for process in _family(pid))
    inode = _inode(peer, ours)
    return inode is not None and any(_has_open(process, inode) for process in _family(pid))


def _family(pid: int) -> Iterator[int]:
    """The process itself first: mostly it is the one, and no other has to be looked at."""
    yield pid
    with suppress(psutil.Error):
        # Orphans of a function are its supervisor's, which has nobody else to look after.
        parent = psutil.Process(pid).parent()
        if parent:
            yield from (process.pid for process in parent.children(recursive=True) if process.pid != pid)


def _has_open(pid: int, inode: int) -> bool:
    wanted = f"socket:[{inode}]"
    with suppress(OSError):
        for descriptor in os.scandir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                if os.readlink(descriptor.path) == wanted:  # noqa: PTH115  # there are many of them
                    return True
    return False


def _has_connection(pid: int, peer: Address, ours: Address) -> bool:
    with suppress(psutil.Error):
        return any(each.laddr == peer and each.raddr == ours for each in psutil.Process(pid).net_connections("tcp4"))
    return False


def _inode(peer: Address, ours: Address) -> int | None:
    """Of the socket at `peer`; None when there is none."""
    try:
        return _ask_for_inode(peer, ours)
    except OSError:  # a system without this
        return _look_for_inode(peer, ours)


def _ask_for_inode(peer: Address, ours: Address) -> int | None:
    """The table of all connections takes a thousand times as long to read."""
    (host, port), (our_host, our_port) = peer, ours
    wanted = struct.pack("!HH", port, our_port)
    wanted += ip_address(host).packed.ljust(16, b"\0") + ip_address(our_host).packed.ljust(16, b"\0")
    request = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
    request += wanted + bytes(4) + NO_COOKIE
    length = NETLINK_HEADER.size + len(request)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        kernel.send(NETLINK_HEADER.pack(length, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0) + request)
        answer = kernel.recv(4096)
    _, kind, *_ = NETLINK_HEADER.unpack_from(answer)
    if kind == SOCK_DIAG_BY_FAMILY:
        return int(struct.unpack_from("=I", answer, INODE_AT)[0]) or None
    error = -int(struct.unpack_from("=i", answer, NETLINK_HEADER.size)[0])
    if error == 2:  # ENOENT
        return None
    raise OSError(error, os.strerror(error))


def _look_for_inode(peer: Address, ours: Address) -> int | None:
    wanted = [_in_hexadecimal(peer), _in_hexadecimal(ours)]
    with Path("/proc/net/tcp").open() as table:
        for line in table:
            columns = line.split()
            if columns[1:3] == wanted:
                return int(columns[9]) or None
    return None


def _in_hexadecimal(address: Address) -> str:
    host, port = address
    return f"{int.from_bytes(ip_address(host).packed, sys.byteorder):08X}:{port:04X}"
