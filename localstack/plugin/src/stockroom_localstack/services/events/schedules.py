"""Schedule expressions of EventBridge: when is the next time?

at(2026-12-24T18:00:00)          once
rate(5 minutes)                  from a beginning on
cron(0 18 ? * MON-FRI *)         by a calendar and its time zone
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EXPRESSION = re.compile(r"(at|rate|cron)\((.*)\)")
UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
YEARS = range(1970, 2200)
LONGEST_SEARCH = timedelta(days=366 * 40)  # the 29th of February that is a Monday comes after 28 years, or 40


class ExpressionError(ValueError):
    """What is no schedule expression, or names no time zone; the message says what is wrong."""


@dataclass(frozen=True)
class Once:
    """One moment."""

    moment: datetime

    def after(self, moment: datetime) -> datetime | None:
        """The moment, if it is later than the given one."""
        return self.moment if self.moment > moment else None


@dataclass(frozen=True)
class Rate:
    """beginning: the first time."""

    interval: timedelta
    beginning: datetime

    def after(self, moment: datetime) -> datetime:
        """The first time that is later than the moment."""
        if moment < self.beginning:
            return self.beginning
        return self.beginning + ((moment - self.beginning) // self.interval + 1) * self.interval


@dataclass(frozen=True)
class Cron:
    """minutes, hours, months, years: those that fit. days, weekdays: fields of the expression, one of them `?`."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: str
    months: frozenset[int]
    weekdays: str
    years: frozenset[int]
    zone: tzinfo

    def after(self, moment: datetime) -> datetime | None:
        """The first time that is later than the moment; None when there is none within 40 years."""
        local = moment.astimezone(self.zone)
        day, last = local.date(), local.date() + LONGEST_SEARCH
        while day <= last:
            if self._is_on(day):
                for found in self._moments(day):
                    if found > moment:
                        return found
            day += timedelta(days=1)
        return None

    def _is_on(self, day: date) -> bool:
        if day.year not in self.years or day.month not in self.months:
            return False
        if self.days == "?":
            return _is_weekday(self.weekdays, day)
        return _is_day(self.days, day)

    def _moments(self, day: date) -> Iterator[datetime]:
        """A time that the clocks jump over in spring does not come; one that comes twice in autumn counts once."""
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                local = datetime.combine(day, time(hour, minute), self.zone)
                found = local.astimezone(UTC)
                if found.astimezone(self.zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                    yield found


Schedule = Once | Rate | Cron


def zone_of(name: str) -> tzinfo:
    """Raises ExpressionError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ExpressionError(f"{name} is no time zone") from error


def parse(expression: str, beginning: datetime, zone: tzinfo = UTC) -> Schedule:
    """beginning: of a rate. Raises ExpressionError."""
    match = EXPRESSION.fullmatch(expression.strip())
    if not match:
        raise ExpressionError(f"{expression} is neither at(...) nor rate(...) nor cron(...)")
    kind, argument = match.groups()
    if kind == "at":
        try:
            return Once(datetime.strptime(argument, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone).astimezone(UTC))
        except ValueError as error:
            raise ExpressionError(f"{expression} holds no time like 2026-12-24T18:00:00") from error
    return _rate(argument, beginning) if kind == "rate" else _cron(argument, zone)


def _rate(argument: str, beginning: datetime) -> Rate:
    match = re.fullmatch(r"([1-9]\d*) (minute|hour|day)(s?)", argument)
    if not match or (match[1] == "1") == bool(match[3]):
        raise ExpressionError(
            f"rate({argument}) is none like rate(1 minute), rate(5 minutes), rate(2 hours), rate(7 days)"
        )
    return Rate(int(match[1]) * UNITS[match[2]], beginning)


def _cron(argument: str, zone: tzinfo) -> Cron:
    fields = argument.upper().split()
    if len(fields) != 6:
        raise ExpressionError(f"cron({argument}) has {len(fields)} fields instead of 6")
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") == (weekdays == "?"):
        raise ExpressionError(f"cron({argument}): one of day of month and day of week is ?, and not both")
    for day in (date(2024, 1, 1) + timedelta(number) for number in range(60)):
        _is_weekday(weekdays, day) if days == "?" else _is_day(days, day)  # that it can be read
    return Cron(
        _numbers(minutes, range(60)),
        _numbers(hours, range(24)),
        days,
        _numbers(months, range(1, 13), MONTHS),
        weekdays,
        _numbers(years, YEARS),
        zone,
    )


def _numbers(field: str, known: range, names: dict[str, int] | None = None) -> frozenset[int]:
    """Such as *, 5, 1,15, 8-18, */10, 0/15, MAR-JUN."""
    found: set[int] = set()
    for part in field.split(","):
        whole, slash, step = part.partition("/")
        first, dash, last = whole.partition("-")
        begin = known.start if whole == "*" else _number(first, names)
        end = _number(last, names) if dash else known.stop - 1 if whole == "*" or slash else begin
        width = int(step) if step.isdecimal() and int(step) else 0 if slash else 1
        if not width or begin not in known or end not in known:
            raise ExpressionError(f"{part} is none of {known.start} to {known.stop - 1}")
        wraps = begin > end  # such as FRI-MON
        found.update(range(begin, known.stop if wraps else end + 1, width))
        if wraps:
            found.update(range(known.start, end + 1, width))
    return frozenset(found)


def _number(text: str, names: dict[str, int] | None) -> int:
    if names and text in names:
        return names[text]
    if not text.isdecimal():
        raise ExpressionError(f"{text} is no number")
    return int(text)


def _is_day(field: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    days: set[int] = set()
    for part in field.split(","):
        if part == "L":
            days.add(last)
        elif part == "LW":
            days.add(_nearest_weekday(day, last))
        elif part.endswith("W"):
            days.add(_nearest_weekday(day, min(_number(part[:-1], None), last)))
        else:
            days |= _numbers(part, range(1, 32))
    return day.day in days


def _nearest_weekday(month: date, day: int) -> int:
    """The day from Monday to Friday that is nearest, in the same month."""
    last = calendar.monthrange(month.year, month.month)[1]
    weekday = month.replace(day=day).weekday()
    if weekday == 5:
        return day - 1 if day > 1 else day + 2
    if weekday == 6:
        return day + 1 if day < last else day - 2
    return day


def _is_weekday(field: str, day: date) -> bool:
    number = day.isoweekday() % 7 + 1  # Sunday is 1
    last = calendar.monthrange(day.year, day.month)[1]
    for part in field.split(","):
        name, hash_, which = part.partition("#")
        if hash_:
            if number == _number(name, DAYS) and (day.day - 1) // 7 + 1 == _number(which, None):
                return True
        elif part == "L":
            if number == DAYS["SAT"]:
                return True
        elif part.endswith("L"):
            if number == _number(part[:-1], DAYS) and day.day > last - 7:
                return True
        elif number in _numbers(part, range(1, 8), DAYS):
            return True
    return False
