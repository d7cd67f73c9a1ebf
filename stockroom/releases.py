"""Releases: what is promoted, as one digest over everything that decides how the platform behaves."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable, Mapping
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
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in _source_files()}
    commit = _git("rev-parse", "HEAD")
    return Release(release_digest(files, artifacts), commit, bool(commit and _git("status", "--porcelain")))


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


def _source_files() -> Iterable[Path]:
    for source in _SOURCES:
        for path in sorted((ROOT / source).rglob("*")):
            parts = path.relative_to(ROOT).parts
            if path.is_file() and ".terraform" not in parts and "__pycache__" not in parts:
                yield path
    for lock in _LOCKS:
        yield ROOT / lock


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
