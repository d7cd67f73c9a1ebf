"""MiniStack 1.5.33 as a process of this machine, with our patches; its functions are processes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from stockroom.engines.emulator_installation import (
    EMULATION_DIR,
    RUNTIMES_LOCK,
    VERSION,
    add_packages,
    own_modules,
    runtimes,
)
from stockroom.engines.host_process import HostProcessEngine
from stockroom.environments import LOCAL, read_environment
from stockroom.system.installation import Installation
from stockroom.system.python_environments import find_python, make_python
from stockroom.system.user_cache import CACHE
from stockroom.toolkit import OWN_FILES

MINISTACK_DIR = OWN_FILES / "ministack"

INSTALLATION = Installation(
    "MiniStack",
    CACHE / "ministack",
    (
        MINISTACK_DIR / "requirements.txt",
        MINISTACK_DIR / "plugin" / "pyproject.toml",
        EMULATION_DIR / "pyproject.toml",
        RUNTIMES_LOCK,
    ),
    needed_mb=500,
)


def python() -> Path:
    """MiniStack's interpreter."""
    return INSTALLATION.folder / "python" / "bin" / "python"


def plugin_modules() -> dict[str, str]:
    """The variable with which MiniStack's Python finds our patches and what they import."""
    return own_modules(EMULATION_DIR, MINISTACK_DIR / "plugin")


def install(report: Callable[[str], None]) -> None:
    """Install what is missing; returns at once when the locks are installed already."""

    def parts() -> Iterator[Callable[[], None]]:
        interpreter = find_python(VERSION) or VERSION
        yield partial(_install_ministack, INSTALLATION.folder / "python", interpreter)
        yield from runtimes(INSTALLATION.folder / "runtimes", interpreter)

    INSTALLATION.install(report, parts)


def _install_ministack(folder: Path, interpreter: str) -> None:
    make_python(folder, interpreter, "MiniStack", MINISTACK_DIR / "requirements.txt")
    add_packages(folder, EMULATION_DIR, MINISTACK_DIR / "plugin")


class MiniStackEngine(HostProcessEngine):
    """MiniStack, whose world is in memory and ends with it."""

    name = emulator = "ministack"
    _title = "MiniStack"

    def _install(self, say: Callable[[str], None]) -> None:
        install(say)

    def _prepare(self) -> None:
        for name in ("tmp", "state", "s3"):
            (self._folder / name).mkdir()

    def _command(self) -> list[str]:
        return [str(python()), "-m", "stockroom_ministack"]

    def _variables(self) -> dict[str, str]:
        environment = read_environment(LOCAL)
        return {
            **plugin_modules(),
            "TMPDIR": str(self._folder / "tmp"),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": environment.region,
            "MINISTACK_ACCOUNT_ID": environment.account_id,
            "STATE_DIR": str(self._folder / "state"),
            "S3_DATA_DIR": str(self._folder / "s3"),
            "LOG_LEVEL": self._log_level.upper().replace("WARN", "WARNING"),
            # Servers on ports of their own, which listen on every address.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            # No daemon to ask: nothing that MiniStack starts is to be a container.
            "DOCKER_HOST": f"unix://{self._folder}/no-docker.sock",
            "STOCKROOM_MINISTACK_ALLOWED_ORIGINS": ",".join(self._allowed_origins),
            "STOCKROOM_MINISTACK_RUNTIMES": str(INSTALLATION.folder / "runtimes"),
        }
