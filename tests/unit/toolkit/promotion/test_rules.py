"""What promotion.toml may say, and when a freeze holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from stockroom.errors import StockroomError
from stockroom.promotion.rules import in_order, next_of, parse_rules, path_names, read_rules

WHOLE: dict[str, Any] = {"branch": "main", "approval": "typed", "signed_evidence": True, "evidence_days": 7}
ENVIRONMENTS = ("dev", "test", "prod")


def test_the_least_that_rules_say() -> None:
    rules = parse_rules("dev", WHOLE, ENVIRONMENTS)
    assert (rules.after, rules.freeze, rules.timezone, rules.profile) == (None, (), "UTC", None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"branch": ""}, "branch"),
        ({"branch": None}, "branch"),
        ({"approval": "maybe"}, "approval"),
        ({"evidence_days": 0}, "evidence_days"),
        ({"evidence_day": 7}, "evidence_day"),
        ({"after": "prod"}, "'prod' is no other environment"),
        ({"after": "nowhere"}, "'nowhere' is no other environment"),
        ({"role_arn": "admin"}, "role_arn"),
        ({"timezone": "Mars/Olympus"}, "is no time zone"),
        ({"freeze": [{"from": "Freitag", "until": "Mon 07:00"}]}, "is neither"),
        ({"freeze": [{"from": "Fri 25:00", "until": "Mon 07:00"}]}, "is neither"),
        ({"freeze": [{"from": "Fri 15:00", "until": "2026-12-18 15:00"}]}, "both a date"),
        ({"freeze": [{"from": "2026-12-18 15:00", "until": "2026-12-17 15:00"}]}, "ends before it begins"),
        ({"freeze": [{"from": "Fri 15:00"}]}, "until"),
    ],
)
def test_a_wrong_line_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(StockroomError) as refused:
        parse_rules("prod", WHOLE | change, ENVIRONMENTS)
    assert refused.value.message.startswith("terraform/environments/prod/promotion.toml: ")
    assert words in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("now", "frozen"),
    [
        ("2026-11-20T14:59", False),  # a Friday
        ("2026-11-20T15:00", True),
        ("2026-11-22T12:00", True),
        ("2026-11-23T05:59", True),
        ("2026-11-23T06:00", False),
        ("2026-11-25T12:00", False),
    ],
)
def test_a_freeze_over_the_week_end(now: str, frozen: bool) -> None:
    rules = parse_rules("dev", WHOLE | {"freeze": [{"from": "Fri 15:00", "until": "Mon 06:00"}]}, ENVIRONMENTS)
    assert bool(rules.frozen_by(datetime.fromisoformat(now).replace(tzinfo=UTC))) is frozen


def test_a_freeze_goes_by_the_time_zone_of_its_environment() -> None:
    freeze = [{"from": "2026-12-18 15:00", "until": "2027-01-04 07:00"}]
    rules = parse_rules("dev", WHOLE | {"freeze": freeze, "timezone": "America/New_York"}, ENVIRONMENTS)
    assert not rules.frozen_by(datetime(2026, 12, 18, 19, 59, tzinfo=UTC))
    assert rules.frozen_by(datetime(2026, 12, 18, 20, 0, tzinfo=UTC))
    assert not rules.frozen_by(datetime(2027, 1, 4, 12, 0, tzinfo=UTC))


def test_environments_come_behind_the_one_that_they_are_after() -> None:
    after = {"prod": "test", "dev": None, "test": "dev", "demo": "dev"}
    assert in_order(after) == ["dev", "demo", "test", "prod"]
    assert next_of("dev", after) == ["demo", "test"]
    with pytest.raises(StockroomError, match="each comes after another"):
        in_order({"a": "b", "b": "a"})


def test_the_path_of_this_repository() -> None:
    assert path_names() == ["dev", "test", "prod"]
    assert read_rules("prod").approval == "typed"
    for name, words in (("local", "not promoted to 'local'"), ("nowhere", "no environment 'nowhere'")):
        with pytest.raises(StockroomError, match=words) as refused:
            read_rules(name)
        assert "dev, test, prod" in str(refused.value.hint)
