"""Which stacks may be destroyed, and with which code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stockroom.deployed.terraform_state import DeployedStack, Resource
from stockroom.errors import StockroomError
from stockroom.promotion import destroy
from stockroom.promotion.destroy import made_by, what_runs
from stockroom.promotion.ledger import Promotion
from stockroom.promotion.leftovers import leftover_line
from stockroom.promotion.request import Request

STACKS = {"c1": {"lake", "archive"}, "c2": {"lake"}, "c3": {"lake", "draft"}}


def promotion(digest: str, commit: str, **changes: Any) -> Promotion:
    release = {"digest": digest, "commit": commit, "dirty": False}
    one = Promotion("p", "promotion", release, "me", "t", {}, result="succeeded", applying=True)
    return replace(one, **changes)


WITH, WITHOUT = promotion("d1", "c1"), promotion("d2", "c2")


@pytest.fixture(autouse=True)
def _commits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destroy, "stacks_of", STACKS.__getitem__)


def deployed(stack: str, digest: str | None) -> DeployedStack:
    release = {"digest": digest, "commit": None, "dirty": False} if digest else None
    return DeployedStack(stack, [Resource("aws_s3_bucket.b", "aws_s3_bucket", "b")], {}, release)


def test_a_stack_that_the_release_does_not_have_may_go() -> None:
    assert what_runs([WITH, WITHOUT], "archive", "dev") == WITHOUT


def test_one_that_the_release_has_may_not() -> None:
    with pytest.raises(StockroomError, match="archive is a stack of release d1") as error:
        what_runs([WITHOUT, WITH], "archive", "dev")
    assert error.value.hint
    assert "remove terraform/stacks/archive from the repository" in error.value.hint


def test_one_that_a_promotion_without_an_end_was_about_to_make_may_not() -> None:
    with pytest.raises(StockroomError, match="draft is a stack of release d3"):
        what_runs([WITHOUT, promotion("d3", "c3", result="failed")], "draft", "dev")


@pytest.mark.parametrize("promotions", [[], [replace(WITH, artifacts=None)]], ids=["none", "of an older version"])
def test_without_a_release_nothing_is_destroyed(promotions: list[Promotion]) -> None:
    with pytest.raises(StockroomError, match="'dev' runs no release of this version"):
        what_runs(promotions, "archive", "dev")


def test_it_goes_with_the_code_that_it_was_deployed_from() -> None:
    again = promotion("d1", "c1", id="later")
    assert made_by([WITH, again, WITHOUT], deployed("archive", "d1")) == again


def test_one_that_was_never_deployed_to_the_end_goes_with_the_last_code_that_had_it() -> None:
    failed = promotion("d3", "c3", result="failed")
    assert made_by([WITH, failed, WITHOUT], deployed("draft", None)) == failed
    assert made_by([WITH, promotion("d3", "c3", applying=False)], deployed("draft", None)) is None


@pytest.mark.parametrize("rehearse", [True, False])
def test_the_line_that_names_a_leftover_has_the_command(rehearse: bool) -> None:
    command = f"{Request('dev', 'destroy', rehearse).command} --stack archive"
    assert sorted(command.split()) == sorted(leftover_line("dev", "archive", rehearse).split("`")[1].split())
