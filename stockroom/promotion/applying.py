"""Applying the approved plans of stacks: side by side, each when all that it needs is applied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stockroom.console import Steps
from stockroom.errors import StockroomError
from stockroom.promotion.planning import Known, Planned, plan_again
from stockroom.side_by_side import Check, Failed, NotStarted, Outcome, results_of, run_side_by_side
from stockroom.stacks import needs_among
from stockroom.terraform.apply_progress import ApplyResult
from stockroom.terraform.release_directory import ApplyFailedError

NOT_BEGUN = "not begun"
_WAITS = "waits for an approval of its own"


class PlanIsAnotherError(StockroomError):
    """What a stack needs is applied, and its plan is not the one that was approved, or was not known then."""


@dataclass
class Progress:
    """How far each stack came, in words for the ledger, and what was applied so far."""

    stacks: dict[str, str] = field(default_factory=dict)
    applied: dict[str, ApplyResult] = field(default_factory=dict)


def apply_plans(planned: Planned, folder: Path, steps: Steps, progress: Progress) -> None:
    """Apply what can be applied as it was approved; `progress` tells of each stack.

    What is not in `progress.applied` then has to be planned and approved once more: its plan became another one, or
    known, when what it needs was applied. Raises StockroomError for what failed, when all others have come to an end.
    """
    progress.stacks |= {stack: NOT_BEGUN for stack in planned.plans if stack not in progress.applied}

    def apply(stack: str, check: Check) -> ApplyResult:
        known = _as_approved(planned, stack, folder, steps, progress, check)
        with _noted(progress, stack), steps.step(f"apply {stack}") as step:
            result = known.work.apply(step.say, check)
            words = f"{result.added} added, {result.changed} changed, {result.removed} destroyed"
            step.say(words)
        progress.stacks[stack] = words
        progress.applied[stack] = result
        return result

    outcomes = run_side_by_side(needs_among(planned.manifests, planned.plans), apply)
    results_of(without_waiting(outcomes), "apply")


def _as_approved(planned: Planned, stack: str, folder: Path, steps: Steps, progress: Progress, check: Check) -> Known:
    """The stack's plan, made again where a stack that it needs was changed. Raises PlanIsAnotherError."""
    plan = planned.plans[stack]
    if isinstance(plan, Known) and not any(planned.is_to_change(need) for need in planned.needs(stack)):
        return plan
    if isinstance(plan, Known):
        with steps.step(f"plan {stack}") as step:
            step.say("once more, on what was applied meanwhile")
            again = plan_again(plan.work, folder, True, check)
            if again.effect == plan.effect:
                step.say("as approved")
                return again
            step.fail("became another plan by what was applied meanwhile")
    progress.stacks[stack] = _WAITS
    raise PlanIsAnotherError(f"the plan of {stack} {_WAITS}")


@contextmanager
def _noted(progress: Progress, stack: str) -> Iterator[None]:
    try:
        yield
    except ApplyFailedError as error:
        progress.stacks[stack] = f"failed after {len(error.touched)} resources"
        raise
    except KeyboardInterrupt:
        progress.stacks[stack] = "interrupted"
        raise


def without_waiting(outcomes: dict[str, Outcome[ApplyResult]]) -> dict[str, Outcome[ApplyResult]]:
    """The outcomes but for the stacks that wait for an approval, and those that need such a one."""
    failed = {stack: one.error for stack, one in outcomes.items() if isinstance(one, Failed)}
    waiting = {stack for stack, error in failed.items() if isinstance(error, PlanIsAnotherError)}
    return {
        stack: one
        for stack, one in outcomes.items()
        if stack not in waiting and not (isinstance(one, NotStarted) and one.because in waiting)
    }
