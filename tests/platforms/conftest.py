from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockroom.processes import free_port

from .online_retail import sales_file
from .own_platform import OwnPlatform, own_platform


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker begins with one of those that take longest: the last one to end decides how long all take.

    Of the list each gets a part, and when it has done that, what others have not begun (`--dist worksteal`).
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    longest = [item for item in items if item.get_closest_marker("waits")]
    others = [item for item in items if item not in longest]
    ends = [len(others) * number // workers for number in range(workers + 1)]
    items[:] = [
        item
        for number in range(workers)
        for item in [*longest[number::workers], *others[ends[number] : ends[number + 1]]]
    ]


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[OwnPlatform]:
    with own_platform(tmp_path / "run", free_port()) as platform:
        yield platform


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return sales_file(tmp_path)
