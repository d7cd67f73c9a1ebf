from pathlib import Path

import pytest

from stockroom.errors import StockroomError
from stockroom.project import ROOT
from stockroom.testing.checks import CHECKS, available_checks, wanted_checks


def test_a_project_has_the_static_checks_and_those_whose_tests_are_there(tmp_path: Path) -> None:
    assert available_checks(tmp_path) == ["lint", "types", "terraform", "policies"]
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    (tmp_path / "tests" / "e2e").mkdir()
    assert available_checks(tmp_path) == ["lint", "types", "terraform", "policies", "unit", "e2e"]
    assert available_checks(ROOT) == list(CHECKS)


def test_without_a_name_all_but_long_ones_are_wanted() -> None:
    assert wanted_checks("", ["lint", "unit", "promotions"]) == ["lint", "unit"]
    assert wanted_checks(" promotions , lint,", ["lint", "unit", "promotions"]) == ["promotions", "lint"]


def test_a_check_that_the_project_has_not_is_refused() -> None:
    with pytest.raises(StockroomError, match="there is no check 'browser'") as raised:
        wanted_checks("lint,browser", ["lint", "unit"])
    assert raised.value.hint == "checks are: lint, unit"
