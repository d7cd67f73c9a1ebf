"""Fixtures of the emulator's tests.

The tests talk to an emulator through AWS APIs. STOCKROOM_TEST_ENDPOINT names one that runs already; without it one is
started for all tests (and all workers of pytest-xdist together). Tests that need to see or
kill the emulator's processes always start one of their own.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stockroom.settings import Settings
from tests.worksteal import deal

from .functions import Functions, client
from .recipe import Emulator, start_emulator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    sharing = [item for item in items if {"origin", "loaded"}.intersection(getattr(item, "fixturenames", ()))]
    deal(items, [sharing, *([item] for item in items if item.get_closest_marker("waits"))])


@contextmanager
def shared_emulator(folder: Path) -> Iterator[str]:
    """Endpoint of one emulator for all test processes that use the folder; the last of them stops it."""
    folder.mkdir(exist_ok=True)
    state = folder / "state.json"

    def update(change: Callable[[dict[str, int]], dict[str, int]]) -> dict[str, int]:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            changed = change(json.loads(state.read_text()) if state.exists() else {"users": 0, "port": 0})
            state.write_text(json.dumps(changed))
            return changed

    def join(known: dict[str, int]) -> dict[str, int]:
        port = known["port"] if known["users"] else start_emulator(folder / "run").settings.port
        return {"users": known["users"] + 1, "port": port}

    def leave(known: dict[str, int]) -> dict[str, int]:
        if known["users"] == 1:
            shared(known["port"]).stop()
        return known | {"users": known["users"] - 1}

    def shared(port: int) -> Emulator:
        return Emulator(Settings(run_dir=folder / "run", port=port))

    yield shared(update(join)["port"]).endpoint
    update(leave)


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if given := os.environ.get("STOCKROOM_TEST_ENDPOINT"):
        yield given.rstrip("/")
        return
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent
    with shared_emulator(base / "emulator") as address:
        yield address


@pytest.fixture
def own_emulator(tmp_path: Path) -> Iterator[Emulator]:
    """An emulator that the test may do anything to."""
    emulator = start_emulator(tmp_path / "run")
    yield emulator
    emulator.stop()


@pytest.fixture(scope="session")
def aws(endpoint: str) -> Callable[[str], Any]:
    """boto3 clients by service name."""
    known: dict[str, Any] = {}

    def get(service: str) -> Any:
        if service not in known:
            known[service] = client(service, endpoint)
        return known[service]

    return get


@pytest.fixture
def functions(aws: Callable[[str], Any]) -> Iterator[Functions]:
    made = Functions(aws("lambda"))
    yield made
    made.remove_all()


@pytest.fixture
def unique() -> str:
    """A name that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"
