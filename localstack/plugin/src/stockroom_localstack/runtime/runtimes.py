"""Which Python runs which Lambda runtime."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LOG = logging.getLogger(__name__)

SUPPORTED = ("python3.11", "python3.12", "python3.13")
DEFAULT = "python3.13"

# There is nothing to install for these; code for them mostly runs on the nearest version that is there.
STOOD_IN_FOR = ("python3.8", "python3.9", "python3.10", "python3.14")

_warned: set[str] = set()
_warned_lock = threading.Lock()


class RuntimeMissingError(RuntimeError):
    """No interpreter for the runtime; the message says where it was looked for."""


@dataclass(frozen=True)
class Interpreter:
    """A Python environment that holds what AWS's runtime image holds. `name` is python3.X, its real version."""

    name: str
    executable: Path

    @property
    def site_packages(self) -> Path:
        """The folder of the packages that AWS's runtime image holds."""
        return self.executable.parent.parent / "lib" / self.name / "site-packages"


def refusal(runtime: str | None, package_type: str | None) -> str | None:
    """Why a function can't run here, None when it can."""
    works = f"{', '.join(SUPPORTED[:-1])} and {SUPPORTED[-1]}, as zip packages"
    if package_type == "Image":
        return f"Container images do not run on the local emulator. These work locally: {works}."
    if runtime not in (*SUPPORTED, *STOOD_IN_FOR):
        return f"The runtime {runtime} does not run on the local emulator. These work locally: {works}."
    return None


def interpreter_for(runtime: str | None, folder: Path) -> Interpreter:
    """The runtime's own interpreter, else the nearest that is installed, with one warning per runtime.

    folder: holds an environment per runtime, python3.X/bin/python.
    Raises RuntimeMissingError.
    """
    wanted = runtime or DEFAULT
    installed = [name for name in SUPPORTED if (folder / name / "bin" / "python").exists()]
    if not installed:
        raise RuntimeMissingError(f"no Python for the Lambda runtime {wanted}: {folder / DEFAULT} is not installed")
    name = nearest(wanted, installed)
    if name != wanted:
        _warn_once(wanted, name)
    return Interpreter(name, folder / name / "bin" / "python")


def nearest(runtime: str, installed: Sequence[str]) -> str:
    """The one whose version is nearest, the newer of two. All are of the form python3.X."""

    def minor(name: str) -> int:
        return int(name.rpartition(".")[2])

    return min(installed, key=lambda name: (abs(minor(name) - minor(runtime)), -minor(name)))


def _warn_once(runtime: str, used: str) -> None:
    with _warned_lock:
        if runtime in _warned:
            return
        _warned.add(runtime)
    LOG.warning("this machine has no interpreter for %s: its functions run on %s", runtime, used)
