"""A function broken on purpose: one edit of its source, and the end-to-end tests that must notice."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stockroom.errors import StockroomError


@dataclass(frozen=True)
class Mutation:
    """`old` stands once in `file` (below the stack's functions) and becomes `new`, in the bundle of `function` alone.

    `tests` are ids below tests/e2e/data_platform, such as "test_orders.py::test_hostile_ids".
    """

    name: str
    function: str
    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def edited(source: str, mutation: Mutation) -> str:
    """The source with the mutation. Raises StockroomError when it does not fit the source, or breaks its syntax."""
    found = source.count(mutation.old)
    if found != 1:
        raise StockroomError(
            f"the mutation {mutation.name} does not fit {mutation.file}: its old text is there {found} times, not once",
            "write it anew in tests/mutations/catalogue.py for the source as it is now",
        )
    changed = source.replace(mutation.old, mutation.new)
    try:
        compile(changed, mutation.file, "exec")
    except SyntaxError as error:
        raise StockroomError(f"the mutation {mutation.name} is no Python: {error}") from None
    return changed


def mutated_copy(functions: Path, mutation: Mutation, target: Path) -> Path:
    """Copy a stack's functions to the folder `target`, with the mutation; returns the folder of its function."""
    shutil.copytree(functions, target, ignore=shutil.ignore_patterns("__pycache__", "layers"))
    file = target / mutation.file
    file.write_text(edited(file.read_text(), mutation))
    return target / mutation.function


def chosen(catalogue: Iterable[Mutation], names: Iterable[str]) -> list[Mutation]:
    """The mutations that are named, by their own name or by that of their function; without names, all.

    Raises StockroomError for a name of neither.
    """
    mutations, wanted = list(catalogue), list(names)
    for name in wanted:
        if not any(name in {mutation.name, mutation.function} for mutation in mutations):
            raise StockroomError(f"there is no mutation '{name}'", "`python -m tests.mutations --list` shows them")
    return [each for each in mutations if not wanted or {each.name, each.function}.intersection(wanted)]
