"""Releases that an older version promoted, whose artifacts its ledger did not keep by stack: nothing is guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from stockroom.errors import StockroomError
from stockroom.promotion.drift import drift_of
from stockroom.promotion.ledger import Promotion
from stockroom.promotion.subject import subject_before

NOBODY: Any = None


def promotion(digest: str, artifacts: Any) -> Promotion:
    release = {"digest": digest, "commit": "c" * 40, "dirty": False}
    return Promotion("p", "promotion", release, "me", "t", artifacts, result="succeeded", applying=True)


OLD, NEW = promotion("ab" * 32, None), promotion("cd" * 32, {})


def test_the_account_can_not_be_compared_with_such_a_release(tmp_path: Path) -> None:
    drift = drift_of(NOBODY, [OLD], tmp_path, cast("Any", None))
    assert drift == ("all of release abababababab: an older version of Stockroom promoted it, and kept other sums",)


def test_nothing_is_rolled_back_to_such_a_release(tmp_path: Path) -> None:
    with pytest.raises(StockroomError, match=r"release abababababab, which .* older version") as error:
        subject_before([OLD, NEW], "dev", tmp_path)
    assert error.value.hint == "test and promote its commit cccccccccccc instead"
