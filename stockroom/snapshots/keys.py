"""What a snapshot's key is made of: all that decides what a platform holds when `infra-up` ends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

FORMAT = 2
"""Goes up when a snapshot is written or used in another way."""

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""What a snapshot's name looks like."""

NOTHING_ELSE = ConfigDict(extra="forbid")
Text = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
"""A line without control characters."""


@dataclass(frozen=True)
class Parts:
    """The parts of a key, each a digest in hex or a few words.

    `emulator` is over the locks, `plugin` over the plugin's source, `toolkit` over what bootstraps and seeds.
    `endpoint` is among them because queue URLs hold it, and Terraform's state, parameters and functions hold those.
    `stacks` are sorted; `seeds` has the fingerprint of what was loaded into each stack that has data.
    """

    __pydantic_config__ = NOTHING_ELSE

    format: Annotated[int, Field(ge=0, lt=2**31)]
    engine: Text
    emulator: Text
    plugin: Text
    toolkit: Text
    terraform: Text
    endpoint: Text
    environment: Text
    stacks: Annotated[tuple[Text, ...], Field(max_length=100)]
    release: Text
    seeds: Annotated[dict[Text, Text], Field(max_length=100)]

    @property
    def key(self) -> str:
        """SHA-256 as hex."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    @property
    def seeded(self) -> bool:
        return bool(self.seeds)

    def unseeded(self) -> Parts:
        """The same platform before data was loaded."""
        return replace(self, seeds={})

    def covers(self, other: Parts) -> bool:
        """Whether all that the other holds is here, made in the same way; there may be more stacks and data."""
        return (
            set(self.stacks) >= set(other.stacks)
            and self.seeds.items() >= other.seeds.items()
            and replace(self, stacks=other.stacks, seeds=other.seeds) == other
        )

    def without(self, stacks: Iterable[str]) -> Parts:
        """The same platform when these stacks are gone."""
        gone = set(stacks)
        seeds = {stack: seed for stack, seed in self.seeds.items() if stack not in gone}
        return replace(self, stacks=tuple(stack for stack in self.stacks if stack not in gone), seeds=seeds)

    def with_more(self, other: Parts) -> Parts:
        """What the platform is when the other's stacks and data were deployed to it too.

        Of another release, nothing that was there before counts.
        """
        if replace(self, stacks=(), seeds={}) != replace(other, stacks=(), seeds={}):
            return other
        stacks = tuple(sorted({*self.stacks, *other.stacks}))
        return replace(other, stacks=stacks, seeds={**self.seeds, **other.seeds})


def first_choice(wanted: Parts, available: Iterable[Parts]) -> Parts | None:
    """The best of what is available to begin with, latest first; None where only a cold start will do.

    That is the one that comes nearest to the platform itself: with as many of its stacks, and then as much of its data,
    as there is, and nothing else. Or, without data, the one of another release, from which Terraform goes on. Data of
    another release is never begun with: what functions made of it would not be what these make of it.
    """
    available = list(available)
    nearest = [parts for parts in available if parts.stacks and wanted.covers(parts)]
    if not nearest:
        released = [(parts, replace(parts, release=wanted.release)) for parts in available]
        nearest = [parts for parts, same in released if parts.stacks and not parts.seeds and wanted.covers(same)]
    # The first of several that are as near is the latest.
    return max(nearest, key=lambda parts: (len(parts.stacks), len(parts.seeds)), default=None)


def may_begin(wanted: Parts, available: Iterable[Parts]) -> bool:
    """Whether `first_choice` may find something, whatever the release turns out to be."""
    return any(parts.stacks and wanted.covers(replace(parts, release=wanted.release)) for parts in available)


_EMULATOR = ("format", "engine", "emulator", "plugin", "endpoint", "environment")


def on_emulator(parts: Parts, emulator: Parts) -> Parts:
    """The parts with those of another's emulator: of what is deployed to one that was started earlier."""
    return replace(parts, **{name: getattr(emulator, name) for name in _EMULATOR})


def fits_emulator(saved: Parts, running: Parts) -> bool:
    """Whether an emulator can take a state, whatever is deployed in it."""
    return on_emulator(saved, running) == saved


def digest_of(paths: Iterable[Path], top: Path) -> str:
    """SHA-256 over the names below `top` and the contents of files, as hex."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(top).as_posix()}" for path in paths]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
