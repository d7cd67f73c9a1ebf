"""What git knows of a commit, and a release's files as they were committed."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from stockroom.errors import StockroomError
from stockroom.settings import ROOT


def changed_files(root: Path = ROOT) -> list[str]:
    """Paths that differ from the commit, or are not in it."""
    return [line[3:] for line in _git(root, "status", "--porcelain").splitlines()]


def why_not_pushed(commit: str, branch: str, root: Path = ROOT) -> str | None:
    """Why the commit can't be said to be on the branch of `origin`; None where it is."""
    if _run(root, "remote", "get-url", "origin").returncode:
        return "there is no remote `origin` that it could have been pushed to"
    fetched = _run(root, "fetch", "--quiet", "--no-tags", "origin", f"refs/heads/{branch}")
    if fetched.returncode:
        lines = fetched.stderr.strip().splitlines()
        return f"origin does not give its branch '{branch}': {lines[-1] if lines else 'no answer'}"
    if _run(root, "merge-base", "--is-ancestor", commit, "FETCH_HEAD").returncode:
        return f"commit {commit[:12]} is not on branch '{branch}' of origin"
    return None


def check_out(commit: str, folder: Path, root: Path = ROOT) -> Path:
    """The commit's files, without git, in a folder of that name; made once, and in one step."""
    place = folder / commit[:12]
    if place.exists():
        return place
    archive = subprocess.run(["git", "archive", "--format=tar", commit], cwd=root, capture_output=True, check=False)
    if archive.returncode:
        raise StockroomError(
            f"git does not know commit {commit[:12]}",
            "fetch the branch that the release was promoted from (a shallow clone does not hold it)",
        )
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder))
    try:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(draft, filter="data")
        draft.replace(place)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return place


def _git(root: Path, *words: str) -> str:
    done = _run(root, *words)
    if done.returncode:
        raise StockroomError(
            f"git {words[0]} failed: {done.stderr.strip() or done.returncode}", "a release is promoted from a git clone"
        )
    return done.stdout


def _run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise StockroomError("git is not installed", "a release is promoted from a git clone") from None
