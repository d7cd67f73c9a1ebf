"""What a Terraform folder says, as data: its blocks and those of the modules in folders that it calls."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stockroom.errors import StockroomError

# How many labels stand between a block's kind and its body.
_LABELS = {"provider": 1, "variable": 1, "output": 1, "module": 1, "resource": 2, "data": 2, "ephemeral": 2}

_TRAILING_SPACE = re.compile(r"[ \t\r]+$", re.MULTILINE)
_PLACE = re.compile(r"line (\d+)")
_EXPRESSION = re.compile(r"^\$\{(.*)\}$", re.DOTALL)

OVERRIDE_FILE = "~stockroom_override.tf.json"
"""What we add to copies of modules, and never read. Terraform reads override files in the order of their names."""

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Block:
    """A top-level block. `labels` are, say, type and name of a resource; expressions in `body` are "${…}"."""

    kind: str
    labels: tuple[str, ...]
    body: Body
    file: str

    @property
    def name(self) -> str:
        return " ".join([self.kind, *(f'"{label}"' for label in self.labels)])


@dataclass(frozen=True)
class Module:
    """A folder's blocks, and the text of its files by name."""

    folder: Path
    blocks: tuple[Block, ...]
    texts: Mapping[str, str]

    def of(self, kind: str) -> Iterator[Block]:
        return (block for block in self.blocks if block.kind == kind)


def terraform_files(folder: Path) -> list[Path]:
    """The files of the folder that Terraform reads as its configuration."""
    paths = (path for path in folder.glob("*") if path.name.endswith((".tf", ".tf.json")) and path.is_file())
    return sorted(path for path in paths if path.name != OVERRIDE_FILE)


def read_modules(folder: Path) -> list[Module]:
    """The folder's module first, then those in other folders that it calls, directly or not.

    Raises StockroomError for what is no HCL or JSON, and for a module's folder that is not there.
    """
    found: dict[Path, Module] = {}
    waiting = [folder]
    while waiting:
        current = waiting.pop(0)
        if current in found:
            continue
        found[current] = read_module(current)
        for block, called in called_folders(found[current]):
            if not called.is_dir():
                raise StockroomError(
                    f"{current / block.file}: {block.name}: there is no folder {block.body['source']}",
                    "a source that begins with ./ or ../ is looked for beside the file",
                )
            waiting.append(called)
    return list(found.values())


def called_folders(module: Module) -> Iterator[tuple[Block, Path]]:
    """Calls of modules that are folders beside or below this one, with the folder."""
    for block in module.of("module"):
        source = block.body.get("source")
        if isinstance(source, str) and source.startswith(("./", "../")):
            yield block, Path(os.path.normpath(module.folder / source))  # as Terraform does, links or not


def read_module(folder: Path) -> Module:
    texts: dict[str, str] = {}
    blocks: list[Block] = []
    for path in terraform_files(folder):
        try:
            texts[path.name] = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise StockroomError(f"{path} is not UTF-8 text", "save it as UTF-8") from None
        blocks += parse_file(path.name, texts[path.name], path)
    return Module(folder, tuple(blocks), texts)


def parse_file(name: str, text: str, path: Path | None = None) -> list[Block]:
    """The blocks of a file. Raises StockroomError that names `path`, where the file is."""
    where = path or name
    content = _parse_json(text, where) if name.endswith(".json") else parse_hcl(text, where)
    return [
        Block(kind, labels, body, name)
        for kind, value in content.items()
        for labels, body in _bodies(value, _LABELS.get(kind, 0))
    ]


def parse_hcl(text: str, where: Path | str) -> dict[str, Any]:
    """The attributes and blocks of a text, as python-hcl2 tells them. Raises StockroomError that names the line."""
    import hcl2  # takes a third of a second
    from hcl2 import SerializationOptions

    options = SerializationOptions(strip_string_quotes=True, explicit_blocks=False, with_comments=False)
    try:
        # Of a heredoc the parser knows only an end without spaces behind it.
        return dict(hcl2.loads(_TRAILING_SPACE.sub("", text), serialization_options=options))
    except Exception as error:  # of a parser below the parser
        place = _PLACE.search(str(error))
        raise StockroomError(
            f"{where} is not valid HCL{f' (line {place[1]})' if place else ''}",
            "`terraform fmt` in its folder says more",
        ) from None


def _parse_json(text: str, where: Path | str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise StockroomError(f"{where} is not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise StockroomError(f"{where} holds no JSON object", "Terraform's JSON files hold one")
    return content


def _bodies(value: Any, depth: int) -> Iterator[tuple[tuple[str, ...], Body]]:
    """Bodies with the labels before them, of a value that has a level for each label."""
    for one in many(value):
        if depth == 0:
            yield (), one
            continue
        for label, inner in one.items():
            for labels, body in _bodies(inner, depth - 1):
                yield (label, *labels), body


def many(value: Any) -> list[Body]:
    """The bodies of what is written as one block, as several, or not at all."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, Mapping)]


def nested(body: Body, kind: str) -> list[Body]:
    """The blocks of a kind in a body, also those that a `dynamic` block makes."""
    dynamic = (
        content
        for one in many(body.get("dynamic"))
        for block in many(one.get(kind))
        for content in many(block.get("content"))
    )
    return [*many(body.get(kind)), *dynamic]


def is_literal(value: Any) -> bool:
    """Whether it is known without Terraform: no expression, and no text with one in it."""
    return not isinstance(value, str) or "${" not in value


def expression(value: Any) -> str:
    """What stands in "${…}", or the value itself."""
    found = _EXPRESSION.match(str(value))
    return found[1] if found else str(value)
