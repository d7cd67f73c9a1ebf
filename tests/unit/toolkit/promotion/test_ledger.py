"""What the events of a ledger add up to."""

from __future__ import annotations

from typing import Any

import pytest

from stockroom.promotion.ledger import current, fold, ran, release_before, unfinished

Events = list[dict[str, Any]]


def events(number: int, digest: str, result: str | None, kind: str = "promotion", applying: bool = True) -> Events:
    """One promotion; a result of None is one that was killed."""
    same: dict[str, Any] = {"format": 2, "promotion": f"p{number}", "at": f"2026-11-20T10:0{number}:00Z"}
    release = {"digest": digest, "commit": f"c-{digest}", "dirty": False}
    found: Events = [{**same, "event": "started", "kind": kind, "release": release, "who": "me", "artifacts": {}}]
    if applying:
        found.append({**same, "event": "applying", "plan_digest": "d"})
    if result:
        end: dict[str, Any] = {"result": result, "step": None, "error": None, "duration_seconds": 1.5, "stacks": {}}
        found.append({**same, "event": "finished", **end})
    return found


def history(*promotions: tuple[str, str | None] | tuple[str, str | None, str]) -> Events:
    return [event for number, one in enumerate(promotions) for event in events(number, *one)]


def test_a_promotion_is_what_its_events_say() -> None:
    (one,) = fold(events(1, "a", "succeeded"))
    assert (one.id, one.digest, one.commit, one.result, one.plan_digest) == ("p1", "a", "c-a", "succeeded", "d")
    assert (one.started, one.finished) == ("2026-11-20T10:01:00Z", "2026-11-20T10:01:00Z")
    assert one.duration_seconds == 1.5


def test_without_an_end_it_was_interrupted() -> None:
    (one,) = fold(events(1, "a", None))
    assert (one.result, one.finished, one.applying) == ("interrupted", None, True)
    (before,) = fold(events(1, "a", None, applying=False))
    assert (before.result, before.applying) == ("interrupted", False)


def test_events_of_two_promotions_may_be_mixed() -> None:
    first, second = events(1, "a", "succeeded"), events(2, "b", "refused", applying=False)
    mixed = [first[0], second[0], first[1], second[1], first[2]]
    assert [(one.id, one.result) for one in fold(mixed)] == [("p1", "succeeded"), ("p2", "refused")]


def test_an_environment_runs_the_last_release_that_succeeded() -> None:
    promotions = fold(history(("a", "succeeded"), ("b", "succeeded"), ("c", "failed")))
    found = current(promotions)
    assert found
    assert found.digest == "b"
    assert current(fold(history(("a", "failed")))) is None
    assert ran(promotions, "a")
    assert not ran(promotions, "c")


@pytest.mark.parametrize(
    ("promotions", "left"),
    [
        (history(("a", "succeeded")), None),
        (history(("a", "succeeded"), ("b", "failed")), "b"),
        (history(("a", "succeeded"), ("b", None)), "b"),
        (history(("a", "failed"), ("a", "succeeded")), None),
        (history(("a", "succeeded")) + events(5, "b", "refused", applying=False), None),
        (history(("b", "failed")) + events(5, "b", "failed", applying=False), "b"),
    ],
)
def test_only_what_began_to_apply_can_be_unfinished(promotions: Events, left: str | None) -> None:
    found = unfinished(fold(promotions))
    assert (found.digest if found else None) == left


@pytest.mark.parametrize(
    ("promotions", "before"),
    [
        ([], None),
        ([("a", "succeeded")], None),
        ([("a", "succeeded"), ("a", "succeeded")], None),
        ([("a", "succeeded"), ("b", "succeeded")], "a"),
        ([("a", "succeeded"), ("b", "succeeded"), ("b", "succeeded")], "a"),
        ([("a", "succeeded"), ("b", "succeeded"), ("c", "failed")], "a"),
        ([("a", "succeeded"), ("b", "succeeded"), ("a", "succeeded", "rollback")], None),
        ([("a", "succeeded"), ("b", "succeeded"), ("c", "succeeded"), ("b", "succeeded", "rollback")], "a"),
        (
            [("a", "succeeded"), ("b", "succeeded"), ("a", "succeeded", "rollback"), ("c", "succeeded")],
            "a",
        ),
        ([("a", "succeeded"), ("b", "succeeded"), ("a", "succeeded")], "b"),
    ],
)
def test_a_rollback_goes_to_the_release_before(promotions: list[Any], before: str | None) -> None:
    found = release_before(fold(history(*promotions)))
    assert (found.digest if found else None) == before
