"""The sums as a picture: revenue per day, stacked, or bars of what sold best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import matplotlib as mpl
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from seed.sales_report.figures import Line, SalesReport, Section
from seed.sales_report.show import Labels, days_in_words
from seed.sales_report.show import label as full_label
from stockroom.picture import (
    BAD,
    COLOURS,
    GOOD,
    NEITHER,
    NO_GLYPH,
    bar_rows,
    drawable,
    panels,
    styled,
    to_png,
    write_beside,
    write_heading,
)

COLOURS_OF_A_STACK = 8
BARS = 20

_LONGEST_LABEL = 44  # characters


def is_ranking(report: SalesReport) -> bool:
    """Whether bars side by side say more than days do."""
    return report.by == "product" or report.day_count == 1


def default_top(by: str, days: int) -> int:
    """How many keys a picture shows one by one unless it is told."""
    return BARS if by == "product" or days == 1 else COLOURS_OF_A_STACK


def draw(report: SalesReport, labels: Labels, warning: str | None) -> bytes:
    """A PNG file, one panel per currency. `warning` is written on it, since a picture goes its own way."""
    with styled():
        draw_panel = _draw_ranking if is_ranking(report) else _draw_days
        figure, axes_of = panels([_height(section, report) for section in report.period])
        for axes, section in zip(axes_of, report.period, strict=True):
            draw_panel(axes, section, report, labels)
        when = "per day" if not is_ranking(report) else ""
        heading = " ".join(filter(None, ("Revenue", when, "by", report.by)))
        if notes := list(_notes(report, labels, warning)):
            figure.supxlabel("\n".join(notes), color="#B00020" if warning else "#666666", fontsize=9, wrap=True)
        write_heading(figure, f"{heading}, {days_in_words(report)}")
        return to_png(figure)


def _notes(report: SalesReport, labels: Labels, warning: str | None) -> Iterator[str]:
    if warning:
        yield drawable(f"Not complete: {warning}")
    if any(NO_GLYPH in label(line, report.by, labels) for section in report.period for line in section.lines):
        yield f"{NO_GLYPH} stands for a character that a picture can not show; the table has it"


def label(line: Line, by: str, labels: Labels) -> str:
    return drawable(full_label(line, by, labels))


def _height(section: Section, report: SalesReport) -> float:
    """Inches of a panel."""
    if is_ranking(report):
        return 1.1 + 0.3 * len([line for line in section.lines if line.key is not None])
    return max(5.0, 1.0 + 0.27 * len(section.lines))


def _caption(section: Section) -> str:
    total = section.total
    return (
        f"{_rounded(total.revenue)} {section.currency} revenue   ·   {total.units_sold:,} units sold, "
        f"{total.units_returned:,} returned"
    )


def _draw_days(axes: Axes, section: Section, report: SalesReport, labels: Labels) -> None:
    days = [found for found in report.days if found.currency == section.currency]
    placed = _place_days(report)
    places = [placed.places[found.day] for found in days if found.day]
    by_day = [{line.key: float(line.figures.revenue) for line in found.lines} for found in days]
    above, below = [0.0] * len(days), [0.0] * len(days)
    colours = _colours(section.lines)
    half = placed.width / 2
    for line, colour in zip(section.lines, colours, strict=True):
        bars = []
        for at, (place, revenues) in enumerate(zip(places, by_day, strict=True)):
            if value := revenues.get(line.key):
                stack = above if value > 0 else below
                bottom, stack[at] = stack[at], stack[at] + value
                bars.append(
                    [
                        (place + x, y)
                        for x, y in ((-half, bottom), (half, bottom), (half, stack[at]), (-half, stack[at]))
                    ]
                )
        # Without smoothing, which would leave white lines between bars that touch.
        axes.add_collection(PolyCollection(bars, facecolors=colour, linewidths=0, antialiaseds=False))
    lowest, highest = min(below), max(above)
    margin = 0.04 * ((highest - lowest) or 1.0)
    axes.set_ylim(lowest - margin if lowest else 0, highest + margin)
    if lowest:
        axes.axhline(0, color="#444444", linewidth=0.8)
    _date_axis(axes, placed)
    axes.yaxis.set_major_formatter(FuncFormatter(_short_number))
    axes.set_ylabel(f"revenue, {section.currency}")
    axes.grid(axis="y")
    axes.set_title(_caption(section), loc="left", fontsize=10, color="#444444")
    legend = axes.legend(
        [Patch(color=colour) for colour in colours],
        ["."] * len(colours),  # a label that begins with "_" would be left out
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        frameon=False,
        borderaxespad=0,
        fontsize=9,
        title=f"revenue, {section.currency}",
        alignment="left",
    )
    for text, line in zip(legend.get_texts(), section.lines, strict=True):
        text.set_text(f"{_short(label(line, report.by, labels), 26)}\N{EM SPACE}{_rounded(line.figures.revenue)}")


@dataclass(frozen=True)
class _Days:
    """Where the days stand: true to the calendar or, where that would be mostly gaps, one beside the other."""

    places: dict[date, float]
    width: float
    in_calendar: bool


def _place_days(report: SalesReport) -> _Days:
    days = sorted({section.day for section in report.days if section.day})
    span = (report.last - report.first).days + 1
    if span > 100 and len(days) < span / 4:
        return _Days({day: float(at) for at, day in enumerate(days)}, 0.8 if len(days) <= 100 else 1.0, False)
    # A gap between bars only where it can be seen, and none so thin that it falls between two pixels.
    width = 0.8 if span <= 100 else max(1.0, span / 600)
    return _Days({day: float(mdates.date2num(day)) for day in days}, width, True)


def _date_axis(axes: Axes, days: _Days) -> None:
    places = list(days.places.values())
    axes.set_xlim(places[0] - 0.2 - days.width / 2, places[-1] + 0.2 + days.width / 2)
    if not days.in_calendar:
        step = -(-len(places) // 10)
        axes.set_xticks(places[::step], [f"{day.day} {day:%b %Y}" for day in list(days.places)[::step]], fontsize=9)
        axes.set_xlabel("days without sales are left out", color="#666666", fontsize=9)
        return
    locator: mdates.DateLocator = (
        mdates.DayLocator()
        if places[-1] - places[0] < 10
        else mdates.AutoDateLocator(minticks=5, maxticks=12, interval_multiples=True)
    )
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(
        mdates.ConciseDateFormatter(
            locator,
            formats=["%Y", "%b %Y", "%-d %b", "%H:%M", "%H:%M", "%S"],
            zero_formats=["", "%b %Y", "%-d %b", "%-d %b", "%H:%M", "%H:%M"],
            show_offset=False,
        )
    )


def _draw_ranking(axes: Axes, section: Section, report: SalesReport, labels: Labels) -> None:
    lines = [line for line in section.lines if line.key is not None]
    values = [float(line.figures.revenue) for line in lines]
    places = range(len(lines))
    axes.barh(places, values, color=[GOOD if value >= 0 else BAD for value in values], height=0.72)
    bar_rows(axes, [_short(label(line, report.by, labels), _LONGEST_LABEL) for line in lines])
    lowest, highest = min(0.0, *values), max(0.0, *values)
    span = (highest - lowest) or 1.0
    axes.set_xlim(lowest - (0.16 * span if lowest < 0 else 0), highest + 0.14 * span)
    for place, value, line in zip(places, values, lines, strict=True):
        write_beside(axes, place, value, _rounded(line.figures.revenue), value >= 0)
    axes.axvline(0, color="#888888", linewidth=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(7))
    axes.xaxis.set_major_formatter(FuncFormatter(_short_number))
    axes.set_xlabel(f"revenue, {section.currency}")
    axes.grid(axis="x")
    caption = _caption(section)
    if other := next((line for line in section.lines if line.key is None), None):
        caption += f"   ·   not drawn: {label(other, report.by, labels)}, {_rounded(other.figures.revenue)}"
    axes.set_title(caption, loc="left", fontsize=10, color="#444444")


def _colours(lines: Sequence[Line]) -> list[str]:
    shown = [line for line in lines if line.key is not None]
    if len(shown) <= len(COLOURS):
        colours = list(COLOURS[: len(shown)])
    else:
        many = [*mpl.colormaps["tab20"].colors, *mpl.colormaps["tab20b"].colors]  # type: ignore[attr-defined]
        colours = [mpl.colors.to_hex(many[at % len(many)]) for at in range(len(shown))]
    return colours + [NEITHER] * (len(lines) - len(shown))


def _rounded(value: Decimal) -> str:
    """To the penny: the exact amounts are in the table."""
    return f"{value:,.2f}"


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def _short_number(value: float, _: object = None) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"
