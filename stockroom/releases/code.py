"""The code of a release: which files it is made of, in the work tree or in a clean check-out of a commit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from stockroom.errors import StockroomError
from stockroom.project import ROOT
from stockroom.system import git

SOURCES = ("terraform/modules", "terraform/stacks", "terraform/environments", "functions")

# What Terraform and the interpreter write; never part of a release, even where somebody has committed it.
_WRITTEN = frozenset({".terraform", "__pycache__"})


@dataclass(frozen=True)
class Code:
    """Names (with `/`) of files below `root`. `commit` is set where they are exactly the commit's; `changed` are the
    files by which they were found not to be, of a release or not."""

    root: Path
    names: tuple[str, ...]
    commit: str | None = None
    changed: tuple[str, ...] = ()

    def below(self, folder: str) -> dict[str, Path]:
        """Name below the folder ("" is the root) → file."""
        start = f"{folder}/" if folder else ""
        return {name.removeprefix(start): self.root / name for name in self.names if name.startswith(start)}


def work_tree(root: Path = ROOT) -> Code:
    """What lies in the work tree, as far as git tracks it or would after `git add`.

    Where there is no git, as far as .gitignore does not name it. Raises StockroomError for what is no plain file.
    """
    names = git.would_track(SOURCES, root)
    if names is None:
        names = [name for source in SOURCES for name in _not_ignored(root, source)]
    return Code(root, _plain_files(root, names))


def head_of(root: Path) -> str | None:
    """The commit that the folder is at; None where there is none, or no git."""
    try:
        return git.head(root)
    except StockroomError:
        return None


def checked_out(commit: str, folder: Path, root: Path = ROOT) -> Code:
    """A clean check-out of the commit in the folder. Raises StockroomError for what is no plain file in it."""
    place = git.check_out(commit, folder, root)
    names = [name for name in git.committed_files(commit, root) if name.startswith(tuple(f"{one}/" for one in SOURCES))]
    return Code(place, _plain_files(place, names), commit)


def clean_code(folder: Path, root: Path = ROOT) -> Code:
    """A clean check-out of the commit in the folder; the work tree where it is not that commit, or there is none."""
    commit = head_of(root)
    changed = git.changed_files(root, commit) if commit else []
    if commit and not changed:
        return checked_out(commit, folder, root)
    return replace(work_tree(root), changed=tuple(changed))


def all_below(folder: Path) -> Code:
    """Every file of a folder, such as a copy of some of the code."""
    return Code(folder, _plain_files(folder, [path.relative_to(folder).as_posix() for path in folder.rglob("*")]))


def _plain_files(root: Path, names: list[str]) -> tuple[str, ...]:
    found = []
    for name in sorted(names):
        path = root / name
        if path.is_symlink():
            raise StockroomError(f"{name} is a symbolic link", "a release is made of plain files: put a copy there")
        if path.is_file() and not _WRITTEN.intersection(PurePosixPath(name).parts) and path.suffix != ".pyc":
            found.append(name)
            with path.open("rb") as file:
                if git.is_pointer(file.read(64)):
                    hint = "commit the file itself, or fetch it with `git lfs pull`: a function would get the pointer"
                    raise StockroomError(f"{name} is a pointer of Git LFS and not the file", hint)
    return tuple(found)


def _not_ignored(root: Path, source: str) -> Iterator[str]:
    """Names of files that the root's .gitignore does not name."""
    from pathspec import GitIgnoreSpec

    rules = root / ".gitignore"
    ignored = GitIgnoreSpec.from_lines(rules.read_text(encoding="utf-8").splitlines() if rules.is_file() else [])
    for folder, folders, files in os.walk(root / source):
        below = Path(folder).relative_to(root).as_posix()
        folders[:] = [name for name in folders if not ignored.match_file(f"{below}/{name}/")]
        yield from (name for name in (f"{below}/{name}" for name in files) if not ignored.match_file(name))
