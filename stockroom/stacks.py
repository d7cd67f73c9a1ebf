"""Stacks: what each is and needs, from its stack.toml, and the order in which they are deployed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from stockroom.environments import STACKS_DIR, stack_names
from stockroom.errors import StockroomError
from stockroom.seeder import Seeder, make_seeder
from stockroom.typed_toml import parse_model, read_toml

MANIFEST = "stack.toml"

# The key of a stack's state, or the name of an SSM parameter that it publishes.
_READS = re.compile(r'"(\w+)/terraform\.tfstate"|"/[^/"\n]+/[^/"\n]+/(\w+)/[^"\n]+"')

_EXPLAINED = "terraform/README.md explains every line"


class Manifest(BaseModel):
    """What a stack says of itself.

    needs: the stacks that are deployed before it, since it reads what they deployed.
    services: the AWS services that it uses, those that are asked first before others; an emulator starts them early.
    seeder: what loads its data, as `module:Class`; without one there is nothing to load.
    urls: the outputs that are addresses to open in a browser.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    description: str = Field(default="", max_length=200)
    needs: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    seeder: str | None = Field(
        default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_]\w*$"
    )
    urls: tuple[str, ...] = ()


Manifests = Mapping[str, Manifest]


def read_manifests(stacks: Path = STACKS_DIR) -> dict[str, Manifest]:
    """The manifest of every stack in the folder; a stack without a stack.toml needs nothing.

    Raises StockroomError for a mistake in one, a need that is no stack, and a circle of needs.
    """
    manifests = {name: _read_manifest(stacks / name) for name in stack_names(stacks)}
    check_needs(manifests)
    return manifests


def seeders(manifests: Manifests, names: Iterable[str]) -> dict[str, Seeder]:
    """The seeder of each of the stacks that has one. Raises StockroomError for one that is not there."""
    named = ((name, manifests[name].seeder) for name in names if name in manifests)
    return {name: make_seeder(seeder, f"terraform/stacks/{name}/{MANIFEST}") for name, seeder in named if seeder}


def _read_manifest(folder: Path) -> Manifest:
    where = f"terraform/stacks/{folder.name}/{MANIFEST}"
    try:
        content = read_toml(folder / MANIFEST, where, _EXPLAINED)
    except FileNotFoundError:
        return Manifest()
    return parse_model(Manifest, content, where, _EXPLAINED)


def check_needs(manifests: Manifests) -> None:
    """Raises StockroomError for a need that is no stack, and for a circle."""
    for name, manifest in manifests.items():
        for need in manifest.needs:
            if need not in manifests:
                raise StockroomError(
                    f"terraform/stacks/{name}/{MANIFEST}: needs: there is no stack '{need}'",
                    f"stacks are: {', '.join(sorted(manifests))}",
                )
    try:
        TopologicalSorter(_graph(manifests)).prepare()
    except CycleError as error:
        circle = " needs ".join(reversed(error.args[1]))
        raise StockroomError(f"stacks wait for each other: {circle}", "remove one of these needs") from None


def check_reads(manifests: Manifests, names: Iterable[str], stacks: Path = STACKS_DIR) -> None:
    """Raises StockroomError for a stack that reads what another one publishes and does not need it.

    Its state is at `<stack>/terraform.tfstate`, its SSM parameters are below `/<project>/<environment>/<stack>/`.
    """
    for name in names:
        code = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in (stacks / name).glob("*.tf"))
        read = (found[1] or found[2] for found in _READS.finditer(code))
        for other in sorted({other for other in read if other in manifests and other != name}):
            if other not in with_needs(manifests, [name]):
                raise StockroomError(
                    f"terraform/stacks/{name} reads what the stack '{other}' publishes, and does not need it",
                    f'add "{other}" to needs in terraform/stacks/{name}/{MANIFEST}',
                )


def _graph(manifests: Manifests) -> dict[str, tuple[str, ...]]:
    return {name: manifests[name].needs for name in sorted(manifests)}


def with_needs(manifests: Manifests, asked: Iterable[str]) -> set[str]:
    """The stacks that are asked for, and all that these need."""
    found: set[str] = set()
    waiting = list(asked)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += manifests[name].needs
    return found


def default_stacks(manifests: Manifests, named: Iterable[str]) -> list[str]:
    """The stacks that are meant when none is asked for: those that stockroom.toml names, else all.

    Raises StockroomError for a name there that is no stack.
    """
    if not manifests:
        raise StockroomError("this project has no stack", "make one with `invoke new.stack NAME`")
    names = list(named) or sorted(manifests)
    for name in names:
        if name not in manifests:
            known = f"stacks are: {', '.join(sorted(manifests)) or 'none'}"
            raise StockroomError(f"stockroom.toml: stacks: there is no stack '{name}'", known)
    return names


def in_order(manifests: Manifests, names: Iterable[str]) -> list[str]:
    """The names, each behind all that it needs; otherwise by name."""
    wanted = set(names)
    return [name for name in TopologicalSorter(_graph(manifests)).static_order() if name in wanted]


def needs_among(manifests: Manifests, names: Iterable[str]) -> dict[str, list[str]]:
    """Name → those of the names that have to be deployed before it, also where it needs them by way of another one.

    In the order of `in_order`; what `side_by_side.run_side_by_side` takes.
    """
    ordered = in_order(manifests, names)
    return {
        name: [other for other in ordered if other in with_needs(manifests, manifests[name].needs)] for name in ordered
    }


def early_services(manifests: Manifests, names: Iterable[str]) -> list[str]:
    """The services of the stacks, each once, those of the stack that is deployed first before others."""
    ordered = in_order(manifests, names)
    return list(dict.fromkeys(service for name in ordered for service in manifests[name].services))
