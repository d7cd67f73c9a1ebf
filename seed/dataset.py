"""What the loaders need of a dataset, wherever its records come from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from seed.records import Customer, Inventory, Order, Product, SalesEvent, Store


@dataclass(frozen=True)
class Counts:
    """How many records a dataset holds; `orders` are those that are not returns."""

    products: int = 0
    customers: int = 0
    stores: int = 0
    inventory: int = 0
    orders: int = 0
    returns: int = 0
    events: int = 0

    @property
    def messages(self) -> int:
        return self.orders + self.returns


@dataclass(frozen=True)
class Reading:
    """What became of a dataset's rows: rows_read == rows_accepted + the sums of `set_aside` and of `rejected`.

    What is set aside is right and not loaded, such as adjustments; what is rejected should have been a sale.
    """

    rows_read: int
    rows_accepted: int
    set_aside: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    repeated_rows: int = 0
    date_order: str | None = None
    notes: tuple[str, ...] = ()
    left_out_file: Path | None = None


class Dataset(Protocol):
    """Records to seed. Each iterator starts anew at each call and holds one record in memory at a time.

    Orders and events come in time order. Order ids are unique within a dataset only: of two datasets that
    use the same order id, the platform keeps the order that arrives first, as it does for a repeated
    message.
    """

    name: str
    digest: str  # SHA-256 of the content, hexadecimal
    files: list[Path]
    event_prefix: str | None  # every event_id is "<event_prefix>-<whole number>"; None: see `invoices`
    counts: Counts
    reading: Reading

    def products(self) -> Iterator[Product]: ...
    def customers(self) -> Iterator[Customer]: ...
    def stores(self) -> Iterator[Store]: ...
    def inventory(self) -> Iterator[Inventory]: ...
    def orders(self) -> Iterator[Order]: ...
    def events(self) -> Iterator[SalesEvent]: ...
    def invoices(self) -> Iterator[tuple[str, str]]:
        """The number of each invoice and the digest of its lines, with which the ids of its events begin."""

    def number_of(self, event_id: str) -> int | None:
        """A whole number of the dataset's own for each of its events, no larger than needed; None for other events."""

    def check_unchanged(self) -> None:
        """Raises StockroomError where the records may be of two moments."""

    def close(self) -> None: ...
