"""Drift: what differs in an account from the release that was promoted to it last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stockroom.environments import stack_names
from stockroom.errors import StockroomError
from stockroom.promotion.account import Account
from stockroom.promotion.ledger import Promotion, current
from stockroom.promotion.plan_summary import changes_of, lines
from stockroom.releases.artifacts import artifacts_of
from stockroom.releases.code import checked_out
from stockroom.releases.release import release_digest, release_files, release_variables
from stockroom.settings import Settings
from stockroom.side_by_side import Check, results_of, run_side_by_side
from stockroom.terraform.binary import find_binary
from stockroom.terraform.release_directory import WorkingDirectory, one_init_at_a_time


def drift_of(
    account: Account, promotions: Sequence[Promotion], folder: Path, settings: Settings
) -> tuple[str, ...] | None:
    """What differs from the release that the environment runs, as "<stack>: <sign> <address>".

    None where no release was promoted yet. The release's own code is planned again: what it would do is the drift.
    """
    runs = current(promotions)
    if runs is None:
        return None
    if runs.artifacts is None:
        return (f"all of release {runs.digest[:12]}: an older version of Stockroom promoted it, and kept other sums",)
    artifacts = artifacts_of(runs.artifacts)
    code = checked_out(runs.commit, folder)
    if (digest := release_digest(release_files(code), artifacts)) != runs.digest:
        raise StockroomError(
            f"commit {runs.commit[:12]} is release {digest[:12]}, and the ledger of '{account.environment.name}' says "
            f"{runs.digest[:12]}",
            "look at the versions of the ledger in S3: somebody has changed it",
        )
    terraform, one_init = find_binary(settings).path, one_init_at_a_time(account.variables)

    def compare(stack: str, check: Check) -> list[str]:
        work = WorkingDirectory(stack, account.environment, code.root, terraform, account.variables)
        with one_init:
            work.init(release_variables(account.environment, stack, artifacts), check)
        return [f"{stack}: {line}" for line in lines(changes_of(stack, work.plan(lock=False, watch=check)))]

    # None of them waits for another one: nothing is changed.
    stacks = dict.fromkeys(stack_names(code.root / "terraform" / "stacks"), ())
    found = results_of(run_side_by_side(stacks, compare), "drift")
    return tuple(line for stack in stacks for line in found[stack])
