from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.promotions.world import World, small_world

# They belong to the small stack, which is tested by its own promotions.
collect_ignore = ["files"]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with small_world(tmp_path_factory.mktemp("world")) as world:
        yield world
