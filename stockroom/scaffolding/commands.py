"""What `invoke new.…` does."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from stockroom.errors import StockroomError
from stockroom.scaffolding.names import check_name, check_project_name, project_name_of
from stockroom.scaffolding.skeletons import function_files, module_files, project_files, stack_files
from stockroom.scaffolding.writing import write_files, write_folder

_ALL_BUNDLES = re.compile(r"=\s*var\.bundles\s*$", re.MULTILINE)

FIRST_FUNCTION = "receive"


def new_project(folder: str, name: str) -> tuple[Path, str]:
    """Make a project in a folder; its name is that of the folder unless one is given. Returns both.

    Raises StockroomError for a bad name, a folder in which something is, and one inside a project.
    """
    if not folder.strip():
        raise StockroomError("the folder of the project has no name", "name one: `invoke new.project DIR`")
    path = Path(folder).expanduser().absolute()
    name = check_project_name(name or project_name_of(path.name))
    if outer := _project_around(path):
        raise StockroomError(f"{path} is inside of the project {outer}", "name a folder outside of it")
    write_folder(path, project_files(name))
    _init_git(path)
    return path, name


def _project_around(path: Path) -> Path | None:
    # Not from stockroom.project, which can't be imported outside of a project.
    return next((one for one in path.resolve().parents if (one / "stockroom.toml").is_file()), None)


def _init_git(folder: Path) -> None:
    """As a release is tied to a commit; where the folder is part of a repository already, that is the one."""
    if not shutil.which("git"):
        return
    inside = subprocess.run(["git", "rev-parse", "--git-dir"], cwd=folder, capture_output=True, check=False)
    if inside.returncode:
        subprocess.run(
            ["git", "init", "--quiet", "--initial-branch=main"], cwd=folder, capture_output=True, check=False
        )


def new_stack(name: str) -> list[str]:
    """Make a stack with a function, a queue and a table, and tests. Returns the names of the files.

    Raises StockroomError for a bad name, and for one that is taken.
    """
    from stockroom.environments import environment_names, stack_names
    from stockroom.project import ROOT, read_project

    check_name("stack", name)
    files = stack_files(read_project().name, name, environment_names()) | function_files(name, FIRST_FUNCTION)
    if name in stack_names() and not _begun(ROOT, files):
        raise StockroomError(f"the stack '{name}' exists already", "nothing was written; choose another name")
    return write_files(ROOT, files, f"the stack '{name}'")


def _begun(root: Path, files: dict[str, bytes]) -> bool:
    """Whether a folder that is there may be what a killed command wrote: nothing in it but some of the files."""
    folders = {name.rsplit("/", 1)[0] for name in files if name.startswith("terraform/stacks/")}
    found = {path.relative_to(root).as_posix() for one in folders for path in (root / one).rglob("*") if path.is_file()}
    return found < files.keys()


def new_function(stack: str, name: str) -> tuple[list[str], bool]:
    """Make a function with tests. Returns the names of the files, and whether the stack deploys it by itself.

    Raises StockroomError for a stack that does not exist, a bad name, and one that is taken.
    """
    from stockroom.environments import STACKS_DIR, check_stack
    from stockroom.project import ROOT

    check_stack(stack)
    check_name("function", name)
    if (ROOT / "functions" / stack / name / f"{name}.py").exists():
        raise StockroomError(f"the function '{name}' of '{stack}' exists already", "nothing was written")
    written = write_files(ROOT, function_files(stack, name), f"the function '{name}' of '{stack}'")
    texts = (path.read_text(encoding="utf-8") for path in (STACKS_DIR / stack).glob("*.tf"))
    return written, any(_ALL_BUNDLES.search(text) for text in texts)


def new_module(name: str) -> list[str]:
    """Make a Terraform module with a test. Returns the names of the files.

    Raises StockroomError for a bad name, and for one that is taken.
    """
    from stockroom.environments import TERRAFORM_DIR
    from stockroom.project import ROOT

    check_name("module", name)
    files = module_files(name)
    folder = TERRAFORM_DIR / "modules" / name
    found = {path.relative_to(ROOT).as_posix() for path in folder.rglob("*") if path.is_file()}
    if not found < files.keys():
        raise StockroomError(f"the module '{name}' exists already", "nothing was written; choose another name")
    return write_files(ROOT, files, f"the module '{name}'")
