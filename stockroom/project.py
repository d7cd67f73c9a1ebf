"""The project: the folder that holds stockroom.toml, and what that file says of it.

It is looked for upward from the working directory, as git and cargo look for theirs. Importing this module outside of a
project raises StockroomError, so whatever works anywhere (`new.project`) does not import it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from stockroom.errors import StockroomError
from stockroom.typed_toml import parse_model, read_toml

FILE = "stockroom.toml"

PROJECT_NAME = r"^[a-z][a-z0-9-]{1,19}$"
"""As the stacks' variable `project_name` has it: it begins the name of every resource."""

_FOLDER = r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$"
_EXPLAINED = "docs/projects.md of Stockroom explains every line: name, stacks, tests"


class Project(BaseModel):
    """What stockroom.toml says.

    name: what the project is called, as `project_name` in terraform/environments.
    stacks: those that `infra-up` brings up when none is asked for; all of them when it is left out.
    tests: the folder of the end-to-end tests.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=PROJECT_NAME)]
    stacks: tuple[str, ...] = ()
    tests: Annotated[str, Field(pattern=_FOLDER)] = "tests/e2e"


def find_root(start: Path) -> Path | None:
    """The nearest folder with a stockroom.toml: `start` or one above it."""
    return next((folder for folder in (start, *start.parents) if (folder / FILE).is_file()), None)


def parse_project(root: Path) -> Project:
    """What the stockroom.toml in the folder says. Raises StockroomError that names the first wrong line."""
    return parse_model(Project, read_toml(root / FILE, FILE, _EXPLAINED), FILE, _EXPLAINED)


@cache
def read_project() -> Project:
    """As `parse_project`, of the project that the working directory is in."""
    return parse_project(ROOT)


def _root() -> Path:
    try:
        start = Path.cwd()
    except FileNotFoundError:
        raise StockroomError("the working directory was removed", "go to the folder of a project") from None
    if root := find_root(start):
        return root
    raise StockroomError(
        f"this is no project: neither {start} nor a folder above it has a {FILE}",
        "go to a project's folder, or make a project with `stockroom new.project DIR`",
    )


ROOT = _root()
"""The project's folder, which has terraform/, functions/, tests/, .env and requirements."""

HOME = ROOT / ".stockroom"
"""Everything that the toolkit writes for this project; ignored by git."""
