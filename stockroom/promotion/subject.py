"""The release that is to be promoted: built from its commit, or the one before, which the ledger tells of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stockroom.console import Steps
from stockroom.environments import Environment, stack_names
from stockroom.errors import StockroomError
from stockroom.project import ROOT
from stockroom.promotion.ledger import Promotion, current, release_before
from stockroom.releases.artifacts import Artifacts, Hashes, artifacts_of, described, hashes_of
from stockroom.releases.build import build_artifacts
from stockroom.releases.code import Code, checked_out, head_of, work_tree
from stockroom.releases.release import Release, read_release, release_digest, release_files, release_variables


@dataclass(frozen=True)
class Subject:
    """The release that is to be promoted. `hashes` are those of its artifacts.

    `built` are the zips; None of a rollback, for which the artifact bucket has them. `code` is a clean check-out of the
    release's commit, where it has one.
    """

    release: Release
    hashes: Hashes
    built: Artifacts | None
    code: Code

    @property
    def rebuilt(self) -> str:
        """The digest that the code really has, together with the artifacts."""
        return release_digest(release_files(self.code), artifacts_of(self.hashes))

    def variables(self, environment: Environment, stack: str) -> dict[str, Any]:
        return release_variables(environment, stack, artifacts_of(self.hashes))


def built_subject(code: Code, steps: Steps) -> Subject:
    """The release that the code is, with its bundles and layers built."""
    with steps.step("bundles") as step:
        step.say("building the functions and their layers")
        artifacts = build_artifacts(stack_names(code.root / "terraform" / "stacks"), code)
        step.say(described(artifacts))
    return Subject(read_release(artifacts, code), hashes_of(artifacts), artifacts, code)


def code_of_commit(folder: Path) -> Code:
    """A clean check-out of the repository's commit in the folder; the work tree where there is none."""
    commit = head_of(ROOT)
    return checked_out(commit, folder) if commit else work_tree()


def subject_before(promotions: Sequence[Promotion], env: str, folder: Path) -> Subject:
    """The release to go back to, checked out in the folder. Raises StockroomError where there is none."""
    before = release_before(promotions)
    if before is None:
        runs = current(promotions)
        words = f"it runs {runs.digest[:12]}, and no release before that" if runs else "it never ran a release"
        raise StockroomError(f"there is nothing to roll '{env}' back to: {words}", "promote another commit instead")
    if before.artifacts is None:
        raise StockroomError(
            f"release {before.digest[:12]}, which '{env}' ran before, was promoted by an older version of Stockroom",
            f"test and promote its commit {before.commit[:12]} instead",
        )
    release = Release(before.digest, before.commit, dirty=False)
    return Subject(release, before.artifacts, None, checked_out(before.commit, folder))
