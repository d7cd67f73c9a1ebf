"""The sums as text: aligned lines for people, one object for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.cells import cell_len

from seed.sales_report.figures import MEASURES, Figures, Line, SalesReport, Section

_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"

Labels = Mapping[str, str]
"""What is known of keys besides themselves: the descriptions of products."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table, as texts; `kind` is "heading", "line", "total" or "space"."""

    kind: str
    cells: tuple[str, ...] = ()


def amount(value: Decimal) -> str:
    """Exact, with two decimals, or four where it has more than two: "1234.50", "0.1250"."""
    return f"{value:.4f}".removesuffix("00")


def readable(value: Decimal) -> str:
    """As `amount`, with commas: "1,234.50"."""
    return f"{value:,.4f}".removesuffix("00")


def printable(text: str) -> str:
    """The text without what could move a terminal's cursor or break a line; joiners make one sign of several."""
    return "".join(character if character.isprintable() or character in _JOINERS else "?" for character in text)


def plural(by: str) -> str:
    return {"country": "countries"}.get(by, f"{by}s")


def label(line: Line, by: str, labels: Labels) -> str:
    if line.key is None:
        return f"{line.others:,} other {by if line.others == 1 else plural(by)}"
    return printable(f"{line.key}  {labels.get(line.key, '')}".rstrip())


def days_in_words(report: SalesReport) -> str:
    if report.first == report.last:
        return report.first.isoformat()
    return f"{report.first} to {report.last}"


def shown_sections(report: SalesReport) -> tuple[tuple[Section, ...], tuple[Section, ...]]:
    """The days and the period as far as they are for people: a product's every day would hide the sums."""
    if report.day_count == 1:
        return (), report.period
    return (() if report.by == "product" else report.days), report.period


def table_rows(report: SalesReport, labels: Labels) -> Iterator[Row]:
    """The whole table: a heading, the days, the period, with spaces between."""
    yield Row("heading", ("day", report.by, "sold", "returned", "sales", "returns", "revenue", ""))
    days, period = shown_sections(report)
    for section in days:
        yield from section_rows(section, report, labels)
        yield Row("space")
    for at, section in enumerate(period):
        if at:
            yield Row("space")
        yield from section_rows(section, report, labels)


def section_rows(section: Section, report: SalesReport, labels: Labels) -> Iterator[Row]:
    day = section.day or (report.first if report.day_count == 1 else None)
    when = day.isoformat() if day else f"{report.day_count:,} days"
    for line in section.lines:
        yield Row("line", (when, label(line, report.by, labels), *_cells(line.figures), section.currency))
    yield Row("total", (when, "total", *_cells(section.total), section.currency))


def _cells(figures: Figures) -> tuple[str, ...]:
    units = (f"{figures.units_sold:,}", f"{figures.units_returned:,}")
    return units + tuple(readable(value) for value in (figures.sales, figures.returns, figures.revenue))


def aligned(rows: Iterable[Row]) -> list[str]:
    """One text per row, never cut; the first two columns and the last to the left, numbers to the right."""
    rows = list(rows)
    widths = [max(map(cell_len, column)) for column in zip(*(row.cells for row in rows if row.cells), strict=True)]
    texts = []
    for row in rows:
        cells = []
        for at, cell in enumerate(row.cells):
            space = " " * (widths[at] - cell_len(cell))
            cells.append(cell + space if at in {0, 1, len(row.cells) - 1} else space + cell)
        texts.append("  ".join(cells).rstrip())
    return texts


def as_json(report: SalesReport, labels: Labels) -> dict[str, Any]:
    """`days` and `totals` of the object that `--json` prints; docs/commands.md describes it."""
    return {
        "by": report.by,
        "first_day": report.first.isoformat(),
        "last_day": report.last.isoformat(),
        "days": [
            {"day": section.day.isoformat() if section.day else None, **_section_json(section, report.by, labels)}
            for section in report.days
        ],
        "totals": [_section_json(section, report.by, labels) for section in report.period],
    }


def _section_json(section: Section, by: str, labels: Labels) -> dict[str, Any]:
    def line_json(line: Line) -> dict[str, Any]:
        known: dict[str, Any] = {by: line.key}
        if line.key is None:
            known["others"] = line.others
        elif line.key in labels:
            known["description"] = labels[line.key]
        return known | _figures_json(line.figures)

    return {
        "currency": section.currency,
        "lines": [line_json(line) for line in section.lines],
        "total": _figures_json(section.total),
    }


def _figures_json(figures: Figures) -> dict[str, Any]:
    values = {name: getattr(figures, name) for name in MEASURES}
    return {name: amount(value) if isinstance(value, Decimal) else value for name, value in values.items()}
