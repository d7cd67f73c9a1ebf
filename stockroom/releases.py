"""Releases: what is promoted, as one digest over everything that decides how the platform behaves."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stockroom.bundles import Artifact, Artifacts
from stockroom.environments import Environment
from stockroom.settings import ROOT

_SOURCES = ("terraform/modules", "terraform/stacks", "terraform/environments", "functions")
_LOCKS = (
    "requirements.txt",
    "localstack/requirements.txt",
    "localstack/runtimes/requirements.txt",
    "localstack/package-lock.json",
)


@dataclass(frozen=True)
class Release:
    """`digest` is a SHA-256 as hex; `commit` is None outside of git; `dirty` tells of uncommitted changes."""

    digest: str
    commit: str | None
    dirty: bool

    def __str__(self) -> str:
        commit = (
            f" (commit {self.commit[:12]}{', with uncommitted changes' if self.dirty else ''})" if self.commit else ""
        )
        return f"{self.digest[:12]}{commit}"


def release_digest(files: Mapping[str, bytes], artifacts: Artifacts) -> str:
    """SHA-256 over sorted lines `<sha256>  <name>`: one for each file (path with `/`), bundle and layer."""
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in files.items()]
    lines += [f"{bundle.sha256}  bundle/{bundle.name}.zip" for bundle in artifacts.bundles]
    lines += [f"{layer.sha256}  layer/{layer.name}.zip" for layer in artifacts.layers]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def read_release(artifacts: Artifacts) -> Release:
    """The release that this work tree is now."""
    with ThreadPoolExecutor(1) as pool:
        git = pool.submit(_git)
        files = {name: (ROOT / name).read_bytes() for name in (*_source_files(ROOT), *_LOCKS)}
        digest = release_digest(files, artifacts)
        return Release(digest, *git.result())


def release_variables(environment: Environment, artifacts: Artifacts) -> dict[str, Any]:
    """What Terraform has to know of a release in an environment, by the names of the stacks' variables."""
    return {
        "artifact_bucket": environment.artifact_bucket,
        "bundles": {bundle.name: bundle.key for bundle in artifacts.bundles},
        "layers": {layer.name: layer.key for layer in artifacts.layers},
    }


def uploaded_artifacts(hashes: Mapping[str, Mapping[str, str]]) -> Artifacts:
    """Bundles and layers that an artifact bucket has, from {"bundles": {name: SHA-256}, "layers": …}: without paths."""
    return Artifacts(
        *([Artifact(name, sha256, Path()) for name, sha256 in hashes[kind].items()] for kind in ("bundles", "layers"))
    )


def _source_files(root: Path) -> Iterator[str]:
    """Their names below the root, with `/`."""
    for source in _SOURCES:
        for folder, folders, files in os.walk(root / source):
            folders[:] = [name for name in folders if name not in (".terraform", "__pycache__")]
            below = folder.removeprefix(f"{root}{os.sep}").replace(os.sep, "/")
            yield from (f"{below}/{name}" for name in files)


def _git() -> tuple[str | None, bool]:
    """The commit, and whether there are uncommitted changes."""
    command = ["git", "status", "--porcelain=2", "--branch"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None, False
    return parse_status(done.stdout) if done.returncode == 0 else (None, False)


def parse_status(status: str) -> tuple[str | None, bool]:
    """Commit and whether there are changes, from `git status --porcelain=2 --branch`; None before the first commit."""
    lines = status.splitlines()
    commits = [line.removeprefix("# branch.oid ") for line in lines if line.startswith("# branch.oid ")]
    if not commits or commits == ["(initial)"]:
        return None, False
    return commits[0], any(not line.startswith("#") for line in lines)
