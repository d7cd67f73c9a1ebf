"""What the toolkit tells the emulator, read once from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


class SettingsError(RuntimeError):
    """A setting is missing or points nowhere; the message says which and what to do."""


@dataclass(frozen=True)
class Settings:
    """
    home: folder with `node/node_modules` and `runtimes/python3.X`, shared by all platforms of a user.
    run_dir: folder of this one platform; the emulator ends when it disappears. None: no such folder to watch.
    services: names of the AWS services that are started early, in this order.
    state: folder of a saved state with which the emulator starts, as soon as it is there; None: with nothing.
    parent: pid of the toolkit that puts it there, and without which it never will be.
    proves: the emulator only tells whether that state can be loaded, by its exit status.
    allowed_origins: of web pages that may ask for everything, such as http://localhost:3000.
    """

    home: Path
    run_dir: Path | None
    services: tuple[str, ...]
    state: Path | None
    parent: int
    allowed_origins: frozenset[str] = frozenset()
    proves: bool = False

    @property
    def node_modules(self) -> Path:
        """Where npm has installed DynamoDB Local."""
        return self.home / "node" / "node_modules"

    @property
    def runtimes(self) -> Path:
        """The folder with a Python environment `python3.X` for each Lambda runtime."""
        return self.home / "runtimes"


def parse_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in the variables of a process. Raises SettingsError when STOCKROOM_EMULATOR_HOME is not set."""
    home = environ.get("STOCKROOM_EMULATOR_HOME", "")
    if not home:
        raise SettingsError(
            "STOCKROOM_EMULATOR_HOME is not set: it names the folder that holds node/ and runtimes/; "
            "start the emulator with `invoke infra-up`"
        )
    run_dir = environ.get("STOCKROOM_EMULATOR_RUN_DIR", "")
    services = environ.get("STOCKROOM_EMULATOR_SERVICES", "")
    state = environ.get("STOCKROOM_EMULATOR_STATE", "")
    return Settings(
        home=Path(home).absolute(),
        run_dir=Path(run_dir).absolute() if run_dir else None,
        services=_listed(services),
        state=Path(state).absolute() if state else None,
        parent=int(environ.get("STOCKROOM_EMULATOR_PARENT", os.getppid())),
        allowed_origins=frozenset(_listed(environ.get("STOCKROOM_EMULATOR_ALLOWED_ORIGINS", ""))),
        proves=environ.get("STOCKROOM_EMULATOR_PROVES") == "1",
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name for name in (part.strip() for part in text.split(",")) if name)


@cache
def current() -> Settings:
    """The settings of this emulator process."""
    return parse_settings(os.environ)
