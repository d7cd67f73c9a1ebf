"""What every end-to-end test gets: a running platform, and ids of its own.

`invoke e2e` starts a platform and names it in the environment: the SDK's own variables (`AWS_ENDPOINT_URL`, region,
credentials), and `STOCKROOM_E2E_OUTPUTS`, a JSON file with the outputs of each stack. Every test works with ids of its
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
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.e2e.data_platform.function_logs import logs_of_test
from tests.e2e.data_platform.platform import Platform
from tests.e2e.data_platform.resources import Resources
from tests.e2e.data_platform.turns import FLOWS, Alone, Turn

STACK = "data_platform"

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
    """What disturbs others comes first, then what waits long; of the rest the tests of orders last.

    That flow is disturbed longest: meanwhile there is something to do in the others. A worker always has a test that it
    runs and the next one, which nobody else takes: so no two that take long are neighbours. Each that wants a turn of
    orders comes after a short one: by then those that disturb keep the gate shut.
    """

    def marked(name: str, among: list[pytest.Item]) -> list[pytest.Item]:
        return [item for item in among if item.get_closest_marker(name)]

    orders = [item for item in items if "orders" in flows_of(item)]
    others = sorted((item for item in items if item not in orders), key=lambda item: len(flows_of(item)))
    disturbing = sorted(marked("disturbs", orders), key=lambda item: "first" not in arguments(item, "disturbs"))
    at_once = [*disturbing, *marked("disturbs", others), *marked("waits", others)]
    then = marked("waits", orders)
    short = iter([item for item in others if item not in at_once])
    pairs = [(item, next(short, None)) for item in at_once] + [(next(short, None), item) for item in then]
    rest = list(short)
    half = len([item for item in rest if flows_of(item)]) // 2
    mixed = zip_longest(rest[-half:], orders)
    items[:] = dict.fromkeys(filter(None, chain(*pairs, rest[:-half], *mixed)))


def flows_of(item: pytest.Item) -> tuple[str, ...]:
    """The flows of the platform in which the test needs a turn: all, if it names none."""
    return FLOWS if item.get_closest_marker("flow") is None else arguments(item, "flow")


def arguments(item: pytest.Item, marker: str) -> tuple[str, ...]:
    """Of a marker that the test has."""
    found = item.get_closest_marker(marker)
    assert found
    return found.args


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest) -> Generator[Alone]:
    """What a test does `with alone():` no other of its flow disturbs, and it disturbs no other.

    Every test has a turn beside others. One that is marked `disturbs`, and any after it was alone, has none: what
    others do alone may befall it meanwhile.
    """
    outputs = os.environ.get("STOCKROOM_E2E_OUTPUTS")
    if not outputs:
        yield nullcontext  # the platform itself tells what is missing
        return
    turn = Turn(Path(outputs), flows_of(request.node))
    disturbs = request.node.get_closest_marker("disturbs") is not None
    if disturbs:
        turn.keep_others_from_beginning()
    else:
        turn.begin()
    try:
        yield partial(turn.alone, before_others=disturbs)
    finally:
        turn.end()


@pytest.fixture(scope="session")
def platform() -> Platform:
    path = os.environ.get("STOCKROOM_E2E_OUTPUTS")
    if not path:
        pytest.fail("STOCKROOM_E2E_OUTPUTS is not set: run these tests with `invoke e2e`", pytrace=False)
    return Platform(json.loads(Path(path).read_text())[STACK])


@pytest.fixture(scope="module")
def resources(platform: Platform) -> Resources:
    return Resources(platform)


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
