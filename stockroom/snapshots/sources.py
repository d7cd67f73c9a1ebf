"""Reads what the parts of a key are made of: the emulator's and the toolkit's sources, the release, the dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stockroom.engines.emulator_installation import EMULATION_DIR, LOCALSTACK_DIR, LOCKS
from stockroom.environments import LOCAL
from stockroom.project import ROOT
from stockroom.seeder import seeder_sources
from stockroom.settings import Settings
from stockroom.snapshots.keys import FORMAT, Parts, digest_of
from stockroom.stacks import Manifests
from stockroom.terraform.binary import Binary
from stockroom.toolkit import IMPORTED_FROM, OWN_FILES

# What else than Terraform and seeders puts something into a platform.
_MAKERS = ("stockroom/bootstrap.py", "stockroom/deployed/secrets.py", "stockroom/deployed/terraform_state.py")


def read_parts(
    settings: Settings,
    binary: Binary | None,
    stacks: Iterable[str],
    release: str,
    seeds: Mapping[str, str],
    manifests: Manifests,
) -> Parts:
    """The parts of the platform that `infra-up` makes here and now.

    `release` is its digest, `seeds` has the fingerprint of what is loaded, by stack. Of a platform that no command
    finished, nothing is known but its emulator: then binary is None, and all others are empty.
    """
    plugins = (EMULATION_DIR / "src", LOCALSTACK_DIR / "plugin" / "src")
    return Parts(
        format=FORMAT,
        engine=settings.engine,
        emulator=digest_of(LOCKS, OWN_FILES),
        plugin=digest_of((path for plugin in plugins for path in plugin.rglob("*.py")), OWN_FILES),
        toolkit=_makers_digest(manifests),
        terraform=f"{binary.path.name} {binary.version}" if binary else "",
        endpoint=settings.local_endpoint,
        environment=LOCAL,
        stacks=tuple(sorted(stacks)),
        release=release,
        seeds=dict(seeds),
    )


def _makers_digest(manifests: Manifests) -> str:
    """Over what puts something into a platform, whatever stacks are deployed to it."""
    own = digest_of((IMPORTED_FROM / name for name in _MAKERS), IMPORTED_FROM)
    files = {path for one in manifests.values() if one.seeder for path in seeder_sources(one.seeder)}
    return own if not files else f"{own} {digest_of(files, ROOT)}"
