"""How an order moves stock: which transaction comes next, decided from the order as stored and nothing else.

An order of up to 99 products is one transaction. A larger one is a sequence of them, and the stored order
itself says how far it has come: `moved` products, counted in the order of `Order.quantities`, have had
their stock moved. Every step changes that count and exactly those stocks in one transaction, which holds
only if the count is still the one the step started from. So a step happens once or not at all, whoever
tries it and however often, and at any moment

    stock on hand + stock taken by the orders as they say themselves = stock that there was

        (none) ── reserving ── fulfilled          a short product in a later step:
          │           └── releasing ── backordered
          ├── backordered                         a short product in the first step
          └── returning ── returned
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from order_message import Order

PRODUCTS_PER_STEP = 99  # a DynamoDB transaction takes 100 items, and the order is one of them

Status = Literal["reserving", "releasing", "returning", "fulfilled", "backordered", "returned"]
FINAL: frozenset[Status] = frozenset({"fulfilled", "backordered", "returned"})

_STATUS: dict[tuple[str, bool], Status] = {
    ("order", False): "reserving",
    ("order", True): "fulfilled",
    ("return", False): "returning",
    ("return", True): "returned",
}


@dataclass(frozen=True)
class Shortage:
    """A product that was wanted beyond its stock."""

    product_id: str
    wanted: int
    on_hand: int


@dataclass(frozen=True)
class StoredOrder:
    """An order as in the table; while it is under way, `moved` counts the products whose stock is moved."""

    order: Order
    status: Status
    moved: int
    shortages: tuple[Shortage, ...] = ()


@dataclass(frozen=True)
class Step:
    """One transaction: from `before` (None: no such order) to `after`, with `moves` added to the stocks."""

    before: StoredOrder | None
    after: StoredOrder
    moves: dict[str, int]


def next_step(order: Order, stored: StoredOrder | None, shortages: Sequence[Shortage] = ()) -> Step | None:
    """What to do next for a message's `order`, or None when it is done.

    `stored` is the order as in the table. It counts, not the message: the first message with an order's id
    wins. `shortages` are those that the last attempted step met: what is taken goes back, and the order
    waits.
    """
    if stored is None:
        if shortages:
            return Step(None, StoredOrder(order, "backordered", 0, tuple(shortages)), {})
        return _forward(order, None, 0)
    if stored.status in FINAL:
        return None
    if shortages or stored.status == "releasing":
        return _back(stored, stored.shortages or tuple(shortages))
    return _forward(stored.order, stored, stored.moved)


def _forward(order: Order, stored: StoredOrder | None, start: int) -> Step:
    end = min(start + PRODUCTS_PER_STEP, len(order.quantities))
    done = end == len(order.quantities)
    moves = {product: -quantity for product, quantity in islice(order.quantities.items(), start, end)}
    return Step(stored, StoredOrder(order, _STATUS[order.kind, done], end), moves)


def _back(stored: StoredOrder, shortages: tuple[Shortage, ...]) -> Step:
    start = max(stored.moved - PRODUCTS_PER_STEP, 0)
    moves = dict(islice(stored.order.quantities.items(), start, stored.moved))
    after = StoredOrder(stored.order, "releasing" if start else "backordered", start, shortages)
    return Step(stored, after, moves)
