"""The table of docs/engines.md, from what pytest writes."""

from pathlib import Path

import pytest

from tests import engines
from tests.mutations.junit import CaseResult

FINE = {name: CaseResult(name, "passed") for name in ("test_orders::test_a", "test_orders::test_b", "test_new::test_c")}
WORSE = {
    "test_orders::test_a": CaseResult("test_orders::test_a", "passed"),
    "test_orders::test_b": CaseResult("test_orders::test_b", "failed", "assert 'a|b' == `c`\nmore"),
}


def test_counts_come_first_and_then_each_test_that_fails_on_one_engine() -> None:
    assert engines.table({"first": FINE, "second": WORSE}) == [
        "| tests | services | first | second |",
        "| --- | --- | --- | --- |",
        "| `test_new` |  | 1 of 1 | 0 of 0 |",
        "| `test_orders` | SQS, DynamoDB | 2 of 2 | 1 of 2 |",
        "| all | | 3 of 3 | 1 of 2 |",
        "",
        "| services | test | first | second |",
        "| --- | --- | --- | --- |",
        "| SQS, DynamoDB | `test_orders::test_b` | passed | failed: `assert 'a\\|b' == 'c'` |",
    ]


def test_only_what_is_between_the_marks_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, junit = tmp_path / "engines.md", tmp_path / "junit.xml"
    page.write_text(f"before\n{engines.BEGIN}old\n{engines.END}after\n")
    junit.write_text('<testsuites><testcase classname="tests.e2e.test_orders" name="test_a"/></testsuites>')
    monkeypatch.setattr(engines, "PAGE", page)
    engines.main([f"first={junit}"])
    once = page.read_text()
    assert once.startswith(f"before\n{engines.BEGIN}\n| tests |")
    assert once.endswith(f"|\n\n{engines.END}after\n")
    assert "old" not in once
    engines.main([f"first={junit}"])
    assert page.read_text() == once
