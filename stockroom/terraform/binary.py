"""Finding Terraform or OpenTofu, and whether it is new enough."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from stockroom.errors import StockroomError
from stockroom.project import HOME
from stockroom.settings import Settings

MINIMUM_VERSION = (1, 10)


@dataclass(frozen=True)
class Binary:
    """A Terraform or OpenTofu that is new enough."""

    path: Path
    version: str


def find_binary(settings: Settings) -> Binary:
    """The Terraform to use. Raises StockroomError when there is none, or it is too old."""
    candidates = [settings.terraform, HOME / "bin" / "terraform", *map(shutil.which, ("terraform", "tofu"))]
    path = next((Path(one) for one in candidates if one and Path(one).is_file()), None)
    if path is None or (settings.terraform and path != settings.terraform):
        where = f"at STOCKROOM_TERRAFORM={settings.terraform}" if settings.terraform else "on PATH"
        raise StockroomError(
            f"no Terraform or OpenTofu found {where}",
            "run `invoke setup-terraform`, or install Terraform 1.10 or newer",
        )
    version = _read_version(path)
    if parse_version(version) < MINIMUM_VERSION:
        raise StockroomError(
            f"{path} is version {version}, and {'.'.join(map(str, MINIMUM_VERSION))} or newer is needed",
            "run `invoke setup-terraform`, or install a newer one",
        )
    return Binary(path, version)


def parse_version(version: str) -> tuple[int, ...]:
    """(1, 11, 4) of "1.11.4" or "1.11.4-rc1"."""
    return tuple(int(part) for part in version.split("-", maxsplit=1)[0].split(".") if part.isdigit())


def _read_version(path: Path) -> str:
    try:
        done = subprocess.run(
            [str(path), "version", "-json"],
            capture_output=True, text=True, check=True, timeout=30,
            env={**os.environ, "CHECKPOINT_DISABLE": "1"},
        )  # fmt: skip
        return str(json.loads(done.stdout)["terraform_version"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        raise StockroomError(f"{path} does not answer `version -json`", "install Terraform 1.10 or newer") from None
