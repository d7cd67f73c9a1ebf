"""What a function's process may touch of this machine, by Landlock. Then runs a command, if there is one.

    python -I -S confinement_main.py <access as JSON> <command> [<argument> ...]

The fork server has it without a command: its processes are confined as they are. It is run by interpreters that have no
plugin, so it imports little, and nothing outside the standard library.

https://docs.kernel.org/userspace-api/landlock.html: no root is needed, children inherit it, and nothing undoes it.
Beside files it closes, in every version, what the system tells of processes that are not confined alike, such as their
environment and memory (ptrace). From version 6 on it closes signals to them, and their abstract sockets.

An emulator of root's, as in a container, has functions without root's capabilities, which go round all of this.
"""

import ctypes
import json
import os
import stat
import sys

PR_SET_NO_NEW_PRIVS = 38
CAPABILITIES_VERSION = 0x20080522
# The same numbers on every architecture but Alpha.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
ASK_FOR_VERSION = 1
PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_FOLDER, TRUNCATE, DEVICE_CONTROL = 1, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | DEVICE_CONTROL
READ = EXECUTE | READ_FILE | READ_FOLDER
# How many of the rights, which are bits in order, each version knows.
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
SIGNALS_AND_ABSTRACT_SOCKETS = 0b11

libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """The version of the system's Landlock; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(int(libc.syscall(CREATE_RULESET, None, 0, ASK_FOR_VERSION)), 0)


def confine(read: list[str], write: list[str]) -> None:
    """From now on this thread and all that it starts can open what is in `read` and, also to change it, in `write`.

    Both are files, and folders with all that is in them; what is not there is left out. Where the system has no
    Landlock, capabilities are all that is given up. Raises OSError where the system does not do what it says.
    """
    if sys.platform != "linux":
        return
    _give_up_privileges()
    known = version()
    if not known:
        return
    every = (1 << RIGHTS[min(known, max(RIGHTS))]) - 1
    scopes = SIGNALS_AND_ABSTRACT_SOCKETS if known >= 6 else 0
    attributes = (ctypes.c_uint64 * 3)(every, 0, scopes)
    rules = _check(libc.syscall(CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0))
    for rights, paths in ((READ & every, read), (every, write)):
        for path in paths:
            _allow(rules, rights, path)
    _check(libc.syscall(RESTRICT_SELF, rules, 0))
    os.close(rules)


def _give_up_privileges() -> None:
    """For good: no program that is run later has any of them either."""
    _check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _check(libc.capset((ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0), (ctypes.c_uint32 * 6)()))


def _allow(rules: int, rights: int, path: str) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not stat.S_ISDIR(os.fstat(place).st_mode):
        rights &= OF_FILES
    beneath = rights.to_bytes(8, sys.byteorder) + place.to_bytes(4, sys.byteorder)
    _check(libc.syscall(ADD_RULE, rules, PATH_BENEATH, beneath, 0))
    os.close(place)


def _check(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"can't confine the function: {os.strerror(ctypes.get_errno())}")
    return int(result)


if __name__ == "__main__":
    confine(**json.loads(sys.argv[1]))
    try:
        os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  # a shell is the last thing wanted here
    except OSError as error:
        os.write(2, f"cannot run {sys.argv[2]}: {error.strerror}\n".encode())
        os._exit(127)
