"""The plans of a release's stacks: made side by side, each as soon as it can be known, with one digest over all."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stockroom.console import Steps, out
from stockroom.errors import StockroomError
from stockroom.promotion.account import Account
from stockroom.promotion.plan_summary import Change, changes_of, counts, effect_of, lines, plan_digest
from stockroom.promotion.subject import Subject
from stockroom.settings import Settings
from stockroom.side_by_side import Check, Done, Failed, Outcome, results_of, run_side_by_side
from stockroom.stacks import Manifests, in_order, read_manifests, with_needs
from stockroom.terraform.binary import find_binary
from stockroom.terraform.release_directory import WorkingDirectory, one_init_at_a_time

_FIRST_CHARACTERS = 200


@dataclass(frozen=True)
class Known:
    """A plan, saved in its directory. `changes` are what it does, in the order of addresses."""

    work: WorkingDirectory
    plan: Mapping[str, Any]
    changes: list[Change]

    @property
    def effect(self) -> dict[str, Any]:
        return effect_of(self.plan)


@dataclass(frozen=True)
class Later:
    """A plan that can't be made until the stacks `after` are applied; `why` is what Terraform says now."""

    after: tuple[str, ...]
    why: str

    @property
    def effect(self) -> dict[str, Any]:
        return {"known after": list(self.after)}


Plan = Known | Later


@dataclass(frozen=True)
class Planned:
    """The plan of each stack, in the order in which they are applied, and the digest over all of them."""

    environment: str
    manifests: Manifests
    plans: dict[str, Plan]
    digest: str

    @property
    def known(self) -> dict[str, Known]:
        return {stack: plan for stack, plan in self.plans.items() if isinstance(plan, Known)}

    @property
    def later(self) -> dict[str, Later]:
        return {stack: plan for stack, plan in self.plans.items() if isinstance(plan, Later)}

    @property
    def changes(self) -> list[Change]:
        return [change for plan in self.known.values() for change in plan.changes]

    def is_to_change(self, stack: str) -> bool:
        """Whether anything is yet to be applied of a stack, or can't be told; of one that was left out nothing is."""
        plan = self.plans.get(stack)
        return isinstance(plan, Later) or (plan is not None and bool(plan.changes))

    def needs(self, stack: str) -> set[str]:
        """The stacks that it needs, also by way of others."""
        return with_needs(self.manifests, self.manifests[stack].needs)


def make_plan(
    subject: Subject,
    account: Account,
    folder: Path,
    settings: Settings,
    steps: Steps,
    lock: bool,
    without: Collection[str] = (),
) -> Planned:
    """Plan every stack of the release for the account, with the release's own code, but those that are left out.

    Raises StockroomError for a plan that fails and would fail as well if what it needs were applied.
    """
    environment, code = account.environment, subject.code.root
    manifests = read_manifests(code / "terraform" / "stacks")
    names = [name for name in in_order(manifests, manifests) if name not in without]
    terraform = find_binary(settings).path
    works = {name: WorkingDirectory(name, environment, code, terraform, account.variables) for name in names}
    one_init = one_init_at_a_time(account.variables)

    def plan(stack: str, check: Check) -> Known:
        with steps.step(f"plan {stack}") as step:
            step.say("initialising")
            with one_init:
                works[stack].init(subject.variables(environment, stack), check)
            step.say("planning")
            known = plan_again(works[stack], folder, lock, check)
            step.say(counts(known.changes))
        return known

    # None waits for another one here: most can be planned on what is there.
    outcomes = run_side_by_side(dict.fromkeys(names, ()), plan)
    plans = what_is_known(manifests, outcomes)
    effects = {stack: one.effect for stack, one in plans.items()}
    return Planned(environment.name, manifests, plans, plan_digest(environment.name, subject.release.digest, effects))


def plan_again(work: WorkingDirectory, folder: Path, lock: bool, check: Check) -> Known:
    """Plan in an initialised directory; `folder` gets the plan as JSON too."""
    plan = work.plan(lock, check)
    file = folder / f"{work.stack}.plan.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(plan))
    return Known(work, plan, changes_of(work.stack, plan))


def what_is_known(manifests: Manifests, outcomes: Mapping[str, Outcome[Known]]) -> dict[str, Plan]:
    """The plan of each stack. One that fails is known later where a stack that it needs is yet to be changed.

    Raises StockroomError for every other one that failed. The outcomes are in the order in which stacks are applied.
    """
    plans: dict[str, Plan] = {}
    hopeless: dict[str, Outcome[Known]] = {}
    for stack, outcome in outcomes.items():
        match outcome:
            case Done(known):
                plans[stack] = known
            case Failed(StockroomError() as error):
                after = _yet_to_be_changed(plans, with_needs(manifests, manifests[stack].needs))
                if after:
                    plans[stack] = Later(after, _first_words(error))
                else:
                    hopeless[stack] = outcome
            case _:
                hopeless[stack] = outcome
    if hopeless:
        results_of(hopeless, "plan")
    return plans


def _yet_to_be_changed(plans: Mapping[str, Plan], needs: Collection[str]) -> tuple[str, ...]:
    return tuple(stack for stack, plan in plans.items() if stack in needs and (isinstance(plan, Later) or plan.changes))


def _first_words(error: StockroomError) -> str:
    words = (error.details or error.message).strip().splitlines()[0]
    return words if len(words) <= _FIRST_CHARACTERS else f"{words[:_FIRST_CHARACTERS]}…"


def print_plan(planned: Planned) -> None:
    for stack, plan in planned.plans.items():
        out.print(f"\n[bold]{stack}[/bold]: {summary(plan)}")
        for line in plan_lines(plan):
            out.print(f"  {line}", markup=False, soft_wrap=True)
    out.print(f"\nplan digest {planned.digest}\n", soft_wrap=True)


def summary(plan: Plan) -> str:
    """What a plan does, in a few words."""
    if isinstance(plan, Known):
        return counts(plan.changes)
    return f"known after {' and '.join(plan.after)} {'are' if len(plan.after) > 1 else 'is'} applied"


def plan_lines(plan: Plan) -> list[str]:
    return lines(plan.changes) if isinstance(plan, Known) else [f"Terraform says now: {plan.why}"]


def markdown(release: str, planned: Planned) -> str:
    """The summary as a comment for a pull request."""
    parts = [f"### Plan for {planned.environment}", ""]
    parts += [f"Release `{release[:12]}`, plan digest `{planned.digest}`", ""]
    for stack, plan in planned.plans.items():
        parts += [f"**{stack}**: {summary(plan)}", ""]
        if listed := plan_lines(plan):
            parts += ["```diff", *listed, "```", ""]
    return "\n".join(parts)
