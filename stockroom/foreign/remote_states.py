"""States that a configuration reads of others: led to the folder on the platform whose backend that is. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stockroom.errors import StockroomError
from stockroom.foreign.configuration import Body, Module, is_literal, many
from stockroom.foreign.judge import backends

_VARIABLE = re.compile(r"\$\{var\.([\w-]+)\}")
_PATH = re.compile(r"\$\{path\.(?:module|root|cwd)\}/")


@dataclass(frozen=True)
class RemoteState:
    """A data source that reads another state; `state` is which, or None where only Terraform could tell."""

    name: str
    where: str
    state: str | None


def own_state(root: Module, variables: Mapping[str, Any]) -> str | None:
    """Which state a folder's own backend names, such as s3://bucket/key; None where that is not known."""
    kind, body, _ = next(backends(root), ("local", {}, ""))
    if kind == "cloud":
        name = next((one.get("name") for one in many(body.get("workspaces"))), None)
        body = {"organization": body.get("organization"), "workspaces": [{"name": name}]}
    return state_of(kind, body, root.folder, variables)


def remote_states(module: Module, variables: Mapping[str, Any]) -> Iterator[RemoteState]:
    """All of a module; `variables` are values that are known, by name."""
    for block in module.of("data"):
        if block.labels[0] == "terraform_remote_state":
            config = next(iter(many(block.body.get("config"))), {})
            kind = str(block.body.get("backend"))
            state = state_of(kind, config, module.folder, variables)
            yield RemoteState(block.labels[1], f"{block.file}: {block.name}", state)


def state_of(kind: str, body: Body, folder: Path, variables: Mapping[str, Any]) -> str | None:
    def known(value: Any) -> str | None:
        text = _VARIABLE.sub(lambda found: str(variables.get(found[1], found[0])), _PATH.sub("", str(value or "")))
        return text if text and is_literal(text) else None

    match kind:
        case "local":
            path = known(body.get("path") or "terraform.tfstate")
            return f"file://{os.path.normpath(folder / path)}" if path else None
        case "s3":
            bucket, key = known(body.get("bucket")), known(body.get("key"))
            return f"s3://{bucket}/{key}" if bucket and key else None
        case "remote" | "cloud":
            organization = known(body.get("organization"))
            name = known(next((one.get("name") for one in many(body.get("workspaces"))), None))
            return f"remote://{organization}/{name}" if organization and name else None
    return None


def unknown_state(wanted: RemoteState) -> StockroomError:
    reads = f"reads {wanted.state}" if wanted.state else "reads a state of which only Terraform could tell where it is"
    return StockroomError(
        f"{wanted.where} {reads}, and no folder on this platform has that as its backend",
        "bring that folder up first, with `invoke up`" if wanted.state else "write its bucket and key out",
    )


def default_values(root: Module) -> dict[str, Any]:
    """The defaults of a module's variables, of those that have one which is known."""
    return {
        block.labels[0]: block.body["default"]
        for block in root.of("variable")
        if is_literal(block.body.get("default", "${}"))
    }
