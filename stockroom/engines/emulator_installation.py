"""The emulator's own Python and npm packages, made from the locks under localstack/ (design decision 4).

Everything lands in the user's cache, ~/.cache/stockroom/emulator/<digest of the locks>/, which all checkouts share:
`python/` (LocalStack), `node/` (DynamoDB Local) and `runtimes/python3.X/` (what a Lambda runtime image holds). Our own
packages are not in it: whoever starts the emulator brings their modules on PYTHONPATH.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from stockroom.system.installation import Installation
from stockroom.system.python_environments import find_python, make_python, run_installer, run_uv
from stockroom.system.user_cache import CACHE
from stockroom.toolkit import OWN_FILES

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
    CACHE / "emulator",
    LOCKS,
    needed_mb=1500,
)


def emulator_dir() -> Path:
    """The folder of the emulator that these locks make, whether it is installed or not."""
    return INSTALLATION.folder


def python() -> Path:
    """The emulator's interpreter."""
    return emulator_dir() / "python" / "bin" / "python"


def own_modules(*folders: Path) -> dict[str, str]:
    """The variable with which an emulator's Python finds our packages in the folders, as they are there now."""
    return {"PYTHONPATH": os.pathsep.join(str(folder / "src") for folder in folders)}


def plugin_modules() -> dict[str, str]:
    """As `own_modules`, of the plugin for LocalStack and what it imports."""
    return own_modules(EMULATION_DIR, LOCALSTACK_DIR / "plugin")


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


def _install_emulator(interpreter: str) -> None:
    folder = emulator_dir() / "python"
    make_python(folder, interpreter, "LocalStack", LOCALSTACK_DIR / "requirements.txt")
    add_packages(folder, EMULATION_DIR, LOCALSTACK_DIR / "plugin")
    node = emulator_dir() / "node"
    node.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCALSTACK_DIR / name, node / name)
    run_npm_ci(node, "install DynamoDB Local")
    run_installer(
        [str(python()), "-m", "stockroom_localstack.install"],
        "prepare DynamoDB Local and the index of AWS services",
        emulator_dir(),
        {"STOCKROOM_EMULATOR_HOME": str(emulator_dir()), **plugin_modules()},
    )


def run_npm_ci(folder: Path, what: str) -> None:
    """Install the lock in the folder, without scripts of packages. Raises StockroomError that says `what` failed."""
    args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    run_installer([str(python().with_name("npm")), *args], what, folder, _with_node())


def run_node(module: str, folder: Path, what: str, variables: Mapping[str, str]) -> None:
    """Run the text of a module in the folder. Raises StockroomError that says `what` failed."""
    args = ["--input-type=module", "--eval", module]
    run_installer([str(python().with_name("node")), *args], what, folder, {**_with_node(), **variables})


def _with_node() -> dict[str, str]:
    return {"PATH": f"{python().parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def _install_runtime(folder: Path, interpreter: str) -> None:
    make_python(folder, interpreter, f"the Lambda runtime {folder.name}", RUNTIMES_LOCK, "--compile-bytecode")


def add_packages(python: Path, *folders: Path) -> None:
    """Install what tells of our packages in the folders, such as entry points, but not their modules.

    With those it would be good for one checkout only, and for that until its next change.
    """
    for folder in folders:
        run_uv(
            "pip", "install", "--python", python / "bin" / "python", "--no-deps", folder,
            what=f"install {folder.relative_to(OWN_FILES)}",
        )  # fmt: skip
        for package in (folder / "src").iterdir():
            for installed in python.glob(f"lib/python*/site-packages/{package.name}"):
                shutil.rmtree(installed)
