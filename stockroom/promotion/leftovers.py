"""Stacks that are deployed to an environment and are no stacks of its release any more."""

from __future__ import annotations

from collections.abc import Collection

from stockroom.deployed.terraform_state import deployed_names
from stockroom.promotion.account import Account
from stockroom.system import git


def stacks_of(commit: str) -> set[str]:
    """The stacks that the code of a commit has."""
    parts = (name.split("/") for name in git.committed_files(commit) if name.startswith("terraform/stacks/"))
    return {found[2] for found in parts if len(found) > 3}


def leftover_stacks(account: Account, stacks: Collection[str]) -> list[str]:
    """What is deployed of the environment and not among the stacks of a release."""
    return [name for name in deployed_names(account.environment, account.session) if name not in stacks]


def leftover_line(environment: str, stack: str, rehearse: bool) -> str:
    """What to say of such a stack, in one line with the command that removes it."""
    command = f"invoke destroy --env {environment} --stack {stack}{' --rehearse' if rehearse else ''}"
    return f"{stack} is deployed to {environment} and is no stack of this release: `{command}` removes it"
