"""What a promotion to an environment asks for: terraform/environments/<env>/promotion.toml."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from stockroom.environments import ENVIRONMENTS_DIR, environment_names
from stockroom.errors import StockroomError
from stockroom.typed_toml import parse_model, read_toml

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKLY = re.compile(r"(?P<day>Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)")
_DATED = "%Y-%m-%d %H:%M"


class Freeze(BaseModel):
    """A time without promotions: every week ("Fri 15:00") or once ("2026-12-18 15:00")."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    start: Annotated[str, Field(alias="from")]
    until: str

    @field_validator("start", "until")
    @classmethod
    def _is_a_moment(cls, value: str) -> str:
        if not _WEEKLY.fullmatch(value) and _dated(value) is None:
            raise ValueError('is neither "Fri 15:00" nor "2026-12-18 15:00"')
        return value

    def holds(self, local: datetime) -> bool:
        """Whether the moment, in the environment's own time zone and without one, is in it."""
        if (start := _dated(self.start)) and (until := _dated(self.until)):
            return start <= local < until
        start_minute, until_minute, minute = _minute_of_week(self.start), _minute_of_week(self.until), _minute(local)
        if start_minute <= until_minute:
            return start_minute <= minute < until_minute
        return minute >= start_minute or minute < until_minute

    def __str__(self) -> str:
        return f"{self.start} to {self.until}"


class Rules(BaseModel):
    """`after` is the environment that runs a release first; `profile` and `role_arn` say who promotes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    after: str | None = None
    branch: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._/-]*$")
    approval: Literal["typed", "none"]
    signed_evidence: bool
    evidence_days: int = Field(ge=1, le=365)
    profile: str | None = None
    role_arn: str | None = Field(default=None, pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$")
    timezone: str = "UTC"
    freeze: tuple[Freeze, ...] = ()

    @field_validator("timezone")
    @classmethod
    def _is_a_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("is no time zone such as Europe/London") from None
        return value

    @field_validator("freeze")
    @classmethod
    def _is_weekly_or_dated(cls, value: tuple[Freeze, ...]) -> tuple[Freeze, ...]:
        for one in value:
            start, until = _dated(one.start), _dated(one.until)
            if (start is None) != (until is None):
                raise ValueError(f"{one}: both are a day of the week, or both a date")
            if start and until and start >= until:
                raise ValueError(f"{one}: ends before it begins")
        return value

    def frozen_by(self, now: datetime) -> Freeze | None:
        """The freeze that holds at this moment (with a time zone), if there is one."""
        local = now.astimezone(ZoneInfo(self.timezone)).replace(tzinfo=None)
        return next((one for one in self.freeze if one.holds(local)), None)


def _dated(words: str) -> datetime | None:
    try:
        return datetime.strptime(words, _DATED)
    except ValueError:
        return None


def _minute_of_week(words: str) -> int:
    found = _WEEKLY.fullmatch(words)
    assert found
    days = timedelta(days=_DAYS.index(found["day"].lower()), hours=int(found["hour"]), minutes=int(found["minute"]))
    return int(days.total_seconds()) // 60


def _minute(moment: datetime) -> int:
    return (moment.weekday() * 24 + moment.hour) * 60 + moment.minute


def parse_rules(name: str, content: Mapping[str, Any], environments: Iterable[str]) -> Rules:
    """The rules of the environment `name`. Raises StockroomError that names the line that is wrong."""
    where = f"terraform/environments/{name}/promotion.toml"
    rules = parse_model(Rules, content, where, _EXPLAINED)
    if rules.after is not None and (rules.after == name or rules.after not in environments):
        raise StockroomError(f"{where}: after: '{rules.after}' is no other environment", _EXPLAINED)
    return rules


_EXPLAINED = "docs/promotion.md explains every line"


def read_rules(name: str) -> Rules:
    """The rules of an environment. Raises StockroomError when releases are not promoted to it."""
    path = ENVIRONMENTS_DIR / name / "promotion.toml"
    if name not in environment_names():
        raise StockroomError(f"there is no environment '{name}'", f"releases are promoted to: {_words(path_names())}")
    try:
        content = read_toml(path, f"terraform/environments/{name}/promotion.toml", _EXPLAINED)
    except FileNotFoundError:
        raise StockroomError(
            f"releases are not promoted to '{name}': it has no promotion.toml",
            f"they are promoted to: {_words(path_names())}",
        ) from None
    return parse_rules(name, content, environment_names())


def path_names() -> list[str]:
    """The environments that releases are promoted to, each behind the one that it comes after."""
    names = [name for name in environment_names() if (ENVIRONMENTS_DIR / name / "promotion.toml").exists()]
    return in_order({name: read_rules(name).after for name in names})


def in_order(after: Mapping[str, str | None]) -> list[str]:
    """Names sorted so that each comes behind the one that it is after. Raises StockroomError for a circle."""
    ordered: list[str] = []
    while rest := sorted(name for name in after if name not in ordered):
        ready = [name for name in rest if after[name] is None or after[name] in ordered]
        if not ready:
            raise StockroomError(f"nothing can be promoted to {_words(rest)}: each comes after another of them")
        ordered += ready
    return ordered


def next_of(name: str, after: Mapping[str, str | None]) -> list[str]:
    """The environments that come directly after this one."""
    return sorted(one for one, before in after.items() if before == name)


def _words(names: Iterable[str]) -> str:
    return ", ".join(names)
