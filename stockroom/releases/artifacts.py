"""Artifacts: what is built of a release, tested, and promoted by its SHA-256; each keyed by kind, stack and name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, get_args

Kind = Literal["bundles", "layers"]
"""As the variable of a stack's Terraform that holds the keys of such artifacts: zips of functions, and of layers."""

KINDS: tuple[Kind, ...] = get_args(Kind)

Hashes = Mapping[str, Mapping[Kind, Mapping[str, str]]]
"""{stack: {"bundles": {name: SHA-256 in hex}, "layers": …}}, of every stack that has any."""


@dataclass(frozen=True)
class Artifact:
    """`name` is the folder of the function or layer; `path` the zip, empty where only a bucket has it."""

    kind: Kind
    stack: str
    name: str
    sha256: str
    path: Path = Path()

    @property
    def key(self) -> str:
        """Its place in the artifact bucket: that of its content, whichever stacks use it."""
        return f"{self.name}/{self.sha256}.zip"

    def __str__(self) -> str:
        return f"{'layer ' if self.kind == 'layers' else ''}{self.name} {self.sha256[:12]}"


Artifacts = tuple[Artifact, ...]


def described(artifacts: Iterable[Artifact]) -> str:
    """Such as "handle 12ab34cd56ef, layer pyarrow 0a1b2c3d4e5f", with the stacks' names where there are several."""
    by_stack = {stack: list(found) for stack, found in groupby(artifacts, lambda one: one.stack)}
    if len(by_stack) == 1:
        return ", ".join(str(one) for found in by_stack.values() for one in found)
    return "; ".join(f"{stack}: {', '.join(map(str, found))}" for stack, found in by_stack.items())


def hashes_of(artifacts: Iterable[Artifact]) -> dict[str, dict[Kind, dict[str, str]]]:
    """The SHA-256 of each by stack, kind and name."""
    found: dict[str, dict[Kind, dict[str, str]]] = {}
    for one in artifacts:
        found.setdefault(one.stack, {kind: {} for kind in KINDS})[one.kind][one.name] = one.sha256
    return found


def artifacts_of(hashes: Hashes) -> Artifacts:
    """The artifacts of these hashes, as a bucket has them: without paths."""
    return tuple(
        Artifact(kind, stack, name, sha256)
        for stack, kinds in hashes.items()
        for kind in KINDS
        for name, sha256 in kinds.get(kind, {}).items()
    )


def stack_variables(artifacts: Iterable[Artifact], stack: str) -> dict[str, dict[str, str]]:
    """The keys of a stack's own artifacts by name, as its Terraform takes them."""
    own = [one for one in artifacts if one.stack == stack]
    return {kind: {one.name: one.key for one in own if one.kind == kind} for kind in KINDS}


def hashes_in(variables: Mapping[str, Mapping[str, Any]]) -> Hashes:
    """The hashes of what Terraform was given, by stack: the other way round of `stack_variables`."""
    return hashes_of(
        Artifact(kind, stack, name, Path(key).stem)
        for stack, given in variables.items()
        for kind in KINDS
        for name, key in given.get(kind, {}).items()
    )
