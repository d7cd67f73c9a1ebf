"""A few of what `python -m tests.promotions.kills` and `… .races` do in numbers."""

from __future__ import annotations

import random

from tests.promotions.kills import run_kills
from tests.promotions.races import run_races
from tests.promotions.world import World


def test_a_killed_promotion_is_gone_on_with(world: World) -> None:
    world.start_over()
    assert [one for one in run_kills(world, 2, random.Random()) if one.wrong] == []


def test_of_two_promotions_at_once_one_gets_through(world: World) -> None:
    world.start_over()
    assert [one for one in run_races(world, 1) if one.wrong] == []
