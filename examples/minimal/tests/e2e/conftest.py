"""What every end-to-end test gets: a running platform, and an id of its own.

`invoke e2e` starts a platform and names it in the environment: the SDK's own variables (`AWS_ENDPOINT_URL`, region,
credentials), and `STOCKROOM_E2E_OUTPUTS`, a JSON file with the outputs of each stack.
"""

import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Outputs = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def outputs() -> Outputs:
    """Stack → its outputs by name."""
    path = os.environ.get("STOCKROOM_E2E_OUTPUTS")
    if not path:
        pytest.fail("no platform is named in the environment: run `invoke e2e`")
    loaded: Outputs = json.loads(Path(path).read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def unique() -> str:
    """An id that no other test has: tests run side by side, on a platform that may hold other data as well."""
    return f"e2e-{uuid.uuid4().hex}"


@pytest.fixture
def wait_for() -> Callable[[Callable[[], Any]], Any]:
    """Calls a function until it returns something, for a minute at most; returns that."""

    def wait(read: Callable[[], Any], seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := read()):
            assert time.monotonic() < deadline, f"nothing came within {seconds:.0f} s"
            time.sleep(0.2)
        return found

    return wait
