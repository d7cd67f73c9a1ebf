from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Any

import parquet_file
import pyarrow as pa
from daily_table import READ, SCHEMA, daily_table
from hypothesis import given, settings
from hypothesis import strategies as st
from sales_table import SCHEMA as PROCESSED
from sales_table import Sale

SALE = Sale(
    event_id="e",
    event_time=datetime(2010, 12, 1, tzinfo=UTC),
    order_id="o",
    line=1,
    product_id="p",
    description="d",
    quantity=6,
    unit_price=Decimal("2.5500"),
    currency="GBP",
    customer_id=None,
    store_id="s",
    country="c",
)

SALES = st.builds(
    SALE._replace,
    store_id=st.sampled_from(["online", "leeds"]),
    product_id=st.sampled_from(["a", "B", "ä"]),
    country=st.sampled_from(["France", "Norway"]),
    currency=st.sampled_from(["GBP", "EUR"]),
    quantity=st.integers(-(2**31) + 1, 2**31 - 1).filter(bool),
    unit_price=st.decimals(0, Decimal("999999999.9999"), places=4),
)


def processed(sales: list[Sale]) -> pa.Table:
    return pa.Table.from_pylist([sale._asdict() for sale in sales], schema=PROCESSED)


def daily(sales: list[Sale], day: str = "2010-12-01") -> list[dict[str, Any]]:
    stored = parquet_file.write(daily_table(parquet_file.read(parquet_file.write(processed(sales)), READ), day))
    table = parquet_file.read(stored, SCHEMA.names)
    assert table.schema.equals(SCHEMA)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def test_sales_and_returns_of_a_product_are_one_row() -> None:
    assert daily([SALE, SALE._replace(quantity=-2), SALE._replace(quantity=1, unit_price=Decimal("0.0001"))]) == [
        {
            "sale_date": date(2010, 12, 1),
            "store_id": "s",
            "product_id": "p",
            "country": "c",
            "currency": "GBP",
            "units_sold": 7,
            "units_returned": 2,
            "sales": Decimal("15.3001"),
            "returns": Decimal("5.1000"),
            "revenue": Decimal("10.2001"),
        }
    ]


def test_what_came_back_only_has_negative_revenue() -> None:
    (row,) = daily([SALE._replace(quantity=-2)])
    assert (row["units_sold"], row["units_returned"]) == (0, 2)
    assert (row["sales"], row["returns"], row["revenue"]) == (0, Decimal("5.1"), Decimal("-5.1"))


def test_years_beyond_nanoseconds() -> None:
    assert [daily([SALE], day)[0]["sale_date"].year for day in ("0001-01-01", "9999-12-31")] == [1, 9999]


def test_no_events_make_an_empty_table() -> None:
    assert daily([]) == []


def test_amounts_beyond_28_digits_are_exact() -> None:
    quantity, price = 2**62, Decimal("999999999.9999")  # what ten thousand million of the greatest sales add up to
    sales = processed([SALE._replace(unit_price=price)])
    column = sales.schema.get_field_index("quantity")
    (row,) = daily_table(sales.set_column(column, "quantity", pa.array([quantity])), "2010-12-01").to_pylist()
    with localcontext(prec=60):
        assert row["sales"] == row["revenue"] == quantity * price


@settings(deadline=None, max_examples=50)
@given(st.lists(SALES, max_size=20), st.randoms(use_true_random=False))
def test_rows_hold_what_events_add_up_to_whatever_their_order(sales: list[Sale], chance: Any) -> None:
    rows = daily(sales)
    units: dict[tuple[str, ...], int] = defaultdict(int)
    revenue: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    with localcontext(prec=60):
        for sale in sales:
            key = (sale.store_id, sale.product_id, sale.country, sale.currency)
            units[key] += sale.quantity
            revenue[key] += sale.quantity * sale.unit_price
    keys = [(row["store_id"], row["product_id"], row["country"], row["currency"]) for row in rows]
    assert keys == sorted(units)
    assert [row["units_sold"] - row["units_returned"] for row in rows] == [units[key] for key in keys]
    assert [row["revenue"] for row in rows] == [revenue[key] for key in keys]
    assert all(row["sales"] - row["returns"] == row["revenue"] for row in rows)
    assert all(min(row["units_sold"], row["units_returned"], row["sales"], row["returns"]) >= 0 for row in rows)
    shuffled = list(sales)
    chance.shuffle(shuffled)
    assert daily_table(processed(shuffled), "2010-12-01").to_pylist() == rows
