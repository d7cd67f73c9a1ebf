"""The order of tests for `pytest --dist worksteal`: each worker gets a part of the list, as it stands, and when it has
done that, takes tests from the end of what others have not begun."""

from __future__ import annotations

import os

import pytest


def deal(items: list[pytest.Item], piles: list[list[pytest.Item]]) -> None:
    """Put `items` in an order in which the workers begin with `piles`, dealt out one by one;
    no test is in two of them.

    What takes longest belongs there, one test a pile, since the last worker to end decides how long all take; and as
    one pile, tests that share what is made once for each worker.
    """
    others = [item for item in items if not any(item in pile for pile in piles)]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    dealt: list[pytest.Item] = []
    for number in range(workers):
        hand = [item for pile in piles[number::workers] for item in pile]
        part = (len(items) - len(dealt)) // (workers - number)  # as pytest-xdist parts the list
        room = max(part - len(hand), 0)
        taken, others = others[:room], others[room:]
        dealt += [*hand, *taken]
    items[:] = [*dealt, *others]
