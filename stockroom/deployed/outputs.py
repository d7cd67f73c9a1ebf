"""What stacks publish: the outputs of each, and things in them by stack and short name.

An output such as `table_names` or `queue_urls` maps short names to what AWS calls the thing. Two stacks may use the
same short names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from stockroom.errors import StockroomError
from stockroom.stacks import Manifests

Outputs = Mapping[str, Mapping[str, Any]]
"""Stack → its outputs by name."""


class Key(NamedTuple):
    """What a stack publishes, by its short name there."""

    stack: str
    name: str

    def __str__(self) -> str:
        return f"{self.stack}/{self.name}"


def published(outputs: Outputs, output: str) -> dict[Key, Any]:
    """What all stacks publish in the output of this name, sorted by stack and short name."""
    return {
        Key(stack, name): value
        for stack in sorted(outputs)
        for name, value in sorted(outputs[stack].get(output, {}).items())
    }


def urls_of(manifests: Manifests, outputs: Outputs) -> dict[Key, str]:
    """The addresses to open that deployed stacks publish, by stack and the output that has it."""
    return {
        Key(stack, name): str(outputs[stack][name])
        for stack in sorted(outputs)
        if stack in manifests
        for name in manifests[stack].urls
        if outputs[stack].get(name)
    }


def labelled(outputs: Outputs, output: str) -> dict[str, Any]:
    """As `published`, by what a user calls each."""
    found = published(outputs, output)
    return {label: found[key] for key, label in labels(found).items()}


def labels(keys: Iterable[Key]) -> dict[Key, str]:
    """What a user calls each: its short name, and `<stack>/<name>` where several stacks use that."""
    listed = list(keys)
    uses = Counter(key.name for key in listed)
    return {key: key.name if uses[key.name] == 1 else str(key) for key in listed}


def label_of(outputs: Outputs, output: str, key: Key) -> str:
    """What a user calls one of the things that stacks publish in the output."""
    return labels(published(outputs, output))[key]


def find(outputs: Outputs, output: str, asked: str, what: str) -> tuple[Key, Any]:
    """The thing that a user calls `asked`: `<name>` or `<stack>/<name>`, with `-` or `_`.

    `what` is the kind of thing in one word or two, such as "secret". Raises StockroomError that names those there are.
    """
    known = published(outputs, output)
    stack, _, name = asked.replace("-", "_").rpartition("/")
    found = [key for key in known if key.name == name and stack in ("", key.stack)]
    if len(found) == 1:
        return found[0], known[found[0]]
    hint = f"{what}s are: {', '.join(sorted(labelled(outputs, output))) or 'none'}"
    if found:
        hint = f"write {' or '.join(map(str, found))}"
        raise StockroomError(f"several stacks have a {what} '{asked}'", hint)
    raise StockroomError(f"there is no {what} '{asked}'" if asked else f"which {what}?", hint)
