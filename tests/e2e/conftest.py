"""What every end-to-end test gets: a running platform, and ids of its own.

`invoke e2e` starts a platform and names it in the environment: the SDK's own variables (`AWS_ENDPOINT_URL`, region,
credentials), and `STOCKROOM_E2E_OUTPUTS`, a JSON file with the outputs of the stacks. Every test works with ids of its
own, so that tests run in any order and side by side, on a platform that holds other data as well.
"""

from __future__ import annotations

import json
import os
import random
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import nullcontext
from datetime import date, timedelta
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.e2e.function_logs import logs_of_test
from tests.e2e.platform import Platform
from tests.e2e.turns import Alone, Turn

Found = TypeVar("Found")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test tells what the functions logged about it."""
    report = yield
    platform, word = item.funcargs.get("platform"), item.funcargs.get("unique")
    if report.failed and call.when == "call" and isinstance(platform, Platform):
        try:
            logs = logs_of_test(platform, str(word or item.name), call.start)
        except Exception as error:  # the test's own failure must be seen, whatever became of the platform
            logs = {"all functions": f"can not be read: {error}"}
        report.sections += [(f"CloudWatch logs of {function}", text) for function, text in logs.items()]
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that wait long come first, those that disturb all others at the end, when those are done.

    A worker always has a test that it runs and the next one, which nobody else takes. So between those that take long
    come others, lest two of them follow each other on one worker.
    """

    def marked(name: str) -> list[pytest.Item]:
        return [item for item in items if item.get_closest_marker(name)]

    waiting, disturbing = marked("waits"), marked("disturbs")
    others = [item for item in items if item not in waiting and item not in disturbing]
    first, rest = others[: len(waiting)], others[len(waiting) :]
    middle, last = rest[: -2 * len(disturbing)], rest[-2 * len(disturbing) :]
    begin = zip_longest(waiting, first)
    end = zip_longest(last[::2], disturbing, last[1::2])
    items[:] = filter(None, [*chain.from_iterable(begin), *middle, *chain.from_iterable(end)])


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest) -> Generator[Alone]:
    """What a test does `with alone():` no other disturbs, and it disturbs no other.

    Every test has a turn beside others. One that is marked `disturbs`, and any after it was alone, has none: what
    others do alone may befall it meanwhile.
    """
    outputs = os.environ.get("STOCKROOM_E2E_OUTPUTS")
    if not outputs:
        yield nullcontext  # the platform itself tells what is missing
        return
    turn = Turn(Path(outputs))
    if not request.node.get_closest_marker("disturbs"):
        turn.begin()
    try:
        yield turn.alone
    finally:
        turn.end()


@pytest.fixture(scope="session")
def platform() -> Platform:
    path = os.environ.get("STOCKROOM_E2E_OUTPUTS")
    if not path:
        pytest.fail("STOCKROOM_E2E_OUTPUTS is not set: run these tests with `invoke e2e`", pytrace=False)
    return Platform(json.loads(Path(path).read_text()))


@pytest.fixture
def unique() -> str:
    """A word that no other test uses: the start of every id a test makes."""
    return f"e2e-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def day() -> date:
    """A day that hardly any other test uses, far from anybody's real sales: its partition is quick to read.

    Of the years 1000 to 1899 or 2200 to 9998, so that a year more or less is still a date.
    """
    past = (date(1900, 1, 1) - date(1000, 1, 1)).days
    future = (date(9999, 1, 1) - date(2200, 1, 1)).days
    number = random.randrange(past + future)
    return date(1000, 1, 1) + timedelta(number) if number < past else date(2200, 1, 1) + timedelta(number - past)


@pytest.fixture
def wait_until() -> Callable[..., Any]:
    def wait(condition: Callable[[], Found], timeout: float = 120) -> Found:
        """Ask again until the answer is true, and return it; fails with the last answer after `timeout` seconds.

        STOCKROOM_E2E_PATIENCE is the most seconds that any wait may take, for runs that are meant to fail.
        """
        timeout = min(timeout, float(os.environ.get("STOCKROOM_E2E_PATIENCE") or timeout))
        deadline = time.monotonic() + timeout
        while not (answer := condition()):
            if time.monotonic() > deadline:
                pytest.fail(f"not so after {timeout:.0f} s; the last answer was {answer!r}")
            time.sleep(0.5)
        return answer

    return wait
