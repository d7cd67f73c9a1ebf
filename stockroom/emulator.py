"""The emulator's own Python and npm packages, made from the locks under localstack/ (design decision 4).

Everything lands in .stockroom/emulator/<digest of the locks>/: `python/` (LocalStack and our plugin), `node/`
(DynamoDB Local and Kinesis Mock) and `runtimes/python3.X/` (what a Lambda runtime image holds). So other locks
never touch the files of an emulator that runs; what no emulator uses any more is removed. An interrupted
installation is done again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time

from stockroom.errors import StockroomError
from stockroom.lock import exclusive
from stockroom.processes import processes_in, stop
from stockroom.settings import HOME, ROOT

LOCALSTACK_DIR = ROOT / "localstack"
EMULATORS_DIR = HOME / "emulator"
VERSION = "3.13"
LAMBDA_VERSIONS = ("3.11", "3.12", "3.13")

LOCKS = (
    "requirements.txt",
    "runtimes/requirements.txt",
    "package-lock.json",
    "plugin/pyproject.toml",
)
_NEEDED_MB = 1500
_DAY = 24 * 3600


def lock_digest() -> str:
    """SHA-256 over the locks from which the emulator is installed."""
    digest = hashlib.sha256(str(ROOT).encode())
    for name in LOCKS:
        digest.update((LOCALSTACK_DIR / name).read_bytes())
    return digest.hexdigest()


def emulator_dir() -> Path:
    """The folder of the emulator that these locks make, whether it is installed or not."""
    return EMULATORS_DIR / lock_digest()[:12]


def python() -> Path:
    """The emulator's interpreter."""
    return emulator_dir() / "python" / "bin" / "python"


def is_installed() -> bool:
    return (emulator_dir() / "installed").exists()


def install(report: Callable[[str], None]) -> None:
    """Install what is missing; returns at once when the locks are installed already.

    Raises StockroomError that names the step and the end of its output.
    """
    if is_installed():
        return
    EMULATORS_DIR.mkdir(parents=True, exist_ok=True)
    with exclusive(EMULATORS_DIR / "lock", "install the emulator", report):
        if is_installed():
            return
        check_free_space(HOME, _NEEDED_MB)
        report("installing LocalStack, DynamoDB Local and Kinesis Mock (once)")
        for old in (path for path in EMULATORS_DIR.iterdir() if path.is_dir() and _is_outdated(path)):
            shutil.rmtree(old, ignore_errors=True)
        # Of an installation that was killed, installers may still be at work.
        stop(list(processes_in(emulator_dir())), patience=2)
        shutil.rmtree(emulator_dir(), ignore_errors=True)
        emulator_dir().mkdir()
        interpreter = find_python(VERSION) or VERSION
        with ThreadPoolExecutor() as pool:
            parts = [pool.submit(_install_emulator, interpreter)]
            parts += [
                pool.submit(_install_runtime, version, found)
                for version in LAMBDA_VERSIONS
                if (found := interpreter if version == VERSION else find_python(version))
            ]
            for part in parts:
                part.result()
        (emulator_dir() / "installed").touch()


def _is_outdated(folder: Path) -> bool:
    """Half installed, or installed more than a day ago (someone may be about to start it) and used by nothing."""
    marker = folder / "installed"
    recent = marker.exists() and time() - marker.stat().st_mtime < _DAY
    return not recent and not any(processes_in(folder))


def check_free_space(folder: Path, needed_mb: int) -> None:
    """Raises StockroomError when the file system of the folder has less than `needed_mb` megabytes left."""
    folder.mkdir(parents=True, exist_ok=True)
    free_mb = shutil.disk_usage(folder).free // 2**20
    if free_mb < needed_mb:
        raise StockroomError(
            f"no disk space: {folder} has {free_mb} MB left and {needed_mb} MB are needed",
            "free some space, or set STOCKROOM_RUN_DIR to a folder on another disk",
        )


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


def run_uv(*words: str | Path, what: str) -> None:
    _run([uv(), "--quiet", "--no-config", *map(str, words)], what, ROOT)


def _install_emulator(interpreter: str) -> None:
    folder = emulator_dir() / "python"
    run_uv("venv", "--no-project", "--python", interpreter, folder, what="make the emulator's Python environment")
    run_uv(
        "pip", "install", "--python", python(), "--require-hashes", "-r", LOCALSTACK_DIR / "requirements.txt",
        what="install LocalStack",
    )  # fmt: skip
    run_uv(
        "pip", "install", "--python", python(), "--no-deps", "--editable", LOCALSTACK_DIR / "plugin",
        what="install the LocalStack plugin",
    )  # fmt: skip
    _run(
        [str(python()), "-m", "stockroom_localstack.service_index"],
        "build the index of AWS services",
        emulator_dir(),
        {"STOCKROOM_EMULATOR_HOME": str(emulator_dir())},
    )
    node = emulator_dir() / "node"
    node.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCALSTACK_DIR / name, node / name)
    _run(
        [
            str(folder / "bin" / "npm"),
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ],
        "install DynamoDB Local and Kinesis Mock",
        node,
        {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"},
    )


def _install_runtime(version: str, interpreter: str) -> None:
    folder = emulator_dir() / "runtimes" / f"python{version}"
    run_uv(
        "venv",
        "--no-project",
        "--python",
        interpreter,
        folder,
        what=f"make the Lambda runtime python{version}",
    )
    run_uv(
        "pip", "install", "--python", folder / "bin" / "python", "--require-hashes", "--compile-bytecode",
        "-r", LOCALSTACK_DIR / "runtimes" / "requirements.txt",
        what=f"fill the Lambda runtime python{version}",
    )  # fmt: skip


def _run(command: list[str], what: str, folder: Path, extra: Mapping[str, str] | None = None) -> None:
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
