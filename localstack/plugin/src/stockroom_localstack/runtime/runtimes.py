"""Which Python runs which Lambda runtime."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

LOG = logging.getLogger(__name__)

SUPPORTED = ("python3.11", "python3.12", "python3.13")
DEFAULT = "python3.13"

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
    if runtime not in SUPPORTED:
        return f"The runtime {runtime} does not run on the local emulator. These work locally: {works}."
    return None


def interpreter_for(runtime: str | None, folder: Path) -> Interpreter:
    """The runtime's own interpreter, else that of the default runtime, with one warning per runtime.

    folder: holds an environment per runtime, python3.X/bin/python.
    Raises RuntimeMissingError.
    """
    runtime = runtime or DEFAULT
    for name in (runtime, DEFAULT):
        executable = folder / name / "bin" / "python"
        if executable.exists():
            if name != runtime:
                _warn_once(runtime, name)
            return Interpreter(name, executable)
    raise RuntimeMissingError(f"no Python for the Lambda runtime {runtime}: {folder / DEFAULT} is not installed")


def _warn_once(runtime: str, used: str) -> None:
    with _warned_lock:
        if runtime in _warned:
            return
        _warned.add(runtime)
    LOG.warning("this machine has no interpreter for %s: its functions run on %s", runtime, used)
