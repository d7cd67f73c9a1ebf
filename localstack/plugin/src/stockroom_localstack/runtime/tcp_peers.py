"""Which processes hold the other end of a TCP connection of this machine."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress

import psutil
from stockroom_emulation.peers import owner_of

Address = tuple[str, int]


def is_held_by(pid: int, peer: Address, ours: Address) -> bool:
    """Whether the socket at `peer` that is connected to `ours` is open in the process, or in another descendant of its
    parent. Addresses are of IPv4."""
    if sys.platform != "linux":
        return any(_has_connection(process, peer, ours) for process in _family(pid))
    owner = owner_of(socket.AF_INET, peer, ours)
    if not owner:
        return False
    _, inode = owner
    return inode != 0 and any(_has_open(process, inode) for process in _family(pid))


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
