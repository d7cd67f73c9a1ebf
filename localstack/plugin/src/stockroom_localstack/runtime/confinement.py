"""What a function may touch of this machine: what it has on AWS as well. confinement_main.py makes it so, on Linux.

Everything else is closed to it: homes of users with their keys, this checkout, the platform's state, other functions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from .environment import Places

CONFINEMENT = Path(__file__).with_name("confinement_main.py")
SYSTEM = (
    *("/bin", "/etc", "/lib", "/lib32", "/lib64", "/opt", "/proc", "/sbin", "/sys", "/usr"),
    # Where systems keep programs and libraries, and what /etc points to: certificates, name servers.
    *("/gnu/store", "/home/linuxbrew/.linuxbrew", "/nix/store", "/run/systemd/resolve", "/var/lib/ca-certificates"),
)
DEVICES = ("/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero")
TEMPORARY = "/tmp"  # noqa: S108  # a function's only folder on AWS, and many name it
OF_PYTHON = ("lib", "lib64", "share", "ssl")


@dataclass(frozen=True)
class Access:
    """Files, and folders with all that is in them: to read and run, and to change as well."""

    read: list[str]
    write: list[str]


def access(places: Places) -> Access:
    """What a process with these places may touch. Code and layers can be read, as on AWS; Python keeps what it
    compiles in a folder beside each module, which can be written."""
    python = places.interpreter.resolve()
    code = (places.task_root, *places.layers)
    read = [
        *(python.parent.parent / name for name in OF_PYTHON),
        python,
        places.interpreter.parent.parent,
        *code,
        Path("/etc/resolv.conf").resolve(),
    ]
    write = [places.private, *(folder for root in code for folder in _compiled(root, _identity(root)))]
    return Access([*SYSTEM, *map(str, read)], [TEMPORARY, *DEVICES, *map(str, write)])


def confined(command: Iterable[str | Path], access: Access) -> list[str | Path]:
    """The command that runs the given one confined to this access."""
    return [sys.executable, "-I", "-S", CONFINEMENT, json.dumps(asdict(access)), *command]


def _identity(root: Path) -> tuple[int, int]:
    """A folder that was unpacked anew has another one."""
    status = root.stat()
    return status.st_ino, status.st_ctime_ns


@lru_cache(maxsize=1024)
def _compiled(root: Path, _: tuple[int, int]) -> tuple[Path, ...]:
    folders = {module.parent / "__pycache__" for module in root.rglob("*.py")}
    for folder in folders:
        folder.mkdir(exist_ok=True)
    return tuple(folders)
