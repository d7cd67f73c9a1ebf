"""Releases: what is promoted, as one digest over everything that decides how the platform behaves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from stockroom.environments import Environment
from stockroom.releases.artifacts import Artifact, Artifacts, stack_variables
from stockroom.releases.code import Code
from stockroom.system import git

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


def release_digest(files: Mapping[str, bytes], artifacts: Iterable[Artifact]) -> str:
    """SHA-256 over sorted lines `<sha256>  <name>`: one for each file (path with `/`) and artifact."""
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in files.items()]
    lines += [f"{one.sha256}  {one.kind}/{one.stack}/{one.name}.zip" for one in artifacts]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def read_release(artifacts: Artifacts, code: Code) -> Release:
    """The release that the code and what was built of it are."""
    with ThreadPoolExecutor(1) as pool:
        state = pool.submit(_state_of, code)
        digest = release_digest(release_files(code), artifacts)
        return Release(digest, *state.result())


def release_files(code: Code) -> dict[str, bytes]:
    """Content by name of every file that the release digest is over."""
    locks = [name for name in _LOCKS if (code.root / name).is_file()]
    return {name: (code.root / name).read_bytes() for name in (*code.names, *locks)}


def _state_of(code: Code) -> tuple[str | None, bool]:
    """The commit, and whether the code differs from it."""
    if code.commit:
        return code.commit, False
    commit, changed = git.glance(code.root)
    return commit, changed or bool(code.changed)


def release_variables(environment: Environment, stack: str, artifacts: Iterable[Artifact]) -> dict[str, Any]:
    """What a stack's Terraform has to know of a release in an environment, by the names of its variables."""
    return {"artifact_bucket": environment.artifact_bucket, **stack_variables(artifacts, stack)}
