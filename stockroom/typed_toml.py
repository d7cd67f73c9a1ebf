"""TOML files of the repository, read into pydantic models; a mistake is one line that names the place."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from stockroom.errors import StockroomError

Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path, where: str, explained: str) -> dict[str, Any]:
    """The file's content. `where` is what a user calls the file, `explained` tells where its lines are explained.

    Raises FileNotFoundError, and StockroomError for what is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StockroomError(f"{where} is not TOML: {error}", explained) from None


def parse_model[Model: BaseModel](model: type[Model], content: Mapping[str, Any], where: str, explained: str) -> Model:
    """The content as a model. Raises StockroomError that names the first line that is wrong, and why."""
    try:
        return model.model_validate(dict(content))
    except ValidationError as error:
        first = error.errors()[0]
        line = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise StockroomError(f"{where}: {line}: {reason[:1].lower()}{reason[1:]}", explained) from None
