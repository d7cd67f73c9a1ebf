"""A directory of records in JSON Lines, as fixtures/generate.py writes it."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seed import SAMPLE_DIR
from seed.dataset import Counts, Reading
from seed.records import Customer, Inventory, Order, Product, SalesEvent, Store, is_return
from stockroom.errors import StockroomError

_NAMES = ("products", "customers", "stores", "inventory", "orders", "sales_events")


class RecordsDirectory:
    """The committed sample, or anything that the generator made; see seed.dataset for the interface.

    Raises StockroomError where a file is missing, unreadable or not JSON Lines.
    """

    def __init__(self, directory: Path) -> None:
        self.name = "sample" if directory == SAMPLE_DIR else directory.resolve().name
        self.files = [directory / f"{name}.jsonl" for name in _NAMES]
        self._directory = directory
        self._states: dict[Path, tuple[int, int]] = {}
        digest = hashlib.sha256()
        lines = dict.fromkeys(_NAMES, 0)
        for name, file in zip(_NAMES, self.files, strict=True):
            try:
                digest.update(f"{name}\0{file.stat().st_size}\0".encode())
                self._states[file] = _state(file)
                with file.open("rb") as content:
                    for line in content:
                        digest.update(line)
                        lines[name] += bool(line.strip())
            except OSError as error:
                raise StockroomError(
                    f"{file} cannot be read: {error.strerror or error}",
                    hint="a directory to seed holds " + ", ".join(f"{name}.jsonl" for name in _NAMES),
                ) from error
        self.digest = digest.hexdigest()
        returns = sum(is_return(order["order_id"]) for order in self.orders())
        self.counts = Counts(
            products=lines["products"],
            customers=lines["customers"],
            stores=lines["stores"],
            inventory=lines["inventory"],
            orders=lines["orders"] - returns,
            returns=returns,
            events=lines["sales_events"],
        )
        self.reading = Reading(rows_read=self.counts.events, rows_accepted=self.counts.events)
        first = next(self.events(), None)
        self.event_prefix: str | None = first["event_id"].rpartition("-")[0] if first else ""

    def products(self) -> Iterator[Product]:
        return self._records("products")

    def customers(self) -> Iterator[Customer]:
        return self._records("customers")

    def stores(self) -> Iterator[Store]:
        return self._records("stores")

    def inventory(self) -> Iterator[Inventory]:
        return self._records("inventory")

    def orders(self) -> Iterator[Order]:
        return self._records("orders")

    def events(self) -> Iterator[SalesEvent]:
        return self._records("sales_events")

    def invoices(self) -> Iterator[tuple[str, str]]:
        """None: the ids of events have a prefix."""
        return iter(())

    def number_of(self, event_id: str) -> int | None:
        prefix, _, digits = event_id.rpartition("-")
        if prefix != self.event_prefix or len(digits) > 12 or not (digits.isascii() and digits.isdigit()):
            return None
        return int(digits)

    def check_unchanged(self) -> None:
        for file, state in self._states.items():
            if not file.exists() or _state(file) != state:
                raise StockroomError(
                    f"{file} changed while it was loaded: parts of two datasets may be in the platform",
                    hint="seed a fresh platform: invoke infra-down && invoke infra-up",
                )

    def close(self) -> None:
        """Nothing was staged."""

    def _records(self, name: str) -> Iterator[Any]:
        path = self._directory / f"{name}.jsonl"
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    try:
                        yield json.loads(line)
                    except ValueError as error:
                        raise StockroomError(f"{path}, line {number} is not JSON: {error}") from error


def _state(file: Path) -> tuple[int, int]:
    """What changes with a file's content. Raises OSError."""
    info = file.stat()
    return info.st_size, info.st_mtime_ns
