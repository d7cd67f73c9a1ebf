"""Downloading the pinned Terraform for a machine that has none."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.request
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from stockroom.errors import StockroomError
from stockroom.project import HOME
from stockroom.terraform.provider_sources import target_platform

VERSION = "1.11.4"
RELEASES = "https://releases.hashicorp.com/terraform"

# Of terraform_1.11.4_<platform>.zip, from HashiCorp's signed list of checksums of that release.
SHA256 = {
    "linux_amd64": "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
    "linux_arm64": "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
    "darwin_amd64": "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b",
    "darwin_arm64": "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18",
}


def setup_terraform(
    say: Callable[[str], None],
    releases: str = RELEASES,
    checksums: dict[str, str] = SHA256,
    target: Path = HOME / "bin" / "terraform",
) -> Path:
    """Download the pinned Terraform, check its SHA-256, and put it at `target`, where the toolkit looks first.

    Raises StockroomError when there is none for this machine, it can not be had, or it is not the right one.
    """
    machine = target_platform()
    if machine not in checksums:
        raise StockroomError(
            f"there is no pinned Terraform for {machine}",
            "install Terraform 1.10 or newer and put it on PATH, or name it in STOCKROOM_TERRAFORM",
        )
    url = f"{releases}/{VERSION}/terraform_{VERSION}_{machine}.zip"
    say(f"downloading {url}")
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 # https, and checked below
            content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise StockroomError(
            f"{url} can not be downloaded: {error}",
            "check the network, or install Terraform 1.10 or newer and put it on PATH",
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if found != checksums[machine]:
        raise StockroomError(
            f"what {url} gave has SHA-256 {found}, and {checksums[machine]} was expected; nothing was installed",
            "something between you and the server changes downloads; try another network",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".tmp")
    with zipfile.ZipFile(BytesIO(content)) as archive:
        draft.write_bytes(archive.read("terraform"))
    draft.chmod(0o755)
    os.replace(draft, target)  # noqa: PTH105 # one atomic step
    say(f"Terraform {VERSION} is at {target}")
    return target
