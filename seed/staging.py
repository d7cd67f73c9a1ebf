"""A file's accepted rows, staged in SQLite so that memory does not grow with the file.

The rows of an invoice need not stand together and the file need not be in time order: staged, events go out
by time, an invoice is one order, a product has its latest description, and the stock that it brings is what the file
sells in all, so that every order can be met in whatever order the queue delivers. What the platform holds from other
files is left out.
"""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from seed import online_retail as uci
from seed import reasons
from seed.copied_file import CopiedFile
from seed.csv_rows import Row
from seed.dataset import Counts, Reading
from seed.invoices import ContentDigest, Held
from seed.progress import Progress
from seed.reasons import NotTaken, Rejected, SetAside
from seed.record_rules import PRICE_DECIMALS
from seed.records import (
    CURRENCY,
    SQS_MESSAGE_BYTES,
    Customer,
    Inventory,
    Order,
    OrderLine,
    Product,
    SalesEvent,
    Store,
    to_json,
)
from seed.staging_tables import (
    CONTENT,
    CONTENTS,
    CUSTOMERS,
    EVENTS,
    HELD,
    ORDERS,
    PRODUCTS,
    SORTED,
    STAGED,
    STAGED_ORDER,
    Numbers,
)
from seed.survey import Survey, read_header
from stockroom.errors import StockroomError

Duplicates = Literal["keep", "drop"]

_BATCH = 5_000


@dataclass
class _Found:
    """What became of the rows that were read."""

    read: int = 0
    rounded: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    set_aside: Counter[str] = field(default_factory=Counter)

    def add(self, why: NotTaken) -> None:
        (self.set_aside if isinstance(why, SetAside) else self.rejected)[why.reason] += 1

    @property
    def left_out(self) -> int:
        return self.rejected.total() + self.set_aside.total()


class StagedFile:
    """A UCI "Online Retail" file as a Dataset; see seed.dataset.

    Event ids are "<digest of the invoice>-<place of the line in it>": the same from whatever file the invoice comes.
    """

    event_prefix: str | None = None

    def __init__(self, copied: CopiedFile, surveyed: Survey, work_dir: Path, duplicates: Duplicates) -> None:
        path, digest = copied.path, copied.digest
        self.name = path.name
        self.digest = digest
        self.files = [path]
        self._copied = copied
        self._survey = surveyed
        self._duplicates = duplicates
        self._database = work_dir / f"staging-{digest[:16]}.sqlite"
        self._left_out_file = work_dir / f"left-out-{path.stem}-{digest[:8]}.csv"
        self.counts = Counts()
        self.reading = Reading(0, 0)
        self._numbers = Numbers(self._database)

    def stage(self, progress: Progress, held: Iterable[Held] = ()) -> None:
        """Reads the file; afterwards `counts` and `reading` are known and the iterators work.

        Invoices that are `held` from elsewhere are left out. Raises StockroomError where the disk is full or no row
        at all can be taken.
        """
        self._database.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(self._database)) as database:
                database.executescript(STAGED)
                found = self._take_rows(database, progress)
                self._reject(database, _large_orders(database), reasons.LARGE_ORDER, found)
                self._leave_out_held(database, held, found)
                repeated = found.rejected[reasons.REPEATED] or _repeated_rows(database)
                _run(database, SORTED, progress)
                self.counts = _count(database)
        except (sqlite3.Error, OSError) as error:
            raise StockroomError(
                f"{self.name} cannot be staged in {self._database.parent}: {error}",
                hint="make room on that disk and run it again",
            ) from error
        self.reading = Reading(
            rows_read=found.read,
            rows_accepted=found.read - found.left_out,
            set_aside={reason: n for reason, n in found.set_aside.most_common() if n},
            rejected={reason: n for reason, n in found.rejected.most_common() if n},
            repeated_rows=repeated,
            date_order=self._survey.dates.order,
            notes=tuple(self._notes(found)),
            left_out_file=self._left_out_file if found.left_out > found.set_aside[reasons.HELD] else None,
        )
        if not self.reading.rows_accepted and not found.set_aside[reasons.HELD]:
            reason, n = (found.rejected + found.set_aside).most_common(1)[0]
            raise StockroomError(
                f"{self.name}: none of its {found.read} rows can be taken ({n} of them: {reason})",
                hint=f"see {self._left_out_file}",
            )

    def _notes(self, found: _Found) -> Iterator[str]:
        yield str(self._survey.dates)
        odd = "" if self._copied.is_utf8 else ", and what is none as Windows-1252 (Latin-1)"
        yield f"text read as UTF-8{odd}"
        if found.rounded:
            yield f"{found.rounded:,} computed prices were rounded to {PRICE_DECIMALS} decimals"

    def _take_rows(self, database: sqlite3.Connection, progress: Progress) -> _Found:
        columns, order = self._survey.columns, self._survey.dates.order
        found = _Found()
        if self._duplicates == "drop":
            database.execute(f"CREATE UNIQUE INDEX once ON staged ({CONTENT})")
        insert = "INSERT OR IGNORE INTO staged VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        progress.started("reading", self._survey.rows, "records")
        with self._left_out_file.open("w", encoding="utf-8", newline="") as file:
            left_out = csv.writer(file)
            left_out.writerow(["line", "reason", "row"])
            sales: list[tuple[Any, ...]] = []
            for row in self._data_rows():
                found.read += 1
                try:
                    sale = uci.read_sale(row, columns, order)
                    if self._duplicates == "keep":
                        sales.append(_as_tuple(sale))
                    elif not database.execute(insert, _as_tuple(sale)).rowcount:
                        raise Rejected(reasons.REPEATED)
                    found.rounded += sale.rounded
                except NotTaken as why:
                    found.add(why)
                    left_out.writerow([row.line, why.reason, row.text])
                if not found.read % _BATCH:
                    database.executemany(insert, sales)
                    sales.clear()
                    progress.advanced("reading", _BATCH)
            database.executemany(insert, sales)
        progress.advanced("reading", found.read % _BATCH)
        progress.finished("reading")
        return found

    def _leave_out_held(self, database: sqlite3.Connection, held: Iterable[Held], found: _Found) -> None:
        database.create_aggregate("digest", 1, ContentDigest)  # type: ignore[arg-type]
        database.executescript(CONTENTS)
        database.execute("CREATE TABLE held (invoice TEXT, digest TEXT, loaded INTEGER)")
        database.executemany("INSERT INTO held VALUES (?, ?, ?)", held)
        differs = dict(database.execute(HELD).fetchall())
        self._reject(database, {invoice for invoice in differs if differs[invoice]}, reasons.OTHER_CONTENT, found)
        same = [(invoice,) for invoice in differs if not differs[invoice]]
        found.set_aside[reasons.HELD] += database.executemany("DELETE FROM staged WHERE invoice = ?", same).rowcount

    def _reject(self, database: sqlite3.Connection, invoices: set[str], reason: str, found: _Found) -> None:
        """Rejects all rows of the invoices."""
        if not invoices:
            return
        with self._left_out_file.open("a", encoding="utf-8", newline="") as file:
            left_out = csv.writer(file)
            for row in self._data_rows():
                staged = database.execute("SELECT invoice FROM staged WHERE line = ?", (row.line,)).fetchone()
                if staged and staged[0] in invoices:
                    found.add(Rejected(reason))
                    left_out.writerow([row.line, reason, row.text])
        database.executemany("DELETE FROM staged WHERE invoice = ?", [(invoice,) for invoice in invoices])

    def _data_rows(self) -> Iterator[Row]:
        return read_header(self._copied.path)[1]

    def products(self) -> Iterator[Product]:
        for product, description, price in self._select(PRODUCTS):
            yield {
                "product_id": product,
                "description": description,
                "unit_price": price,
                "currency": CURRENCY,
            }

    def customers(self) -> Iterator[Customer]:
        for customer, country, _ in self._select(CUSTOMERS):
            yield {"customer_id": customer, "country": country}

    def stores(self) -> Iterator[Store]:
        yield {"store_id": uci.STORE_ID, "name": "Online shop", "country": "United Kingdom"}

    def inventory(self) -> Iterator[Inventory]:
        for product, sold in self._select("SELECT product, sold FROM catalogue"):
            yield {"product_id": product, "on_hand": sold, "reorder_point": -(-sold // 10)}

    def orders(self) -> Iterator[Order]:
        lines: list[tuple[Any, ...]] = []
        for line in self._select(ORDERS):
            if lines and lines[0][0] != line[0]:
                yield _order(lines)
                lines = []
            lines.append(line)
        if lines:
            yield _order(lines)

    def events(self) -> Iterator[SalesEvent]:
        for (
            event_id,
            time,
            invoice,
            number,
            product,
            description,
            quantity,
            price,
            customer,
            country,
        ) in self._select(EVENTS):
            yield {
                "event_id": event_id,
                "event_time": time,
                "order_id": invoice,
                "line": number,
                "product_id": product,
                "description": description,
                "quantity": quantity,
                "unit_price": price,
                "currency": CURRENCY,
                "customer_id": customer or None,
                "store_id": uci.STORE_ID,
                "country": country,
            }

    def invoices(self) -> Iterator[tuple[str, str]]:
        return self._select("SELECT invoice, digest FROM invoices ORDER BY rowid")

    def number_of(self, event_id: str) -> int | None:
        return self._numbers.number_of(event_id)

    def check_unchanged(self) -> None:
        """Nobody else changes the copy."""

    def close(self) -> None:
        self._numbers.close()
        self._database.unlink(missing_ok=True)
        if not self.reading.left_out_file:
            self._left_out_file.unlink(missing_ok=True)

    def _select(self, query: str) -> Iterator[tuple[Any, ...]]:
        # A connection of its own for each iterator: the services are loaded from threads of their own.
        with closing(sqlite3.connect(f"{self._database.absolute().as_uri()}?mode=ro", uri=True)) as database:
            yield from database.execute(query)


def _large_orders(database: sqlite3.Connection) -> set[str]:
    """An order is one message or none; the largest of UCI Online Retail takes a third of what it may."""
    # Nothing smaller than this estimate can be too large: the longest line takes 100 bytes and its product.
    suspects = database.execute(
        "SELECT invoice FROM staged GROUP BY invoice HAVING sum(100 + 12 * length(product)) + 32000 > ?",
        (SQS_MESSAGE_BYTES,),
    ).fetchall()
    return {
        invoice
        for (invoice,) in suspects
        if len(to_json(_order(database.execute(STAGED_ORDER, (invoice,)).fetchall()))) > SQS_MESSAGE_BYTES
    }


def _as_tuple(sale: uci.Sale) -> tuple[Any, ...]:
    return (
        sale.line,
        sale.invoice,
        sale.product,
        sale.description,
        sale.quantity,
        sale.time,
        sale.price,
        sale.customer,
        sale.country,
    )


def _order(lines: list[tuple[Any, ...]]) -> Order:
    """One order of rows (invoice, time, customer, country, number, product, quantity, price).

    Its time and country are those of its first line, its customer the one that any of its lines names.
    """
    invoice, time, customer, country, *_ = lines[0]
    return {
        "order_id": invoice,
        "order_time": time,
        "customer_id": customer or None,
        "store_id": uci.STORE_ID,
        "country": country,
        "currency": CURRENCY,
        "lines": [_order_line(number, line) for number, line in enumerate(lines, start=1)],
    }


def _order_line(number: int, line: tuple[Any, ...]) -> OrderLine:
    *_, product, quantity, price = line
    return {"line": number, "product_id": product, "quantity": quantity, "unit_price": price}


def _run(database: sqlite3.Connection, statements: Sequence[str], progress: Progress) -> None:
    progress.started("sorting", len(statements), "records")
    for statement in statements:
        database.execute(statement)
        progress.advanced("sorting", 1)
    database.commit()
    progress.finished("sorting")


def _repeated_rows(database: sqlite3.Connection) -> int:
    (repeated,) = database.execute(
        f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM staged GROUP BY {CONTENT} HAVING n > 1)"  # noqa: S608 - a constant
    ).fetchone()
    return int(repeated)


def _count(database: sqlite3.Connection) -> Counts:
    def one(query: str) -> int:
        return int(database.execute(query).fetchone()[0])

    products = one("SELECT count(*) FROM catalogue")
    invoices = one("SELECT count(*) FROM invoices")
    returns = one("SELECT count(*) FROM invoices WHERE substr(invoice, 1, 1) = 'C'")
    return Counts(
        products=products,
        customers=one("SELECT count(DISTINCT customer) FROM sales WHERE customer != ''"),
        stores=1,
        inventory=products,
        orders=invoices - returns,
        returns=returns,
        events=one("SELECT count(*) FROM sales"),
    )
