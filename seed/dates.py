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
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from stockroom.errors import StockroomError

_YEAR_FIRST = re.compile(
    r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})"
    r"(?:[ T]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?)?Z?"
)
_YEAR_LAST = re.compile(
    r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})(?: +([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?)?"
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
    """The time as "YYYY-MM-DDTHH:MM:SSZ", or None where the text is no date; times are taken as UTC."""
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day, hour, minute, second = found.groups()
    elif found := _YEAR_LAST.fullmatch(text):
        one, _, two, year, hour, minute, second = found.groups()
        month, day = (two, one) if order is DateOrder.DMY else (one, two)
        year = year if len(year) == 4 else f"20{year}"
    else:
        return None
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return None
    return moment.isoformat(timespec="seconds") + "Z"


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
    first, separator, second, year, hour, *_ = found.groups()
    as_month_first, as_day_first = parse_date(text, DateOrder.MDY), parse_date(text, DateOrder.DMY)
    parts = [part for part in (first, second, hour) if part]
    # "0:26" is how the US form writes half past midnight, and "00:26" how the padded ones do.
    padded = any(len(part) == 2 and part[0] == "0" for part in parts)
    return _Form(
        month_first=as_month_first is not None,
        day_first=as_day_first is not None,
        differs=as_month_first != as_day_first,
        us_style=separator == "/" and len(year) == 2 and not padded,
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
