from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seed.sales_report.figures import Figures, Line, sum_up
from seed.sales_report.request import COLUMN_BY_WORD
from tests.unit.toolkit.daily_sales import DAY, row, table

NEXT = DAY + timedelta(1)
PRICE = st.decimals(0, 10**9, places=4)
ROWS = st.lists(
    st.builds(
        row,
        sales=PRICE.map(str),
        returns=PRICE.map(str),
        day=st.sampled_from([DAY, NEXT, date(2011, 2, 28)]),
        country=st.sampled_from(["France", "Australia", "United Kingdom", "other"]),
        store=st.sampled_from(["leeds", "online"]),
        product=st.sampled_from(["85123A", "71053", "É"]),
        currency=st.sampled_from(["GBP", "EUR"]),
        sold=st.integers(0, 2**40),
        returned=st.integers(0, 2**40),
    ),
    min_size=1,
    max_size=30,
)


def totals(rows: list[dict[str, Any]], *groups: str) -> dict[tuple[Any, ...], Figures]:
    """The sums in plain Python; amounts as whole numbers of their 4th decimal, so that nothing is rounded."""
    sums: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for one in rows:
        for name in ("units_sold", "units_returned"):
            sums[tuple(one[group] for group in groups)][name] += one[name]
        for name in ("sales", "returns", "revenue"):
            sums[tuple(one[group] for group in groups)][name] += int(one[name] * 10_000)
    return {
        group: Figures(
            found["units_sold"],
            found["units_returned"],
            *(Decimal(found[name]) / 10_000 for name in ("sales", "returns", "revenue")),
        )
        for group, found in sums.items()
    }


@settings(deadline=None, max_examples=40)
@given(ROWS, st.sampled_from(sorted(COLUMN_BY_WORD)))
def test_sums_are_those_of_plain_python(rows: list[dict[str, Any]], by: str) -> None:
    report = sum_up(table(rows), by, None)
    column = COLUMN_BY_WORD[by]
    assert {
        (section.day, section.currency, line.key): line.figures for section in report.days for line in section.lines
    } == totals(rows, "sale_date", "currency", column)
    assert {(section.day, section.currency): section.total for section in report.days} == totals(
        rows, "sale_date", "currency"
    )
    assert {
        (section.currency, line.key): line.figures for section in report.period for line in section.lines
    } == totals(rows, "currency", column)
    assert {(section.currency,): section.total for section in report.period} == totals(rows, "currency")


@settings(deadline=None, max_examples=40)
@given(ROWS, st.integers(1, 4))
def test_a_top_changes_no_total_and_hides_no_row(rows: list[dict[str, Any]], top: int) -> None:
    everything, cut = (sum_up(table(rows), "country", limit) for limit in (None, top))
    for whole, short in zip(everything.days + everything.period, cut.days + cut.period, strict=True):
        assert (whole.day, whole.currency, whole.total) == (short.day, short.currency, short.total)
        assert sum(line.figures.units_sold for line in short.lines) == short.total.units_sold
        shown = [line for line in short.lines if line.key is not None]
        assert set(shown) <= set(whole.lines)
        assert len(shown) + sum(line.others for line in short.lines) == len(whole.lines)
        assert len(shown) <= top
    for whole, short in zip(everything.period, cut.period, strict=True):
        assert whole.lines[:top] == tuple(line for line in short.lines if line.key is not None)


def test_lines_stand_in_order_of_revenue_and_the_others_last() -> None:
    rows = [row("5", country=name) for name in ("c", "a", "b")] + [row("9", country="z"), row("0", "3", country="y")]
    report = sum_up(table(rows), "country", None)
    assert [line.key for line in report.period[0].lines] == ["z", "a", "b", "c", "y"]
    report = sum_up(table(rows), "country", 2)
    assert [line.key for line in report.period[0].lines] == ["z", "a", None]
    assert report.period[0].lines[-1] == Line(None, 3, Figures(3, 0, Decimal(10), Decimal(3), Decimal(7)))


def test_the_top_is_that_of_all_days() -> None:
    rows = [row("1", country="small"), row("9", day=NEXT, country="large")]
    first, second = sum_up(table(rows), "country", 1).days
    assert [(line.key, line.others) for line in first.lines] == [(None, 1)]
    assert [line.key for line in second.lines] == ["large"]


def test_each_currency_has_its_own_top() -> None:
    rows = [row("900", country="Japan", currency="JPY"), row("5", country="France"), row("1", country="Japan")]
    pounds, yen = sum_up(table(rows), "country", 1).period
    assert [(line.key, line.others) for line in pounds.lines] == [("France", 0), (None, 1)]
    assert [line.key for line in yen.lines] == ["Japan"]


def test_days_are_those_with_sales() -> None:
    report = sum_up(table([row("1", day=date(2011, 1, 3), currency="EUR"), row("1"), row("1")]), "store", None)
    assert (report.first, report.last, report.day_count) == (DAY, date(2011, 1, 3), 2)


@pytest.mark.parametrize("amount", ["999999999999999999999999.0001", "0.0001"])
def test_amounts_stay_exact(amount: str) -> None:
    (section,) = sum_up(table([row(amount)]), "country", None).period
    assert str(section.total.sales) == str(section.lines[0].figures.revenue) == amount
