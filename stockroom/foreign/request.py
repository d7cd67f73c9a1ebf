"""What a user asks for with a foreign folder, from the words of the command line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stockroom.deployed.terraform_state import FOLDERS
from stockroom.environments import TERRAFORM_DIR, environment_names
from stockroom.errors import StockroomError
from stockroom.foreign.configuration import terraform_files
from stockroom.project import HOME
from stockroom.settings import Settings

DEFAULT_WORKSPACE = "default"

_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_WORKSPACE = re.compile(r"[A-Za-z0-9_.~-]{1,90}")
_ASSIGNMENT = re.compile(r"[\w-]+=", re.ASCII)


@dataclass(frozen=True)
class Request:
    """`title` is how the user named the folder, `path` its absolute path without symbolic links.

    `variables` are Terraform's options, None where those of the last `up` hold.
    """

    title: str
    path: Path
    workspace: str
    variables: tuple[str, ...] | None = None
    allowed_providers: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """A name for the folder, another one for each path."""
        digest = hashlib.sha256(str(self.path).encode()).hexdigest()[:12]
        return f"{_NAME.sub('-', self.path.name)[:40]}-{digest}"

    @property
    def state_name(self) -> str:
        """Name of its state as Environment.state_key takes it, that of the default workspace."""
        return f"{FOLDERS}/{self.identity}"

    @property
    def state_of_workspace(self) -> str:
        prefix = "" if self.workspace == DEFAULT_WORKSPACE else f"{WORKSPACES}/{self.workspace}/"
        return f"{prefix}{self.state_name}"


WORKSPACES = "workspaces"
"""Before the keys of states in all but the default workspace."""


def is_folder(target: str) -> bool:
    """Whether the word after `invoke plan` is a folder, and not an environment's name."""
    written_as_path = "/" in target or target.startswith((".", "~"))
    return written_as_path or (target not in environment_names() and Path(target).is_dir())


def make_request(
    settings: Settings,
    shell: Mapping[str, str],
    folder: str,
    workspace: str = "",
    var: Sequence[str] = (),
    var_file: Sequence[str] = (),
    allow_provider: Sequence[str] = (),
    gone: bool = False,
) -> Request:
    """The request. Raises StockroomError for what is no folder of Terraform's; with `gone` it need not be there."""
    path = Path(folder).expanduser().resolve()
    if not (gone and not path.exists()):
        _check_folder(settings, folder, path)
    chosen = workspace or shell.get("TF_WORKSPACE") or _selected_workspace(path)
    if not _WORKSPACE.fullmatch(chosen):
        raise StockroomError(f"'{chosen}' is no name of a workspace", "it has letters, digits, - and _")
    variables = tuple(_variables(path, var, var_file)) if var or var_file else None
    return Request(folder, path, chosen, variables, tuple(allow_provider))


def _check_folder(settings: Settings, folder: str, path: Path) -> None:
    if not path.exists():
        raise StockroomError(f"there is no folder {folder}", "name a folder that holds Terraform files")
    if not path.is_dir():
        raise StockroomError(f"{folder} is no folder", f"name the folder that it is in: {path.parent}")
    for ours in (settings.run_dir, HOME):
        if path.is_relative_to(ours):
            raise StockroomError(f"{folder} is a working folder of the toolkit itself", "name the folder it is made of")
    if path.is_relative_to(TERRAFORM_DIR / "stacks"):
        raise StockroomError(f"{folder} is a stack of this project", f"`invoke infra-up --stack {path.name}` runs it")
    if unread := next(path.glob("*.tofu*"), None):
        raise StockroomError(f"{folder} holds {unread.name}, and only *.tf files are led", "rename it to *.tf")
    if not terraform_files(path):
        below = sorted({str(file.parent.relative_to(path)) for file in path.glob("*/*.tf")})
        hint = f"perhaps you mean one of: {', '.join(below[:5])}" if below else "name a folder that holds *.tf files"
        raise StockroomError(f"{folder} holds no Terraform files", hint)


def _selected_workspace(path: Path) -> str:
    """The workspace that the user's own Terraform has selected in the folder."""
    selected = path / ".terraform" / "environment"
    return (selected.read_text().strip() if selected.is_file() else "") or DEFAULT_WORKSPACE


def _variables(path: Path, var: Sequence[str], var_file: Sequence[str]) -> list[str]:
    for assignment in var:
        if not _ASSIGNMENT.match(assignment):
            raise StockroomError(f"--var {assignment}: no value is assigned", "write --var NAME=VALUE")
    return [*(f"-var-file={_variable_file(path, name)}" for name in var_file), *(f"-var={each}" for each in var)]


def _variable_file(path: Path, name: str) -> Path:
    """A file in the working directory, or else in the folder."""
    named = Path(name).expanduser()
    for file in (named.absolute(), path / named):
        if file.is_file():
            return file
    raise StockroomError(f"--var-file {name}: there is no such file", f"it is looked for here and in {path}")
