"""What orders add to the totals, and which of it goes into one transaction.

An order is counted in parts. With every part goes an item of the ledger in the same transaction, which holds
only if that item was not there: so a part is counted once or not at all, whoever tries it and however often.
That needs a part to be the same at every delivery: how an order is cut depends on the order and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, Overflow
from typing import Literal, NamedTuple

from final_orders import FinalOrder

ITEMS_PER_TRANSACTION = 100  # what DynamoDB takes
# A part has its ledger item and, when it is an order's first, a day beside its products. Whoever changes this
# number first lets the stream run empty: an order that was cut otherwise would be counted twice.
PRODUCTS_PER_PART = 98

# DynamoDB's own precision. Amounts of an order have at most 30 digits, so an inexact sum is an error.
_EXACT = Context(prec=38, traps=[Inexact, Overflow])


class Total(NamedTuple):
    """One item of the totals: of a day (`YYYY-MM-DD`) or of a product."""

    of: Literal["day", "product"]
    key: str


Amounts = dict[str, Decimal]  # attribute → what is added to it, signed


class PartId(NamedTuple):
    """The key of a ledger item, and all of it that a transaction needs."""

    order_id: str
    number: int


@dataclass(frozen=True)
class Part:
    """What a part of an order adds to the totals."""

    id: PartId
    adds: dict[Total, Amounts]


def parts(order: FinalOrder) -> list[Part]:
    """The order's contributions: its day with the first part, its products with as many parts as it takes.

    A backordered order has sold nothing: its day counts it, and that is all.
    """
    products = [] if order.status == "backordered" else sorted(_by_product(order).items())
    units, revenue = (sum_of(amounts[name] for _, amounts in products) for name in ("units", "revenue"))
    day: Amounts = {
        "orders": Decimal(order.status == "fulfilled"),
        "returns": Decimal(order.status == "returned"),
        "backorders": Decimal(order.status == "backordered"),
        "units": units,
        "revenue": revenue,
    }
    first: dict[Total, Amounts] = {Total("day", order.order_date): day}
    starts = range(0, max(len(products), 1), PRODUCTS_PER_PART)
    return [
        Part(
            PartId(order.order_id, number),
            (first if number == 0 else {}) | dict(products[start : start + PRODUCTS_PER_PART]),
        )
        for number, start in enumerate(starts)
    ]


def pack(waiting: Iterable[Part]) -> Iterator[list[Part]]:
    """Parts that share a transaction, in their order.

    DynamoDB takes one operation on an item: parts that add to the same total do it together, and of a part that
    comes twice only the first is taken.
    """
    seen: set[PartId] = set()
    packed: list[Part] = []
    totals: set[Total] = set()
    for part in waiting:
        if part.id in seen:
            continue
        seen.add(part.id)
        if packed and len(packed) + 1 + len(totals | part.adds.keys()) > ITEMS_PER_TRANSACTION:
            yield packed
            packed, totals = [], set()
        packed.append(part)
        totals |= part.adds.keys()
    if packed:
        yield packed


def summed(packed: Iterable[Part]) -> dict[Total, Amounts]:
    """What the parts add together, in the order of the totals' keys."""
    sums: dict[Total, Amounts] = {}
    for part in packed:
        for total, amounts in part.adds.items():
            so_far = sums.get(total, {})
            sums[total] = {name: sum_of([so_far.get(name, Decimal(0)), amounts[name]]) for name in amounts}
    return dict(sorted(sums.items()))


def sum_of(numbers: Iterable[Decimal]) -> Decimal:
    """The exact sum. Raises decimal.Inexact beyond 38 digits."""
    total = Decimal(0)
    for number in numbers:
        total = _EXACT.add(total, number)
    return total


def _by_product(order: FinalOrder) -> dict[Total, Amounts]:
    count = "orders" if order.status == "fulfilled" else "returns"
    products: dict[Total, Amounts] = {}
    for line in order.lines:
        amounts = products.setdefault(
            Total("product", line.product_id),
            {"units": Decimal(0), "revenue": Decimal(0), "orders": Decimal(0), "returns": Decimal(0)}
            | {count: Decimal(1)},
        )
        amounts["units"] = _EXACT.add(amounts["units"], Decimal(line.quantity))
        amounts["revenue"] = _EXACT.fma(Decimal(line.quantity), line.unit_price, amounts["revenue"])
    return products
