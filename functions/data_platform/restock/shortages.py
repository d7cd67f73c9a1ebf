"""When a product becomes short, decided from one record of the inventory's stream."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import fields
from stream_records import Change


@dataclass(frozen=True)
class Shortage:
    """A stock that fell below its reorder point, at the place in the stream that `sequence` is."""

    product_id: str
    sequence: str
    time: datetime
    on_hand: int
    reorder_point: int

    @property
    def quantity(self) -> int:
        """Units to order: they bring the stock to twice its reorder point."""
        return 2 * self.reorder_point - self.on_hand

    @property
    def request_id(self) -> str:
        """The same at every delivery of the record, and of no other record."""
        return hashlib.sha256(f"{self.sequence}/{self.product_id}".encode()).hexdigest()[:32]


def became_short(change: Change) -> Shortage | None:
    """The shortage that began with this change; None when none did.

    A stock that goes on falling is the same shortage still. A raised reorder point can begin one, and so does a
    new product that is short already. Before a change, an item that is no stock was not short.

    Raises MalformedError when the item is no stock.
    """
    if change.after is None:
        return None
    product_id = fields.identifier(change.after, "product_id")
    on_hand, reorder_point = _stock(change.after)
    if on_hand >= reorder_point or _was_short(change):
        return None
    return Shortage(product_id, change.sequence, change.time, on_hand, reorder_point)


def _was_short(change: Change) -> bool:
    if change.before is None:
        return False
    try:
        on_hand, reorder_point = _stock(change.before)
    except fields.MalformedError:
        return False
    return on_hand < reorder_point


def _stock(image: fields.Record) -> tuple[int, int]:
    on_hand, reorder_point = (_whole(image, name) for name in ("on_hand", "reorder_point"))
    if reorder_point < 0:
        raise fields.MalformedError("reorder_point is negative")
    return on_hand, reorder_point


def _whole(image: fields.Record, name: str) -> int:
    value = fields.present(image, name)
    if type(value) is not int:  # a bool is an int to isinstance
        raise fields.MalformedError(f"{name} is not a whole number")
    return value
