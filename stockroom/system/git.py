"""What git knows of a commit, and its files byte for byte as they were committed.

Nothing that is of this clone alone changes an answer: no replaced objects and grafts, no attributes and filters, no
index and what it is told to overlook.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stockroom.errors import StockroomError
from stockroom.project import ROOT

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SUBMODULE, _LINK = "160000", "120000"
_POINTER = b"version https://git-lfs.github.com/spec/"

# What makes git look at another repository than the folder's, such as a hook of git has them.
_REDIRECTING = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_SHALLOW_FILE", "GIT_REPLACE_REF_BASE", "GIT_PREFIX",
)  # fmt: skip
_FIXED = {
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
}
_OPTIONS = ("-c", f"core.attributesFile={os.devnull}", "-c", "core.fsmonitor=false", "-c", "core.commitGraph=false")


@dataclass(frozen=True)
class Entry:
    """A file of a commit: its mode as git writes it, such as "100644", and the id of its content."""

    mode: str
    id: str


def head(root: Path = ROOT) -> str | None:
    """The commit that is checked out; None where there is none, or the folder is not part of it."""
    found = _run(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    commit = found.stdout.decode().strip()
    return commit if found.returncode == 0 and _tree(commit, root) else None


def check_commit(commit: str) -> str:
    """Raises StockroomError for what is not the whole id of a commit, whoever wrote it."""
    if not _COMMIT.fullmatch(commit):
        raise StockroomError(f"{commit!r} is not the id of a commit", "it has 40 or 64 letters from 0 to 9 and a to f")
    return commit


def changed_files(root: Path = ROOT, commit: str | None = None) -> list[str]:
    """Paths that differ by a single byte from the commit (which is checked out, as far as git is concerned), or are not
    in it and are not ignored by its .gitignore.

    Raises StockroomError outside of a clone.
    """
    commit = commit or head(root)
    if commit is None:
        raise StockroomError("this is no git clone with a commit", "a release is promoted from a git clone")
    tree = _tree(commit, root)
    changed = {name for name, entry in tree.items() if not _is_as_committed(root / name, entry)}
    changed -= _of_pointers({name: tree[name] for name in changed}, root)
    # Not the ignored files of this clone or of the user: those of the commit alone.
    others = _names(root, "ls-files", "-z", "--others", "--exclude-per-directory=.gitignore")
    added = set(_names(root, "ls-files", "-z", "--cached")) - tree.keys()
    return sorted(changed | set(others) | added)


def glance(root: Path = ROOT) -> tuple[str | None, bool]:
    """The commit, and whether git sees changes: quick, and told to people. What it overlooks, `changed_files` sees."""
    try:
        found = _run(root, "status", "--porcelain=2", "--branch")
    except StockroomError:
        return None, False
    return parse_status(found.stdout.decode(errors="replace")) if found.returncode == 0 else (None, False)


def parse_status(status: str) -> tuple[str | None, bool]:
    """Commit and whether there are changes, from `git status --porcelain=2 --branch`; None before the first commit."""
    lines = status.splitlines()
    commits = [line.removeprefix("# branch.oid ") for line in lines if line.startswith("# branch.oid ")]
    if not commits or commits == ["(initial)"]:
        return None, False
    return commits[0], any(not line.startswith("#") for line in lines)


def _is_as_committed(path: Path, entry: Entry) -> bool:
    if entry.mode == _SUBMODULE:
        return True  # no file of the commit, and none of a release
    try:
        found = path.lstat().st_mode
        if stat.S_ISLNK(found):
            return entry.mode == _LINK and _id_of(os.fsencode(path.readlink()), entry.id) == entry.id
        return stat.S_ISREG(found) and entry.mode != _LINK and _id_of(path.read_bytes(), entry.id) == entry.id
    except OSError:
        return False


def _of_pointers(entries: dict[str, Entry], root: Path) -> set[str]:
    """The names of files that are what a committed pointer of Git LFS stands for."""
    found = set()
    for (name, _), content in zip(entries.items(), _contents(entries.values(), root), strict=True):
        oid = re.search(rb"^oid sha256:([0-9a-f]{64})$", content, re.MULTILINE)
        if content.startswith(_POINTER) and oid and (root / name).is_file():
            digest = hashlib.sha256((root / name).read_bytes()).hexdigest()
            found |= {name} if digest == oid[1].decode() else set()
    return found


def _id_of(content: bytes, like: str) -> str:
    """The id that git gives to a content, by the same hash function as another id's."""
    name = "sha1" if len(like) == 40 else "sha256"
    return hashlib.new(name, b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def would_track(folders: Iterable[str], root: Path = ROOT) -> list[str] | None:
    """Names below the folders that git tracks, or would after `git add`; None where it knows of none."""
    args = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--end-of-options", *folders)
    try:
        return sorted(set(_names(root, *args))) or None
    except StockroomError:
        return None


def why_not_pushed(commit: str, branch: str, root: Path = ROOT) -> str | None:
    """Why the commit can't be said to be on the branch of `origin`; None where it is."""
    if _run(root, "remote", "get-url", "origin").returncode:
        return "there is no remote `origin` that it could have been pushed to"
    ref = f"refs/heads/{branch}"
    fetched = _run(root, "fetch", "--quiet", "--no-tags", "--end-of-options", "origin", ref)
    if fetched.returncode:
        lines = fetched.stderr.decode(errors="replace").strip().splitlines()
        return f"origin does not give its branch '{branch}': {lines[-1] if lines else 'no answer'}"
    if _run(root, "merge-base", "--is-ancestor", "--end-of-options", check_commit(commit), "FETCH_HEAD").returncode:
        return f"commit {commit[:12]} is not on branch '{branch}' of origin"
    return None


def committed_files(commit: str, root: Path = ROOT) -> dict[str, Entry]:
    """The commit's files by name. Raises StockroomError where it is none, or not here."""
    tree = _tree(check_commit(commit), root)
    if not tree:
        raise StockroomError(
            f"git does not know commit {commit[:12]}",
            "fetch the branch that the release was promoted from (a shallow clone does not hold it)",
        )
    return tree


def check_out(commit: str, folder: Path, root: Path = ROOT) -> Path:
    """The commit's files in a folder of that name, written from its objects; made once, and in one step."""
    tree = committed_files(commit, root)
    place = folder / commit[:12]
    if place.exists():
        return place
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder))
    try:
        # Links come last, so that nothing is ever written through one.
        written = sorted(
            (one for one in tree.items() if one[1].mode != _SUBMODULE), key=lambda one: one[1].mode == _LINK
        )
        contents = _contents((entry for _, entry in written), root)
        for (name, entry), content in zip(written, contents, strict=True):
            _write(draft, name, entry, content)
        draft.replace(place)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return place


def _write(folder: Path, name: str, entry: Entry, content: bytes) -> None:
    parts = PurePosixPath(name).parts
    if PurePosixPath(name).is_absolute() or any(part == ".." or part.lower() == ".git" for part in parts):
        raise StockroomError(f"the commit holds {name!r}, which is no name of a file", "look at who committed it")
    if _id_of(content, entry.id) != entry.id:
        raise StockroomError(f"git's copy of {name} is damaged", "`git fsck` tells more; clone the repository again")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.mode == _LINK:
        path.symlink_to(os.fsdecode(content))
        return
    with path.open("xb") as file:
        file.write(content)
    path.chmod(0o755 if entry.mode == "100755" else 0o644)


def is_pointer(content: bytes) -> bool:
    """Whether a file is one that stands for another in Git LFS."""
    return content.startswith(_POINTER)


def _tree(commit: str, root: Path) -> dict[str, Entry]:
    """Every file of the commit by its name below the folder; none where git does not know the commit."""
    listed = _run(root, "ls-tree", "-r", "-z", "--end-of-options", commit)
    lines = os.fsdecode(listed.stdout).split("\0") if listed.returncode == 0 else []
    found = {}
    for line in filter(None, lines):
        facts, _, name = line.partition("\t")
        mode, _, id_ = facts.split(" ")
        found[name] = Entry(mode, id_)
    return found


def _contents(entries: Iterable[Entry], root: Path) -> Iterator[bytes]:
    """The contents of files, in their order."""
    ids = [entry.id for entry in entries]
    answer = _run(root, "cat-file", "--batch", stdin="".join(f"{one}\n" for one in ids).encode()).stdout if ids else b""
    start = 0
    for one in ids:
        end = answer.find(b"\n", start)
        facts = answer[start:end].split(b" ")
        if end < 0 or len(facts) != 3 or facts[1] != b"blob":
            raise StockroomError(f"git does not have the content {one[:12]}", "fetch the whole commit, or clone again")
        start = end + 1
        yield answer[start : start + int(facts[2])]
        start += int(facts[2]) + 1


def _names(root: Path, *args: str) -> list[str]:
    done = _run(root, *args)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise StockroomError(
            f"git {args[0]} failed: {said or done.returncode}", "a release is promoted from a git clone"
        )
    return [name for name in os.fsdecode(done.stdout).split("\0") if name]


def _run(root: Path, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in _REDIRECTING} | _FIXED
    try:
        return subprocess.run(
            ["git", *_OPTIONS, *args], cwd=root, env=environment, capture_output=True, check=False, input=stdin
        )
    except FileNotFoundError:
        raise StockroomError("git is not installed", "a release is promoted from a git clone") from None
