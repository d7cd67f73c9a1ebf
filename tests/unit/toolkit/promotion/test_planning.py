"""What can be known of the plans of several stacks, and what of it is applied as it was approved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from stockroom.console import Steps
from stockroom.errors import StockroomError
from stockroom.promotion.applying import Progress, apply_plans
from stockroom.promotion.plan_summary import changes_of, effect_of, plan_digest
from stockroom.promotion.planning import Known, Later, Plan, Planned, markdown, print_plan, what_is_known
from stockroom.side_by_side import Done, Failed, Outcome
from stockroom.stacks import Manifest, in_order
from stockroom.terraform.apply_progress import ApplyResult
from stockroom.terraform.release_directory import ApplyFailedError, WorkingDirectory

# shop reads what lake deployed, insights what shop did; alone nothing.
SHOP = {
    "alone": Manifest(),
    "lake": Manifest(),
    "shop": Manifest(needs=("lake",)),
    "insights": Manifest(needs=("shop",)),
}


def plan(*values: str) -> dict[str, Any]:
    """A plan that makes a parameter of each value."""
    changes = [
        {
            "address": f"aws_ssm_parameter.p{number}",
            "mode": "managed",
            "type": "aws_ssm_parameter",
            "change": {"actions": ["create"], "before": None, "after": {"value": value}, "after_unknown": {}},
        }
        for number, value in enumerate(values)
    ]
    return {"resource_changes": changes}


class Work:
    """A working directory without a Terraform: what it plans again, and whether its apply fails."""

    def __init__(self, stack: str, again: Mapping[str, Any], error: StockroomError | None, log: list[str]) -> None:
        self.stack = stack
        self._again, self._error, self._log = again, error, log

    def plan(self, lock: bool, watch: object) -> Mapping[str, Any]:
        self._log.append(f"plan {self.stack}")
        return self._again

    def apply(self, say: Callable[[str], None], watch: object) -> ApplyResult:
        self._log.append(f"apply {self.stack}")
        if self._error:
            raise ApplyFailedError(self._error, ["a", "b"])
        return ApplyResult(added=1)


class Plans:
    """Plans of the stacks above; `again` and `failing` are what Work makes of them."""

    def __init__(self, again: Mapping[str, Mapping[str, Any]] = {}, failing: Mapping[str, str] = {}) -> None:
        self.log: list[str] = []
        self._again, self._failing = again, failing

    def known(self, stack: str, content: Mapping[str, Any]) -> Known:
        error = StockroomError(self._failing[stack]) if stack in self._failing else None
        work = Work(stack, self._again.get(stack, content), error, self.log)
        return Known(cast("WorkingDirectory", work), content, changes_of(stack, content))

    def planned(self, **plans: Mapping[str, Any] | Later) -> Planned:
        found = {
            stack: one if isinstance(one, Later) else self.known(stack, one)
            for stack in in_order(SHOP, plans)
            for one in [plans[stack]]
        }
        return Planned("prod", SHOP, found, "d" * 64)


# What can be known


def outcomes(**found: Mapping[str, Any] | StockroomError) -> dict[str, Outcome[Known]]:
    plans = Plans()
    return {
        stack: Failed(one) if isinstance(one, StockroomError) else Done(plans.known(stack, one))
        for stack in in_order(SHOP, found)
        for one in [found[stack]]
    }


UNREAD = StockroomError("terraform plan of 'shop' failed", "see the log", "data.aws_ssm_parameter.x: not found\n  more")


def test_a_plan_that_fails_is_known_after_what_it_needs_is_applied() -> None:
    found = what_is_known(SHOP, outcomes(alone=plan("a"), lake=plan("b"), shop=UNREAD, insights=UNREAD))
    assert isinstance(found["lake"], Known)
    assert found["shop"] == Later(("lake",), "data.aws_ssm_parameter.x: not found")
    assert found["insights"] == Later(("lake", "shop"), "data.aws_ssm_parameter.x: not found")


def test_a_plan_that_fails_though_nothing_that_it_needs_will_change_is_an_error() -> None:
    with pytest.raises(StockroomError) as caught:
        what_is_known(SHOP, outcomes(alone=plan("a"), lake=plan(), shop=UNREAD))
    assert caught.value.message == UNREAD.message
    with pytest.raises(StockroomError, match="plan failed: lake, shop"):
        what_is_known(SHOP, outcomes(lake=StockroomError("no"), shop=StockroomError("no"), alone=plan("a")))


def test_what_fails_and_needs_nothing_is_an_error_whatever_else_changes() -> None:
    with pytest.raises(StockroomError, match="lake is broken"):
        what_is_known(SHOP, outcomes(alone=plan("a"), lake=StockroomError("lake is broken")))


def digest(plans: Mapping[str, Plan]) -> str:
    return plan_digest("prod", "r", {stack: one.effect for stack, one in plans.items()})


def test_the_digest_says_which_plans_are_known_later() -> None:
    plans = Plans()
    lake = plans.known("lake", plan("a"))
    later = digest({"lake": lake, "shop": Later(("lake",), "why")})
    assert later == digest({"lake": lake, "shop": Later(("lake",), "Terraform's words differ")})
    assert later != digest({"lake": lake, "shop": plans.known("shop", plan())})
    assert later != digest({"lake": lake, "shop": Later(("alone",), "why")})


def test_it_is_shown_what_is_known_later(capfd: pytest.CaptureFixture[str]) -> None:
    planned = Plans().planned(alone=plan(), lake=plan("a"), shop=Later(("lake",), "parameter not found"))
    print_plan(planned)
    printed = capfd.readouterr().out
    for text in (printed, markdown("ab" * 32, planned)):
        assert "known after lake is applied" in text
        assert "Terraform says now: parameter not found" in text
        assert "d" * 64 in text
        assert "+ aws_ssm_parameter.p0" in text
    assert "**alone**: no changes" in markdown("ab" * 32, planned)


# What is applied


def apply(planned: Planned, folder: Path, progress: Progress | None = None) -> Progress:
    progress = progress or Progress()
    apply_plans(planned, folder, Steps(quiet=True), progress)
    return progress


def test_each_is_applied_behind_what_it_needs(tmp_path: Path) -> None:
    plans = Plans()
    progress = apply(plans.planned(alone=plan(), lake=plan(), shop=plan(), insights=plan()), tmp_path)
    applies = [line for line in plans.log if line.startswith("apply")]
    assert applies.index("apply lake") < applies.index("apply shop") < applies.index("apply insights")
    assert sorted(progress.applied) == sorted(SHOP)
    assert progress.stacks["shop"] == "1 added, 0 changed, 0 destroyed"
    assert plans.log == applies, "nothing changed under a plan, so none is made again"


def test_a_plan_is_made_again_when_what_it_needs_was_changed(tmp_path: Path) -> None:
    plans = Plans()
    progress = apply(plans.planned(alone=plan("a"), lake=plan("b"), shop=plan("c"), insights=plan("d")), tmp_path)
    assert plans.log.index("apply lake") < plans.log.index("plan shop") < plans.log.index("apply shop")
    assert not {"plan alone", "plan lake"} & set(plans.log)
    assert sorted(progress.applied) == sorted(SHOP)


def test_a_plan_that_became_another_one_waits_for_an_approval(tmp_path: Path) -> None:
    plans = Plans(again={"shop": plan("other")})
    progress = apply(plans.planned(alone=plan("a"), lake=plan("b"), shop=plan("c"), insights=plan()), tmp_path)
    assert sorted(progress.applied) == ["alone", "lake"]
    assert "apply shop" not in plans.log
    assert (progress.stacks["shop"], progress.stacks["insights"]) == ("waits for an approval of its own", "not begun")


def test_a_plan_that_was_not_known_waits_for_an_approval(tmp_path: Path) -> None:
    plans = Plans()
    progress = apply(plans.planned(lake=plan("a"), shop=Later(("lake",), "why"), insights=plan()), tmp_path)
    assert list(progress.applied) == ["lake"]
    second = plans.planned(shop=plan("b"), insights=plan())
    apply(second, tmp_path, progress)
    assert list(progress.applied) == ["lake", "shop", "insights"]


def test_a_failure_lets_the_independent_ones_finish_and_says_what_did(tmp_path: Path) -> None:
    plans = Plans(failing={"lake": "no right to do that"})
    progress = Progress()
    with pytest.raises(StockroomError) as caught:
        apply(plans.planned(alone=plan("a"), lake=plan("b"), shop=plan("c")), tmp_path, progress)
    assert caught.value.message == "no right to do that; not begun: shop (needs lake); done: alone"
    assert progress.stacks == {
        "alone": "1 added, 0 changed, 0 destroyed",
        "lake": "failed after 2 resources",
        "shop": "not begun",
    }


def test_what_waits_is_no_failure_of_others(tmp_path: Path) -> None:
    plans = Plans(again={"shop": plan("other")}, failing={"alone": "no right to do that"})
    with pytest.raises(StockroomError) as caught:
        apply(plans.planned(alone=plan("a"), lake=plan("b"), shop=plan("c"), insights=plan()), tmp_path)
    assert caught.value.message == "no right to do that; done: lake"


def test_an_effect_is_what_is_done() -> None:
    assert effect_of(plan("a") | {"timestamp": "1"}) == effect_of(plan("a") | {"timestamp": "2"})
    assert effect_of(plan("a")) != effect_of(plan("b"))
