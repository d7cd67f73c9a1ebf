"""Reads what the parts of a key are made of: the emulator's and the toolkit's sources, the release, the dataset."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from stockroom.engines.emulator_installation import EMULATION_DIR, LOCALSTACK_DIR, LOCKS
from stockroom.environments import LOCAL
from stockroom.project import ROOT
from stockroom.settings import SAMPLE_DIR, Settings
from stockroom.snapshots.keys import FORMAT, NOT_SEEDED, Parts, digest_of
from stockroom.terraform.binary import Binary
from stockroom.toolkit import IMPORTED_FROM, OWN_FILES

# What else than Terraform puts something into a platform.
_MAKERS = (
    "stockroom/bootstrap.py",
    "stockroom/deployed/secrets.py",
    "stockroom/local/seeding.py",
    "stockroom/deployed/terraform_state.py",
)
_SEEDERS = ("seed/*.py",)


def read_parts(settings: Settings, binary: Binary | None, stacks: list[str], release: str, dataset: str) -> Parts:
    """The parts of the platform that `infra-up` makes here and now.

    `release` is its digest, `dataset` what `dataset_part` tells. Of a platform that no command finished, nothing is
    known but its emulator: then binary is None, there are no stacks, and the other two are empty.
    """
    plugins = (EMULATION_DIR / "src", LOCALSTACK_DIR / "plugin" / "src")
    return Parts(
        format=FORMAT,
        engine=settings.engine,
        emulator=digest_of(LOCKS, OWN_FILES),
        plugin=digest_of((path for plugin in plugins for path in plugin.rglob("*.py")), OWN_FILES),
        toolkit=f"{_digest_of(_MAKERS, IMPORTED_FROM)} {_digest_of(_SEEDERS, ROOT)}",
        terraform=f"{binary.path.name} {binary.version}" if binary else "",
        endpoint=settings.local_endpoint,
        environment=LOCAL,
        stacks=",".join(stacks),
        release=release,
        dataset=dataset,
    )


def _digest_of(patterns: tuple[str, ...], top: Path) -> str:
    return digest_of((path for pattern in patterns for path in top.glob(pattern)), top)


def dataset_part(seed: bool, dataset: Path | None, date_order: str | None, duplicates: str) -> str:
    """What is seeded, and how it is read. Raises OSError where the dataset can't be read."""
    if not seed:
        return NOT_SEEDED
    place = dataset or SAMPLE_DIR
    if place.is_dir():
        content = digest_of(place.glob("*.jsonl"), place)
    else:
        with place.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    # The name is in what is stored: the raw bucket keeps the file under it. It may be no text at all.
    name = place.name if place.name.isprintable() else repr(os.fsencode(place.name))
    return f"{content} {name} {date_order or 'order as found'} {duplicates}"


def is_of_file(part: str, digest: str) -> bool:
    """Whether `dataset_part` gave `part` for a file with the SHA-256 `digest`."""
    return part.startswith(f"{digest} ")
