from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stockroom.system.processes import free_port
from tests.worksteal import deal

from .online_retail import sales_file
from .own_platform import OwnPlatform, own_platform


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    shared = [item for item in items if item.path.name == "test_folders.py"]  # on one platform
    deal(items, [shared, *([item] for item in items if item.get_closest_marker("waits"))])


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[OwnPlatform]:
    with own_platform(tmp_path / "run", free_port()) as platform:
        yield platform


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return sales_file(tmp_path)
