"""What infra-up does, by what is there."""

from dataclasses import replace

import pytest

from stockroom.local.decide import (
    AfterFailure,
    Deploy,
    Held,
    LayOut,
    Rest,
    Save,
    Seed,
    Start,
    Step,
    after_failed_deployment,
    how_to_start,
    is_as_wanted,
    steps_to,
)
from stockroom.snapshots.keys import Parts
from tests.unit.toolkit.snapshot_headers import PARTS

WANTED = replace(PARTS, stacks=("one", "two"), seeds={"one": "sample", "two": "sample"})
ONE = replace(WANTED, stacks=("one",), seeds={"one": "sample"})
MORE = replace(WANTED, stacks=("one", "three", "two"), seeds={**WANTED.seeds, "three": "sample"})
BEFORE = replace(WANTED, release="release 1")
EMPTY = WANTED.unseeded()
OTHER_DATA = replace(WANTED, seeds={"one": "file", "two": "file"})


def save(parts: Parts = WANTED) -> Save:
    return Save(parts, publish=True)


def note(parts: Parts = WANTED) -> Save:
    return Save(parts, publish=False)


@pytest.mark.parametrize(
    ("running", "snapshots", "saved", "start"),
    [
        (True, True, True, Start.CHANGE),
        (True, False, False, Start.CHANGE),
        (False, True, True, Start.RESTORE),
        (False, True, False, Start.EMPTY),
        (False, False, True, Start.EMPTY),
    ],
)
def test_how_the_engine_comes_to_run(running: bool, snapshots: bool, saved: bool, start: Start) -> None:
    assert how_to_start(running, snapshots, saved) == start


@pytest.mark.parametrize(
    ("held", "steps"),
    [
        # A cold start.
        (Held(None, True), [Deploy(), save(EMPTY), Rest(), Seed(), save()]),
        # With a snapshot: its own, the one without data, one of fewer stacks, one of another release.
        (Held(WANTED, True), [LayOut()]),
        (Held(EMPTY, True), [Rest(), Seed(), save()]),
        (Held(ONE, True), [Deploy(), Rest(), Seed(), save()]),
        (Held(ONE.unseeded(), True), [Deploy(), save(EMPTY), Rest(), Seed(), save()]),
        (Held(BEFORE.unseeded(), True), [Deploy(), save(EMPTY), Rest(), Seed(), save()]),
        # With what was kept. It may hold what a user made, so nobody else begins with it.
        (Held(WANTED, False), [LayOut()]),
        (Held(MORE, False), [LayOut()]),
        (Held(BEFORE, False), [Deploy(), Seed(), note()]),
        (Held(OTHER_DATA, False), [Seed(), note()]),
        (Held(replace(MORE, seeds={}), False), [Seed(), note(replace(MORE, seeds=WANTED.seeds))]),
        # Running, and nothing, something or all of it is known.
        (Held(None, False), [Deploy(), Seed(), note()]),
        (Held(WANTED, False, whole=False), [Deploy(), Seed(), note()]),
        (Held(MORE, False, whole=False), [Deploy(), Seed(), note(MORE)]),
        (Held(ONE, False), [Deploy(), Seed(), note()]),
    ],
)
def test_what_is_still_to_be_done(held: Held, steps: list[Step]) -> None:
    assert steps_to(WANTED, held, snapshots=True) == steps
    without = [step for step in steps if not isinstance(step, Save)]
    assert steps_to(WANTED, held, snapshots=False) == without


@pytest.mark.parametrize(
    ("held", "steps"),
    [
        (Held(None, True), [Deploy(), Rest(), save(EMPTY)]),
        (Held(EMPTY, True), [LayOut()]),
        (Held(WANTED, False), [LayOut()]),
        (Held(None, False), [Deploy(), note(EMPTY)]),
    ],
)
def test_without_data(held: Held, steps: list[Step]) -> None:
    assert steps_to(EMPTY, held, snapshots=True) == steps


def test_a_stack_that_comes_to_others_leaves_them_what_they_are() -> None:
    two = replace(WANTED, stacks=("two",), seeds={"two": "sample"})
    assert steps_to(two, Held(ONE, False), snapshots=True)[-1] == note()
    assert steps_to(two, Held(replace(ONE, release="release 1"), False), snapshots=True)[-1] == note(two), (
        "of what is of another release nothing is claimed"
    )


@pytest.mark.parametrize(
    ("loaded", "true"), [({"one": "sample"}, True), ({}, True), ({"one": "another"}, False), ({"three": "x"}, True)]
)
def test_data_that_changed_before_it_was_loaded_is_not_saved_as_what_it_was(loaded: dict[str, str], true: bool) -> None:
    assert is_as_wanted(WANTED, loaded) is true


@pytest.mark.parametrize(
    ("held", "exists", "managed", "deployed", "what"),
    [
        # Nobody's data is in a snapshot.
        (Held(ONE, True), False, True, False, AfterFailure.START_AFRESH),
        (Held(None, True), False, True, False, AfterFailure.RAISE),
        (Held(WANTED, False), False, True, True, AfterFailure.RAISE),
        (Held(None, False), True, True, False, AfterFailure.START_AFRESH),
        (Held(None, False), True, True, True, AfterFailure.RAISE_LEFT_BEHIND),
        (Held(None, False), True, False, False, AfterFailure.RAISE_LEFT_BEHIND),
        (Held(WANTED, False), True, True, True, AfterFailure.RAISE_LEFT_BEHIND),
    ],
)
def test_a_deployment_that_failed(held: Held, exists: bool, managed: bool, deployed: bool, what: AfterFailure) -> None:
    assert after_failed_deployment(held, exists, managed, deployed) == what
