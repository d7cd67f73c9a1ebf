from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockroom.processes import free_port

from .online_retail import sales_file
from .own_platform import OwnPlatform, own_platform

# It failed once in four runs: what was on its way when the state was saved had not all come out after 240 s. Until that
# is found it runs when it is asked for: STOCKROOM_TEST_SNAPSHOTS=1 invoke test --only platforms
collect_ignore = [] if os.environ.get("STOCKROOM_TEST_SNAPSHOTS") else ["test_snapshots.py"]


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[OwnPlatform]:
    with own_platform(tmp_path / "run", free_port()) as platform:
        yield platform


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return sales_file(tmp_path)
