"""Sums per day, key (country, store or product) and currency. Two currencies are never added up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from seed.sales_report.request import COLUMN_BY_WORD

MEASURES = ("units_sold", "units_returned", "sales", "returns", "revenue")


@dataclass(frozen=True, slots=True)
class Figures:
    """Units and money of some sales; all are positive but `revenue`, which is `sales` - `returns`."""

    units_sold: int
    units_returned: int
    sales: Decimal
    returns: Decimal
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one key, or, where `key` is None, of `others` keys together."""

    key: str | None
    others: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Section:
    """Everything in one currency on one day or, where `day` is None, on all days; the line of the others comes last."""

    day: date | None
    currency: str
    lines: tuple[Line, ...]
    total: Figures


@dataclass(frozen=True)
class SalesReport:
    """`days` in order of day and currency, `period` in order of currency; lines by falling revenue."""

    by: str
    days: tuple[Section, ...]
    period: tuple[Section, ...]

    @property
    def first(self) -> date:
        return self._dates[0]

    @property
    def last(self) -> date:
        return self._dates[-1]

    @property
    def day_count(self) -> int:
        """Days on which something was sold or returned."""
        return len(set(self._dates))

    @property
    def _dates(self) -> list[date]:
        return [section.day for section in self.days if section.day]


def sum_up(daily_sales: pa.Table, by: str, top: int | None) -> SalesReport:
    """The report of `daily_sales`, rows of the curated data (at least one).

    With `top`, only that many keys of each currency, those with the most revenue over all days, have lines of
    their own.
    """
    table = daily_sales.append_column("key", daily_sales[COLUMN_BY_WORD[by]])
    if top is not None:
        leading = _leading(_rows(table, "currency", "key"), top)
        kept = pa.array([False] * len(table))
        for currency, keys in leading.items():
            of_these = pc.is_in(table["key"], value_set=pa.array(keys, pa.string()))
            kept = pc.or_(kept, pc.and_(pc.equal(table["currency"], currency), of_these))
        table = table.set_column(table.schema.get_field_index("key"), "key", pc.if_else(kept, table["key"], None))
    table = table.append_column("name", daily_sales[COLUMN_BY_WORD[by]])
    return SalesReport(
        by=by,
        days=_sections(_rows(table, "sale_date", "currency", "key"), _rows(table, "sale_date", "currency")),
        period=_sections(_rows(table, "currency", "key"), _rows(table, "currency")),
    )


def _rows(table: pa.Table, *groups: str) -> list[dict[str, Any]]:
    """One row per group: the groups' columns, the sums of the measures, and in `names` how many keys it holds."""
    aggregations = [(name, "sum") for name in MEASURES]
    names = ["name"] if "name" in table.column_names else []
    summed = table.group_by(list(groups)).aggregate([*aggregations, *((name, "count_distinct") for name in names)])
    return [{name.removesuffix("_sum"): value for name, value in row.items()} for row in summed.to_pylist()]


def _leading(rows: Iterable[Mapping[str, Any]], top: int) -> dict[str, list[str]]:
    by_currency: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_currency[row["currency"]].append(row)
    return {
        currency: [
            row["key"] for row in sorted(found, key=lambda row: (row["revenue"].copy_negate(), row["key"]))[:top]
        ]
        for currency, found in by_currency.items()
    }


def _sections(rows: Iterable[Mapping[str, Any]], totals: Iterable[Mapping[str, Any]]) -> tuple[Section, ...]:
    lines: dict[tuple[date | None, str], list[Line]] = defaultdict(list)
    for row in rows:
        others = row["name_count_distinct"] if row["key"] is None else 0
        lines[_place(row)].append(Line(row["key"], others, _figures(row)))
    return tuple(
        Section(*_place(total), tuple(sorted(lines[_place(total)], key=_rank)), _figures(total))
        for total in sorted(totals, key=_place)
    )


def _place(row: Mapping[str, Any]) -> tuple[Any, str]:
    # None only where every row has none, so that places can be sorted.
    return row.get("sale_date"), row["currency"]


def _rank(line: Line) -> tuple[bool, Decimal, str]:
    return line.key is None, line.figures.revenue.copy_negate(), line.key or ""


def _figures(row: Mapping[str, Any]) -> Figures:
    return Figures(*(row[name] for name in MEASURES))
