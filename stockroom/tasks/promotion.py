"""Taking a release to accounts, and back."""

from __future__ import annotations

import sys
from typing import Any, Literal

from invoke import Context, task

from stockroom.tasks import folders
from stockroom.tasks.command import command

_REHEARSE = "In the account that the local engine plays: the same, but for the endpoint."


@task(
    help={"env": "The environment whose state bucket, lock table and artifact bucket to make.", "rehearse": _REHEARSE}
)
def bootstrap(c: Context, env: str = "local", rehearse: bool = False) -> None:
    """Make what Terraform needs before it can run: state bucket, lock table, artifact bucket."""
    with command() as settings:
        from stockroom.local import running
        from stockroom.local import show as report
        from stockroom.promotion.commands import bootstrap_account, ledger_readers

        if rehearse:
            bootstrap_account(settings, env, rehearse, report.Steps())
        else:
            running.bootstrap_environment(settings, env, ledger_readers(env), report.Steps())


_PROMOTING = {
    "env": "The environment to promote to.",
    "approve": "Apply exactly the plan with this digest, which `invoke plan` printed; nobody is asked.",
    "allow-destroy": "Address of something that holds data and may be destroyed or replaced (repeatable).",
    "accept-drift": "Go on although the account differs from its last release; the plan puts it back.",
    "during-freeze": "Go on in a freeze, for this reason, which the ledger keeps.",
    "rehearse": _REHEARSE,
}


@task(help=_PROMOTING, positional=["env"], iterable=["allow_destroy"])
def promote(
    c: Context,
    env: str,
    allow_destroy: list[str],
    approve: str = "",
    accept_drift: bool = False,
    during_freeze: str = "",
    rehearse: bool = False,
) -> None:
    """Take the release of this commit to an environment's account, unchanged.

    1. Gates, all looked at before anything is touched: no freeze, clean work tree, commit pushed to the environment's
       branch, evidence of `invoke e2e` for exactly this release (signed and recent), the environment before runs this
       release, credentials of the account, clock, state backend, no other promotion, no drift.
    2. Plan by plain Terraform, with what loses data refused unless it is named in --allow-destroy; checkov on the plan.
    3. Approval: type the environment's name, or give --approve DIGEST of `invoke plan`.
    4. Apply of exactly that plan. 5. Smoke tests. 6. Functions shift to their new versions. 7. An entry in the ledger.

    Stopped at any point, the same command goes on. docs/promotion.md shows it on one page.
    """
    _promote("promotion", env, rehearse, approve, allow_destroy, accept_drift, during_freeze)


@task(help=_PROMOTING, positional=["env"], iterable=["allow_destroy"])
def rollback(
    c: Context,
    env: str,
    allow_destroy: list[str],
    approve: str = "",
    accept_drift: bool = False,
    during_freeze: str = "",
    rehearse: bool = False,
) -> None:
    """Promote the release that the environment ran before, through the same gates; its bundles are still there."""
    _promote("rollback", env, rehearse, approve, allow_destroy, accept_drift, during_freeze)


@task(
    help={
        "env": "The environment to remove a stack from.",
        "stack": "The stack, which its release does not have any more.",
        "approve": "Apply exactly the plan with this digest; nobody is asked.",
        "allow-destroy": "Address of something that holds data and may be destroyed (repeatable).",
        "rehearse": _REHEARSE,
    },
    iterable=["allow_destroy"],
)
def destroy(
    c: Context, env: str, stack: str, allow_destroy: list[str], approve: str = "", rehearse: bool = False
) -> None:
    """Remove a stack from an environment that its release does not have any more, by a plan that is approved."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.promotion.destroy import destroy as destroy_stack
        from stockroom.promotion.request import make_request

        request, rules = make_request(env, "destroy", rehearse, approve, allow_destroy)
        destroy_stack(settings, request, stack, rules, Steps())
        print(f"\n{stack} is gone from {env}")


def _promote(kind: Literal["promotion", "rollback"], env: str, *args: Any) -> None:
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.promotion.promote import print_promoted, promote
        from stockroom.promotion.request import make_request

        request, rules = make_request(env, kind, *args)
        print_promoted(promote(settings, request, rules, Steps()))


@task(
    help={
        "env": "The environment to plan a promotion to; or a Terraform folder, as of `invoke up`.",
        "output": "File that gets the summary as Markdown, for a pull request's comment.",
        "rollback": "Plan `invoke rollback` instead of `invoke promote`.",
        "rehearse": _REHEARSE,
        **{name: f"Of a folder: {text}" for name, text in folders.OPTIONS.items()},
    },
    iterable=folders.LISTS,
)
def plan(
    c: Context,
    env: str,
    var: list[str],
    var_file: list[str],
    allow_provider: list[str],
    output: str = "",
    rollback: bool = False,
    rehearse: bool = False,
    workspace: str = "",
) -> None:
    """Show what a promotion, or `invoke up` of a folder, would change; changes nothing.

    Of a promotion also the digest to approve it by. A folder that is named as an environment is written ./NAME.
    """
    with command() as settings:
        from pathlib import Path

        from stockroom.console import Steps
        from stockroom.foreign.request import is_folder

        if is_folder(env):
            folders.plan_folder(settings, env, workspace, var, var_file, allow_provider)
            return
        from stockroom.promotion.commands import plan as make_plan
        from stockroom.promotion.request import make_request

        request, rules = make_request(env, "rollback" if rollback else "promotion", rehearse)
        make_plan(settings, request, rules, Path(output) if output else None, Steps())


@task(help={"env": "The environment to look at.", "all": "All environments.", "rehearse": _REHEARSE})
def drift(c: Context, env: str = "", all: bool = False, rehearse: bool = False) -> None:
    """Compare an account with the release that was promoted to it last; exit code 2 where they differ."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.promotion.commands import find_drift, wanted_environments

        sys.exit(find_drift(settings, wanted_environments(env, all), rehearse, Steps()))


@task(
    help={
        "env": "The environment to look at.",
        "all": "All environments.",
        "json": "Print JSON, for scripts.",
        "rehearse": _REHEARSE,
    }
)
def status(c: Context, env: str = "", all: bool = False, json: bool = False, rehearse: bool = False) -> None:
    """Show which release runs in which environment, as the ledgers tell."""
    with command() as settings:
        from stockroom.promotion.commands import print_runs, read_runs, wanted_environments

        print_runs(read_runs(settings, wanted_environments(env, all), rehearse), json)


@task(help={"env": "The environment to look at.", "json": "Print JSON, for scripts.", "rehearse": _REHEARSE})
def history(c: Context, env: str, json: bool = False, rehearse: bool = False) -> None:
    """Show what was promoted to an environment: when, by whom, which release and plan, and what came of it."""
    with command() as settings:
        from stockroom.promotion.commands import print_history

        print_history(settings, env, rehearse, json)


@task(help={"json": "Print JSON, for scripts."})
def release(c: Context, json: bool = False) -> None:
    """Show the release that this work tree is: its digest, and the evidence that it passed the end-to-end tests."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.promotion.commands import print_release

        print_release(settings, json, Steps(quiet=json))


@task
def rehearse(c: Context) -> None:
    """Take the release of this commit from dev to prod and back, in accounts that an engine of its own plays.

    Tests it first, and a release before it, to have one to go back to; about fifteen minutes.
    """
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.promotion.rehearsal import rehearse as rehearse_path

        folder = rehearse_path(settings, Steps())
        print(f"\nrehearsed; what every command printed is in {folder / 'logs'}")


@task(
    help={
        "env": "The environment whose lock to release.",
        "promotion": "Id of the promotion that holds it, as the refused command names it.",
        "rehearse": _REHEARSE,
    }
)
def unlock(c: Context, env: str, promotion: str, rehearse: bool = False) -> None:
    """Release the lock of a promotion that was killed on another machine, once nobody works on it any more."""
    with command() as settings:
        from stockroom.promotion.takeover import unlock as release_lock

        release_lock(settings, env, promotion, rehearse)
