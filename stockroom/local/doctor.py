"""Checks every prerequisite and says how to mend each."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stockroom.engines import emulator_installation as emulator
from stockroom.engines import make_engine, ministack
from stockroom.engines.host_process import NEEDED_MB
from stockroom.environments import LOCAL, read_environment
from stockroom.errors import StockroomError
from stockroom.project import HOME, ROOT
from stockroom.settings import Settings
from stockroom.system.installation import Installation, check_free_space
from stockroom.system.python_environments import find_python, uv
from stockroom.terraform.binary import find_binary
from stockroom.terraform.provider_sources import find_mirror, user_cli_config

OK, WARNING, FAILED = "ok", "warning", "failed"


@dataclass(frozen=True)
class Finding:
    """`result` is "ok", "warning" (works, but…) or "failed" (infra-up would not work); `mend` says what to do."""

    check: str
    result: str
    detail: str
    mend: str | None = None


def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which `infra-up` needs the things."""
    checks: list[tuple[str, Callable[[Settings], Finding]]] = [
        ("python", _python),
        ("uv", _uv),
        ("terraform", _terraform),
        ("provider", _provider),
        ("environment", _environment),
        ("emulator", _emulator),
        ("disk", _disk),
        ("engine", _engine),
        ("git", _git),
    ]
    return [_run(name, check, settings) for name, check in checks]


def _run(name: str, check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    try:
        return check(settings)
    except StockroomError as error:
        return Finding(name, FAILED, error.message, error.hint)


def _python(_: Settings) -> Finding:
    version = platform.python_version()
    if sys.version_info < (3, 13):  # noqa: UP036 # someone may run it so
        return Finding("python", FAILED, f"Python {version}", "use Python 3.13 or newer for the toolkit")
    return Finding("python", OK, f"Python {version} runs the toolkit")


def _uv(_: Settings) -> Finding:
    return Finding("uv", OK, uv())


def _terraform(settings: Settings) -> Finding:
    binary = find_binary(settings)
    return Finding("terraform", OK, f"{binary.version} at {binary.path}")


def _provider(settings: Settings) -> Finding:
    import os

    if mirror := find_mirror(settings):
        return Finding("provider", OK, f"from {mirror}")
    if config := user_cli_config(os.environ):
        return Finding("provider", OK, f"as {config} says")
    return Finding("provider", OK, "from Terraform's plugin directories, else downloaded once (about 150 MB)")


def _environment(_: Settings) -> Finding:
    environment = read_environment(LOCAL)
    return Finding("environment", OK, f"local is account {environment.account_id} in {environment.region}")


def _installation(settings: Settings) -> Installation | None:
    """What the engine of these settings needs to be installed, or None."""
    match settings.engine:
        case "localstack":
            return emulator.INSTALLATION
        case "ministack":
            return ministack.INSTALLATION
        case _:
            return None


def _emulator(settings: Settings) -> Finding:
    installation = _installation(settings)
    if installation is None:
        return Finding("emulator", OK, f"not needed by the engine {settings.engine}")
    if installation.is_installed():
        runtimes = sorted(path.name for path in (installation.folder / "runtimes").iterdir())
        return Finding("emulator", OK, f"installed; Lambda runtimes: {', '.join(runtimes)}")
    if interpreter := find_python(emulator.VERSION):
        return Finding("emulator", OK, f"not installed yet; infra-up does it with {interpreter}")
    return Finding(
        "emulator",
        WARNING,
        f"not installed yet, and there is no Python {emulator.VERSION} here; uv will download one",
        f"install Python {emulator.VERSION} if that download is not possible",
    )


def _disk(settings: Settings) -> Finding:
    installation = _installation(settings)
    missing = installation.needed_mb if installation and not installation.is_installed() else 0
    needed = NEEDED_MB + missing
    for folder in (HOME, settings.run_dir):
        check_free_space(folder, needed)
    return Finding("disk", OK, f"{shutil.disk_usage(ROOT).free // 2**30} GB left, {needed} MB needed")


def _engine(settings: Settings) -> Finding:
    engine = make_engine(settings)
    status = engine.status()
    if status.state == "running":
        return Finding("engine", OK, f"{status.name} runs at {status.endpoint}")
    engine.check()
    return Finding("engine", OK, f"{status.name} is {status.state} and nobody else has port {settings.port}")


def _git(_: Settings) -> Finding:
    if shutil.which("git") and Path(ROOT / ".git").exists():
        return Finding("git", OK, "releases are tied to commits")
    return Finding("git", WARNING, "no git checkout here", "clone the repository with git to tie releases to commits")
