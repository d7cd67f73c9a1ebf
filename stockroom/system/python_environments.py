"""Python environments that the toolkit makes from locks, with uv."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from stockroom.errors import StockroomError
from stockroom.toolkit import IMPORTED_FROM


def find_python(version: str) -> str | None:
    """Path of an interpreter of this version (such as "3.12") on the machine, or None."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return str(Path(sys.executable).resolve())
    for folder in sorted(
        (Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions").glob(f"{version}.*")
    ):
        if (folder / "bin" / "python").exists():
            return str(folder / "bin" / "python")
    found = subprocess.run(
        [uv(), "python", "find", "--no-project", "--system", "--no-python-downloads", version],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or None


def uv() -> str:
    """Path of the uv that came with the toolkit's requirements."""
    beside = Path(sys.executable).parent / "uv"
    if found := str(beside) if beside.exists() else shutil.which("uv"):
        return found
    raise StockroomError("uv is missing", "pip install -r requirements.txt")


def run_uv(*args: str | Path, what: str) -> None:
    run_installer([uv(), "--quiet", "--no-config", *map(str, args)], what, IMPORTED_FROM)


def make_python(folder: Path, interpreter: str, what: str, lock: Path, *args: str) -> None:
    """A Python environment with the packages of the lock; `interpreter` is a path or a version."""
    run_uv("venv", "--no-project", "--python", interpreter, folder, what=f"make the Python environment of {what}")
    run_uv(
        "pip", "install", "--python", folder / "bin" / "python", "--require-hashes", *args, "-r", lock,
        what=f"install {what}",
    )  # fmt: skip


def run_installer(command: list[str], what: str, folder: Path, extra: Mapping[str, str] | None = None) -> None:
    """Run an installer in the folder, out of reach of AWS. Raises StockroomError that says `what` failed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "VIRTUAL_ENV"))}
    environment |= extra or {}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StockroomError(
            f"could not {what} (exit code {done.returncode})",
            "check the connection to the package registries, then run the command again",
            "\n".join(done.stdout.strip().splitlines()[-10:]),
        )
