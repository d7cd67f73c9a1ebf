"""What stands between a plan and its apply: no data is lost unasked, policies hold, and somebody approves it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stockroom.console import Steps
from stockroom.errors import StockroomError
from stockroom.promotion.plan_summary import Change, forbidden, unused
from stockroom.promotion.planning import Planned
from stockroom.promotion.request import Request
from stockroom.promotion.rules import Rules
from stockroom.testing.policies import check_plans

APPROVAL_OF_ITS_OWN = "wants an approval of its own"


class RefusedError(StockroomError):
    """The promotion was refused, or not approved."""


def check_destroys(planned: Planned, applied: Iterable[Change], request: Request) -> None:
    """Raises RefusedError for what would lose data unasked, and for a permission that nothing needs.

    `applied` are the changes that the promotion has made before.
    """
    if lost := forbidden(planned.changes, request.allow_destroy):
        named = " ".join(f"--allow-destroy '{change.address}'" for change in lost)
        raise RefusedError(
            f"the plan destroys what holds data: {', '.join(change.address for change in lost)}",
            f"if that is meant, add {named}",
        )
    # A plan that is known later may need it.
    slips = [] if planned.later else unused([*applied, *planned.changes], request.allow_destroy)
    if slips:
        raise RefusedError(
            f"--allow-destroy {slips[0]}: the plan destroys no such thing",
            "leave it out, or write the address as the plan does",
        )


def check_policies(planned: Planned, folder: Path, steps: Steps) -> None:
    """Raises RefusedError with checkov's words when a policy fails on a plan that changes something."""
    files = {stack: folder / f"{stack}.plan.json" for stack, plan in planned.known.items() if plan.changes}
    if not files:
        return
    with steps.step("policies") as step:
        code = next(iter(planned.known.values())).work.release / "terraform"
        passed, text = check_plans(files, code, step.say)
        (folder / "policies.log").write_text(text)
        if not passed:
            raise RefusedError("checkov does not pass the plan", "mend it, or skip the check with a reason", text)
        step.say(f"checkov passes the plan of {', '.join(files)}")


def approve(planned: Planned, request: Request, rules: Rules, account_id: str, again: bool, steps: Steps) -> None:
    """Raises RefusedError unless exactly this plan is approved.

    `again` says that a part was applied, and that this is about plans that became known, or others, by that.
    """
    name = request.environment
    if request.approve and again:
        raise RefusedError(
            f"the plan of {', '.join(planned.plans)} {APPROVAL_OF_ITS_OWN}: it could not be known before "
            f"what it needs was applied",
            f"`invoke plan --env {name}` prints it; the same command with --approve DIGEST of that goes on",
        )
    if request.approve:
        if request.approve != planned.digest:
            raise RefusedError(
                f"the plan is not the one that was approved: it is {planned.digest[:12]}…, and approved was "
                f"{request.approve[:12]}…",
                f"the release or the account has changed since; look at `invoke plan --env {name}` again",
            )
        steps.note(f"approved as plan {planned.digest[:12]}")
    elif rules.approval == "typed":
        try:
            answer = input(f"type {name} to apply this to account {account_id}: ")
        except EOFError:
            answer = ""
        if answer.strip() != name:
            raise RefusedError(
                "not approved, and nothing more was changed" if again else "not approved, so nothing was changed",
                "the same command asks again",
            )
