"""From the processed events of one date to its daily sales."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

import pyarrow as pa

# Raise it when the same events shall give other bytes, so that a replay rebuilds what is there.
LAYOUT = 1

_AMOUNT = pa.decimal128(38, 4)
_CENTI_CENTS = 10_000  # amounts are summed as whole numbers of the 4th decimal

SCHEMA = pa.schema(
    [
        pa.field("sale_date", pa.date32(), nullable=False),
        pa.field("store_id", pa.string(), nullable=False),
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("country", pa.string(), nullable=False),
        pa.field("currency", pa.string(), nullable=False),
        pa.field("units_sold", pa.int64(), nullable=False),
        pa.field("units_returned", pa.int64(), nullable=False),
        pa.field("sales", _AMOUNT, nullable=False),
        pa.field("returns", _AMOUNT, nullable=False),
        pa.field("revenue", _AMOUNT, nullable=False),
    ]
)

GROUPED_BY = ["store_id", "product_id", "country", "currency"]
READ = [*GROUPED_BY, "quantity", "unit_price"]


class _Totals(NamedTuple):
    units_sold: int
    units_returned: int
    sales: int  # of the 4th decimal, like returns
    returns: int


def daily_table(sales: pa.Table, sale_date: str) -> pa.Table:
    """One row for each store, product, country and currency that sold or took back anything, sorted by these.

    `sales` has the columns READ. What came back (a negative quantity) counts as a positive number of units
    returned and a positive amount of returns; revenue is sales less returns.
    """
    # Not Table.group_by: it imports pyarrow.acero and pyarrow.dataset, which a cold start would wait for.
    totals: dict[tuple[str, ...], _Totals] = {}
    for batch in sales.to_batches(max_chunksize=10_000):  # as Python objects, rows take many times the memory
        keys = zip(*(batch.column(name).to_pylist() for name in GROUPED_BY), strict=True)
        quantities, prices = batch.column("quantity").to_pylist(), batch.column("unit_price").to_pylist()
        for key, quantity, price in zip(keys, quantities, prices, strict=True):
            totals[key] = _add(totals.get(key, _Totals(0, 0, 0, 0)), quantity, int(price * _CENTI_CENTS))
    day = date.fromisoformat(sale_date)
    rows = [
        (day, *key, one.units_sold, one.units_returned, _amount(one.sales), _amount(one.returns),
         _amount(one.sales - one.returns))
        for key, one in sorted(totals.items())
    ]  # fmt: skip
    columns = zip(*rows, strict=True) if rows else ([] for _ in SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _add(totals: _Totals, quantity: int, price: int) -> _Totals:
    if quantity > 0:
        return totals._replace(
            units_sold=totals.units_sold + quantity,
            sales=totals.sales + quantity * price,
        )
    return totals._replace(
        units_returned=totals.units_returned - quantity,
        returns=totals.returns - quantity * price,
    )


def _amount(of_fourth_decimal: int) -> Decimal:
    # Made of its text: arithmetic would round to the 28 digits of Python's default context.
    return Decimal(f"{of_fourth_decimal}E-4")
