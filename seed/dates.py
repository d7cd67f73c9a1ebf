"""Dates as people's spreadsheets write them, and which of day and month stands first.

`12/1/10 8:26` says nothing about the order by itself. The order is taken, in this sequence, from

1. the option `--date-order`;
2. the rows: one date that fits only one order (`12/13/10`) decides for the whole file;
3. the form: two-digit years with slashes and no leading zeros are the US form (month/day/year), the one in
   which the UCI "Online Retail" file is published as CSV.

A file that none of these decides is refused: a wrong guess would put sales on the wrong day without anybody
noticing.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from stockroom.errors import StockroomError

_TIME_OF_DAY = (
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]+)?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_ZONE = r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?"
_YEAR_FIRST = re.compile(
    rf"(?P<year>[0-9]{{4}})[-/](?P<month>[0-9]{{1,2}})[-/](?P<day>[0-9]{{1,2}})(?:(?:T| +){_TIME_OF_DAY}{_ZONE})?"
)
_YEAR_LAST = re.compile(
    r"(?P<one>[0-9]{1,2})(?P<between>[-/.])(?P<two>[0-9]{1,2})(?P=between)(?P<year>[0-9]{4}|[0-9]{2})"
    rf"(?: +{_TIME_OF_DAY})?"
)


class DateOrder(StrEnum):
    MDY = "mdy"
    DMY = "dmy"

    @property
    def words(self) -> str:
        return "month/day/year" if self is DateOrder.MDY else "day/month/year"


@dataclass(frozen=True)
class DateReading:
    """How a file's dates are read; `why` completes the sentence "dates read as <order> because …".

    `order` is None where it makes no difference, as with ISO dates.
    """

    order: DateOrder | None
    why: str

    def __str__(self) -> str:
        if self.order is None:
            return f"dates read as they stand: {self.why}"
        return f"dates read as {self.order.words} because {self.why}"


@lru_cache(maxsize=65_536)
def parse_date(text: str, order: DateOrder | None) -> str | None:
    """The time as "YYYY-MM-DDTHH:MM:SSZ", or None where the text is no date; times without a zone are taken as UTC."""
    if found := _YEAR_FIRST.fullmatch(text):
        parts = found.groupdict()
        year, month, day = parts["year"], parts["month"], parts["day"]
    elif found := _YEAR_LAST.fullmatch(text):
        parts = found.groupdict()
        month, day = (parts["two"], parts["one"]) if order is DateOrder.DMY else (parts["one"], parts["two"])
        year = parts["year"] if len(parts["year"]) == 4 else f"20{parts['year']}"
    else:
        return None
    hour = _hour(parts["hour"], parts["half"])
    if hour is None:
        return None
    try:
        moment = datetime(int(year), int(month), int(day), hour, int(parts["minute"] or 0), int(parts["second"] or 0))
        moment -= _offset(parts.get("zone"))
    except (ValueError, OverflowError):
        return None
    return moment.isoformat(timespec="seconds") + "Z"


def _hour(text: str | None, half: str | None) -> int | None:
    """From 0 to 23 where the text says so; None where it is none of a clock of twelve hours and should be."""
    hour = int(text or 0)
    if not half:
        return hour
    return hour % 12 + (12 if half in "Pp" else 0) if 1 <= hour <= 12 else None


def _offset(zone: str | None) -> timedelta:
    if not zone or zone == "Z":
        return timedelta()
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return ahead if zone[0] == "+" else -ahead


@dataclass(frozen=True)
class _Form:
    """What one date cell says about the order of its file."""

    month_first: bool
    day_first: bool
    differs: bool  # the two readings are different days
    us_style: bool  # slashes, two-digit year, no leading zero
    unpadded: bool  # a month, day or hour of a single digit


@lru_cache(maxsize=65_536)
def _form(text: str) -> _Form | None:
    found = _YEAR_LAST.fullmatch(text)
    if not found:
        return None
    first, second, year, hour = (found[name] for name in ("one", "two", "year", "hour"))
    as_month_first, as_day_first = parse_date(text, DateOrder.MDY), parse_date(text, DateOrder.DMY)
    parts = [part for part in (first, second, hour) if part]
    # "0:26" is how the US form writes half past midnight, and "00:26" how the padded ones do.
    padded = any(len(part) == 2 and part[0] == "0" for part in parts)
    return _Form(
        month_first=as_month_first is not None,
        day_first=as_day_first is not None,
        differs=as_month_first != as_day_first,
        us_style=found["between"] == "/" and len(year) == 2 and not padded,
        unpadded=any(len(part) == 1 for part in parts),
    )


class DateSurvey:
    """Collects, row by row, what a file's dates say about their order; then `decide()` it."""

    def __init__(self) -> None:
        self._only_month_first: tuple[int, str] | None = None
        self._only_day_first: tuple[int, str] | None = None
        self._either: tuple[int, str] | None = None
        self._all_us_style = True
        self._unpadded = False

    def add(self, line: int, text: str) -> None:
        form = _form(text)
        if form is None or not (form.month_first or form.day_first):
            return
        self._all_us_style = self._all_us_style and form.us_style
        self._unpadded = self._unpadded or form.unpadded
        if form.month_first and form.day_first:
            if form.differs:
                self._either = self._either or (line, text)
        elif form.month_first:
            self._only_month_first = self._only_month_first or (line, text)
        else:
            self._only_day_first = self._only_day_first or (line, text)

    def decide(self, asked: DateOrder | None, name: str) -> DateReading:
        """The reading of the file called `name`.

        Raises StockroomError where the file contradicts itself or leaves the order open.
        """
        if asked is not None:
            return DateReading(asked, f"--date-order {asked} was given")
        month, day, either = self._only_month_first, self._only_day_first, self._either
        if month and day:
            raise StockroomError(
                f"{name}: the dates contradict each other: line {month[0]} ({month[1]}) can only be "
                f"month first, line {day[0]} ({day[1]}) only day first",
                hint="mend the file, or give --date-order mdy or dmy: rows that do not fit are rejected then",
            )
        if month:
            return DateReading(DateOrder.MDY, f"line {month[0]} ({month[1]}) fits no other order")
        if day:
            return DateReading(DateOrder.DMY, f"line {day[0]} ({day[1]}) fits no other order")
        if either is None:
            return DateReading(None, "no date could mean two different days")
        if self._all_us_style and self._unpadded:
            return DateReading(
                DateOrder.MDY,
                f"two-digit years with slashes and no leading zeros ({either[1]}) are the US form in which "
                "the UCI file is published; give --date-order dmy if this file is day first",
            )
        raise StockroomError(
            f"{name}: the dates could be month first or day first (line {either[0]}: {either[1]}), "
            "and no row of the file decides it",
            hint="give --date-order mdy (month first) or --date-order dmy (day first)",
        )
