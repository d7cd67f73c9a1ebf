import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutations.junit import CaseResult, read_results

TESTS = """
import pytest

@pytest.fixture
def broken():
    raise RuntimeError("no platform")

def test_fine(): ...
def test_plain(): assert [1] == [2]
def test_words(): assert False, "lost\\nan event"
def test_wait(): pytest.fail("not so after 30 s; the last answer was []")
def test_other(): {}["status"]
def test_fail(): pytest.fail("no")
def test_fixture(broken): ...
def test_skipped(): pytest.skip("not here")
@pytest.mark.parametrize("n", ["one two"])
def test_with(n): assert n == "three"
"""


def results_of(folder: Path, tests: str) -> list[CaseResult]:
    """What pytest itself writes of these tests."""
    (folder / "test_them.py").write_text(tests)
    words = ["pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir=.", "--junit-xml=junit.xml"]
    subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    return read_results((folder / "junit.xml").read_text())


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CaseResult]:
    """By the tests' names: tests that end in every way that there is."""
    found = results_of(tmp_path_factory.mktemp("tests"), TESTS)
    return {result.name.partition("::")[2]: result for result in found}


def test_what_pytest_writes_is_read(results: dict[str, CaseResult]) -> None:
    assert {name: result.outcome for name, result in results.items()} == {
        "test_fine": "passed",
        "test_plain": "failed",
        "test_words": "failed",
        "test_wait": "failed",
        "test_other": "failed",
        "test_fail": "failed",
        "test_fixture": "error",
        "test_skipped": "skipped",
        "test_with[one two]": "failed",
    }
    assert results["test_plain"].name == "test_them::test_plain"


def test_only_an_assertion_or_a_wait_in_vain_found_something(results: dict[str, CaseResult]) -> None:
    found = {name for name, result in results.items() if result.found_it}
    assert found == {"test_plain", "test_words", "test_wait", "test_with[one two]"}


def test_a_result_is_one_line(results: dict[str, CaseResult]) -> None:
    assert str(results["test_fine"]) == "test_them::test_fine (passed)"
    assert str(results["test_words"]) == "test_them::test_words (failed: AssertionError: lost)"
    assert str(results["test_other"]) == "test_them::test_other (failed: KeyError: 'status')"


def test_a_module_that_can_not_be_collected_has_found_nothing(tmp_path: Path) -> None:
    (result,) = results_of(tmp_path, "assert False")
    assert (result.outcome, result.found_it) == ("error", False)
