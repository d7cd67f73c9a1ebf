"""The emulator's own Python and npm packages, made from the locks under localstack/ (design decision 4).

Everything lands in .stockroom/emulator/<digest of the locks>/: `python/` (LocalStack and our plugin), `node/`
(DynamoDB Local) and `runtimes/python3.X/` (what a Lambda runtime image holds).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from stockroom.errors import StockroomError
from stockroom.project import HOME
from stockroom.system.installation import Installation
from stockroom.toolkit import IMPORTED_FROM, OWN_FILES

LOCALSTACK_DIR = OWN_FILES / "localstack"
EMULATION_DIR = OWN_FILES / "emulation"  # our package that the plugins of both emulators import
VERSION = "3.13"
LAMBDA_VERSIONS = ("3.11", "3.12", "3.13")
RUNTIMES_LOCK = LOCALSTACK_DIR / "runtimes" / "requirements.txt"

LOCKS = (
    LOCALSTACK_DIR / "requirements.txt",
    RUNTIMES_LOCK,
    LOCALSTACK_DIR / "package-lock.json",
    LOCALSTACK_DIR / "plugin" / "pyproject.toml",
    EMULATION_DIR / "pyproject.toml",
)
INSTALLATION = Installation(
    "LocalStack and DynamoDB Local",
    HOME / "emulator",
    LOCKS,
    needed_mb=1500,
)


def emulator_dir() -> Path:
    """The folder of the emulator that these locks make, whether it is installed or not."""
    return INSTALLATION.folder


def python() -> Path:
    """The emulator's interpreter."""
    return emulator_dir() / "python" / "bin" / "python"


def install(report: Callable[[str], None]) -> None:
    """Install what is missing; returns at once when the locks are installed already."""

    def parts() -> Iterator[Callable[[], None]]:
        interpreter = find_python(VERSION) or VERSION
        yield partial(_install_emulator, interpreter)
        yield from runtimes(emulator_dir() / "runtimes", interpreter)

    INSTALLATION.install(report, parts)


def runtimes(folder: Path, interpreter: str) -> Iterator[Callable[[], None]]:
    """What installs folder/python3.X of every Python version of this machine; `interpreter` is that of VERSION."""
    for version in LAMBDA_VERSIONS:
        if found := interpreter if version == VERSION else find_python(version):
            yield partial(_install_runtime, folder / f"python{version}", found)


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
    _run([uv(), "--quiet", "--no-config", *map(str, words)], what, IMPORTED_FROM)


def _install_emulator(interpreter: str) -> None:
    folder = emulator_dir() / "python"
    make_python(folder, interpreter, "LocalStack", LOCALSTACK_DIR / "requirements.txt")
    add_packages(folder, EMULATION_DIR, LOCALSTACK_DIR / "plugin")
    node = emulator_dir() / "node"
    node.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCALSTACK_DIR / name, node / name)
    run_npm_ci(node, "install DynamoDB Local")
    _run(
        [str(python()), "-m", "stockroom_localstack.install"],
        "prepare DynamoDB Local and the index of AWS services",
        emulator_dir(),
        {"STOCKROOM_EMULATOR_HOME": str(emulator_dir())},
    )


def run_npm_ci(folder: Path, what: str) -> None:
    """Install the lock in the folder, without scripts of packages. Raises StockroomError that says `what` failed."""
    words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _run([str(python().with_name("npm")), *words], what, folder, _with_node())


def run_node(module: str, folder: Path, what: str, variables: Mapping[str, str]) -> None:
    """Run the text of a module in the folder. Raises StockroomError that says `what` failed."""
    words = ["--input-type=module", "--eval", module]
    _run([str(python().with_name("node")), *words], what, folder, {**_with_node(), **variables})


def _with_node() -> dict[str, str]:
    return {"PATH": f"{python().parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def _install_runtime(folder: Path, interpreter: str) -> None:
    make_python(folder, interpreter, f"the Lambda runtime {folder.name}", RUNTIMES_LOCK, "--compile-bytecode")


def make_python(folder: Path, interpreter: str, what: str, lock: Path, *words: str) -> None:
    """A Python environment with the packages of the lock; `interpreter` is a path or a version."""
    run_uv("venv", "--no-project", "--python", interpreter, folder, what=f"make the Python environment of {what}")
    run_uv(
        "pip", "install", "--python", folder / "bin" / "python", "--require-hashes", *words, "-r", lock,
        what=f"install {what}",
    )  # fmt: skip


def add_packages(python: Path, *folders: Path) -> None:
    """Let the Python environment import our packages in the folders, as they are there now and later."""
    for folder in folders:
        run_uv(
            "pip", "install", "--python", python / "bin" / "python", "--no-deps", "--editable", folder,
            what=f"install {folder.relative_to(OWN_FILES)}",
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
