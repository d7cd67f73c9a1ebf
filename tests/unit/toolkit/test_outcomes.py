import subprocess
import sys
from pathlib import Path

import pytest

from stockroom.project import ROOT
from stockroom.releases.outcomes import Outcomes, merge

TESTS = """
import os
import pytest

def test_passes():
    pass

def test_fails():
    assert False

@pytest.mark.skip
def test_skipped():
    pass

@pytest.fixture
def broken():
    raise ValueError

def test_setup_fails(broken):
    pass

@pytest.fixture
def breaks():
    yield
    raise ValueError

def test_teardown_fails(breaks):
    pass

@pytest.mark.parametrize("text", ["\\n", "ü"])
def test_parameters(text):
    pass
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_every_test_is_reported_once(tmp_path: Path, workers: str) -> None:
    crashes = "\ndef test_crashes():\n    os._exit(1)\n" if workers != "0" else ""
    (tmp_path / "test_them.py").write_text(TESTS + crashes)
    words = ["-q", "-n", workers, "-p", "stockroom.testing.pytest_plugin", "--outcomes=outcomes", "--rootdir=.", "."]
    subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
    )  # fmt: skip
    lines = (tmp_path / "outcomes").read_text().splitlines()
    outcomes = Outcomes()
    failed = outcomes.add(lines)
    assert len(lines) == len(outcomes.of) + 1
    assert outcomes.collected == len(outcomes.of)
    by_name = {name.removeprefix("test_them.py::test_"): outcome for name, outcome in outcomes.of.items()}
    expected = {
        "passes": "passed",
        "fails": "failed",
        "skipped": "skipped",
        "setup_fails": "failed",
        "teardown_fails": "failed",
        "parameters[\\n]": "passed",
        "parameters[\\xfc]": "passed",
    } | ({"crashes": "failed"} if crashes else {})
    assert by_name == expected
    assert sorted(failed) == outcomes.failed


def test_words() -> None:
    outcomes = Outcomes()
    outcomes.add(['{"collected": 5}', '{"id": "a", "outcome": "passed"}', '{"id": "b", "outcome": "passed"}'])
    assert str(outcomes) == "2 of 5 passed"
    outcomes.add(['{"id": "c", "outcome": "failed"}', '{"id": "d", "outcome": "skipped"}'])
    assert str(outcomes) == "2 of 5 passed, 1 failed, 1 skipped"


def test_of_several_rounds_the_worst_counts() -> None:
    rounds = [
        Outcomes(of={"flaky": "passed", "good": "passed", "skipped": "skipped", "sometimes": "skipped"}),
        Outcomes(of={"flaky": "failed", "good": "passed", "skipped": "skipped", "sometimes": "passed"}),
        Outcomes(of={"flaky": "passed"}),
    ]
    assert merge(rounds) == {"flaky": "failed", "good": "passed", "skipped": "skipped", "sometimes": "passed"}
