"""docs/security.md claims nothing that no test shows."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from stockroom.project import ROOT

PAGE = ROOT / "docs" / "security.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def claims(page: str) -> list[tuple[str, ...]]:
    """The cells of every line of every table whose last column is headed `test`."""
    found: list[tuple[str, ...]] = []
    heading: tuple[str, ...] = ()
    for line in page.splitlines():
        cells = tuple(cell.strip() for cell in line.strip().strip("|").split("|")) if line.startswith("|") else ()
        if cells and not heading:
            heading = cells
        elif not cells:
            heading = ()
        elif heading[-1] == "test" and set(cells[0]) != {"-"}:
            found.append(cells)
    return found


CLAIMS = claims(PAGE.read_text())


@cache
def names_of_tests(file: Path) -> frozenset[str]:
    functions = (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef))
    return frozenset(function.name for function in functions if function.name.startswith("test_"))


def missing(cell: str) -> list[str]:
    """What keeps a cell from naming tests that exist; empty when nothing does."""
    named = TEST.findall(cell)
    if not named or TEST.sub("", cell).strip(", "):
        return [f"names no test, or something besides: {cell}"]
    return [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).is_file() or name not in names_of_tests(ROOT / file)
    ]


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim[0] for claim in CLAIMS])
def test_every_claim_names_a_test_that_exists(claim: tuple[str, ...]) -> None:
    assert missing(claim[-1]) == []


def test_a_claim_without_a_test_is_seen() -> None:
    page = "| what | test |\n| --- | --- |\n| a | `tests/unit/toolkit/test_security_page.py::test_nothing` |\n| b | |\n"
    assert [missing(cells[-1]) != [] for cells in claims(page)] == [True, True]
    assert missing("`tests/unit/toolkit/test_security_page.py::test_a_claim_without_a_test_is_seen`") == []


def test_the_page_claims_something() -> None:
    assert len(CLAIMS) > 5
