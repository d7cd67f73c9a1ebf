"""A plugin of pytest that writes the outcome of each test to a file as soon as it has ended.

`pytest -p stockroom.testing.pytest_plugin --outcomes FILE`. Lines are JSON: `{"collected": 23}`, then for every test
`{"id": "tests/…::test_x", "outcome": "passed" | "failed" | "skipped", "seconds": 1.5}`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stockroom.releases.outcomes import FAILED, PASSED, SKIPPED


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--outcomes", help="Write a line for each test to this file as soon as it has ended.")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--outcomes")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Writer(Path(path)))


class _Writer:
    """Lives in the process that was started; with pytest-xdist that one hears of the tests of every worker."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._collected = 0
        self._running: dict[str, tuple[str, float]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._write_collected(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._write_collected(len(ids))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        outcome, seconds = self._running.pop(report.nodeid, (PASSED, 0.0))
        outcome = min(outcome, report.outcome, key=(FAILED, SKIPPED, PASSED).index)
        seconds += report.duration
        if report.when in {"setup", "call"}:
            self._running[report.nodeid] = outcome, seconds
        else:  # teardown, or the one report of a test that took its worker with it
            self._write({"id": report.nodeid, "outcome": outcome, "seconds": round(seconds, 3)})

    def _write_collected(self, count: int) -> None:
        if count > self._collected:
            self._collected = count
            self._write({"collected": count})

    def _write(self, line: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(line)}\n")
