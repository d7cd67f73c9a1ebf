"""When a schedule's next time is."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from .plugin import load

schedules: Any = load("services.events.schedules")

BEGINNING = datetime(2026, 12, 1, tzinfo=UTC)  # a Tuesday


def _times(expression: str, after: str, count: int, zone: str = "UTC") -> list[str]:
    schedule = schedules.parse(expression, BEGINNING, schedules.zone_of(zone))
    found = []
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    for _ in range(count):
        moment = schedule.after(moment)
        if moment is None:
            break
        found.append(moment.strftime("%Y-%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        ("cron(0 18 ? * MON-FRI *)", [*(f"2026-12-0{day} 18:00" for day in (1, 2, 3, 4, 7))]),
        ("cron(0 9 ? * 2 *)", ["2026-12-07 09:00", "2026-12-14 09:00"]),
        ("cron(0 9 ? * 1 *)", ["2026-12-06 09:00"]),
        ("cron(0/20 8-9 1,15 * ? *)", ["2026-12-01 08:00", "2026-12-01 08:20", "2026-12-01 08:40", "2026-12-01 09:00"]),
        ("cron(5 0 L * ? *)", ["2026-12-31 00:05", "2027-01-31 00:05", "2027-02-28 00:05"]),
        ("cron(0 8 LW * ? *)", ["2026-12-31 08:00", "2027-01-29 08:00"]),
        ("cron(0 8 1W * ? *)", ["2026-12-01 08:00", "2027-01-01 08:00", "2027-02-01 08:00"]),
        ("cron(0 8 15W 8 ? *)", ["2027-08-16 08:00"]),
        ("cron(0 8 ? * TUE#1 *)", ["2026-12-01 08:00", "2027-01-05 08:00"]),
        ("cron(0 8 ? * 6L *)", ["2026-12-25 08:00", "2027-01-29 08:00"]),
        ("cron(0 8 ? JAN,DEC FRI-SUN 2027)", ["2027-01-01 08:00", "2027-01-02 08:00", "2027-01-03 08:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("cron(0 0 29 2 ? 2027)", []),
        ("rate(7 minutes)", ["2026-12-01 00:07", "2026-12-01 00:14"]),
        ("rate(90 minutes)", ["2026-12-01 01:30", "2026-12-01 03:00"]),
        ("rate(1 day)", ["2026-12-02 00:00"]),
        ("at(2026-12-24T18:00:00)", ["2026-12-24 18:00"]),
        ("at(2026-11-24T18:00:00)", []),
    ],
)  # fmt: skip
def test_times_in_utc(expression: str, times: list[str]) -> None:
    assert _times(expression, "2026-12-01 00:00", len(times) or 1) == times


@pytest.mark.parametrize(
    ("expression", "after", "times"),
    [
        # In New York the clocks go from 2:00 to 3:00 on 2026-03-08, and from 2:00 to 1:00 on 2026-11-01.
        ("cron(30 2 * * ? *)", "2026-03-06 12:00", ["2026-03-07 07:30", "2026-03-09 06:30"]),
        ("cron(30 1 * * ? *)", "2026-10-31 12:00", ["2026-11-01 05:30", "2026-11-02 06:30"]),
        ("cron(0 12 * * ? *)", "2026-03-07 00:00", ["2026-03-07 17:00", "2026-03-08 16:00"]),
        ("at(2026-07-01T12:00:00)", "2026-01-01 00:00", ["2026-07-01 16:00"]),
        ("at(2026-01-01T12:00:00)", "2025-01-01 00:00", ["2026-01-01 17:00"]),
    ],
)
def test_times_where_clocks_change(expression: str, after: str, times: list[str]) -> None:
    assert _times(expression, after, len(times), "America/New_York") == times


def test_a_rate_counts_from_its_beginning() -> None:
    schedule = schedules.parse("rate(5 minutes)", BEGINNING)
    assert schedule.after(datetime(2026, 11, 1, tzinfo=UTC)) == BEGINNING
    moments = [schedule.after(BEGINNING)]
    for _ in range(5):
        moments.append(schedule.after(moments[-1]))
    assert {(later - sooner).total_seconds() for sooner, later in pairwise(moments)} == {300}


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 9 * * * *)", "cron(0 9 ? * ? *)", "cron(0 9 ? * 8 *)", "cron(60 9 * * ? *)", "cron(0 24 * * ? *)",
        "cron(0 9 32 * ? *)", "cron(0 9 * 13 ? *)", "cron(0 9 * * ?)", "cron(a 9 * * ? *)", "cron(*/0 9 * * ? *)",
        "rate(1 minutes)", "rate(2 minute)", "rate(0 days)", "rate(5 seconds)", "at(tomorrow)", "9 o'clock", "",
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(schedules.ExpressionError):
        schedules.parse(expression, BEGINNING)


def test_what_is_no_time_zone_is_refused() -> None:
    for name in ("Mars/Olympus", "../../etc/passwd", ""):
        with pytest.raises(schedules.ExpressionError):
            schedules.zone_of(name)
