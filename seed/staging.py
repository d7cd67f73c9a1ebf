"""A file's accepted rows, staged in SQLite so that memory does not grow with the file.

The rows of an invoice need not stand together and the file need not be in time order: staged, events go out
by time, an invoice is one order, a product has its latest description, and opening stock is what the file
sells in all, so that every order can be met in whatever order the queue delivers.
"""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from seed import online_retail as uci
from seed import reasons
from seed.copied_file import CopiedFile, open_csv
from seed.csv_rows import Row, read_rows
from seed.dataset import Counts, Reading
from seed.dates import DateOrder, DateReading, DateSurvey
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
from stockroom.errors import StockroomError

Duplicates = Literal["keep", "drop"]

_BATCH = 5_000
_CONTENT = "invoice, product, description, quantity, time, price, customer, country"
_STAGED = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -8192;
CREATE TABLE staged (
    line INTEGER PRIMARY KEY, invoice TEXT, product TEXT, description TEXT, quantity INTEGER, time TEXT,
    price TEXT, customer TEXT, country TEXT );
"""
# `sales` holds the rows in time order, so that its rowid is that order; `number` counts the lines of an
# invoice.
_SORTED = (
    """CREATE TABLE sales AS
    SELECT *, row_number() OVER (PARTITION BY invoice ORDER BY line) AS number FROM staged ORDER BY time, line""",
    "DROP TABLE staged",
    "CREATE INDEX sales_by_invoice ON sales (invoice, number)",
    """CREATE TABLE invoices AS
    SELECT invoice, min(time) AS time, min(line) AS line, max(customer) AS customer
    FROM sales GROUP BY invoice ORDER BY 2, 3""",
    "CREATE TABLE catalogue AS SELECT product, sum(max(quantity, 0)) AS sold FROM sales GROUP BY product",
)
# SQLite takes the bare columns from the row that has the maximum. A row without a price ("damaged", "check")
# describes a product only where no row with a price does.
_PRODUCTS = """
SELECT described.product, described.description, priced.price FROM (
    SELECT product, description,
        max(rowid + 1000000000000 * CASE WHEN description = '' THEN 0 WHEN price = '0.00' THEN 1 ELSE 2 END)
    FROM sales GROUP BY product
) AS described JOIN (
    SELECT product, price, max(rowid + 1000000000000 * (price != '0.00')) FROM sales GROUP BY product
) AS priced USING (product)
"""
_CUSTOMERS = "SELECT customer, country, max(rowid) FROM sales WHERE customer != '' GROUP BY customer"
_EVENTS = """
SELECT line, time, invoice, number, product, description, quantity, price, customer, country
FROM sales ORDER BY rowid
"""
_STAGED_ORDER = """
SELECT invoice, time, customer, country, line, product, quantity, price FROM staged WHERE invoice = ? ORDER BY line
"""
_ORDERS = """
SELECT invoices.invoice, invoices.time, invoices.customer, country, number, product, quantity, price
FROM invoices CROSS JOIN sales USING (invoice) ORDER BY invoices.rowid, number
"""


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


@dataclass(frozen=True)
class Survey:
    """What the whole file tells before any row is taken."""

    columns: uci.Columns
    dates: DateReading
    rows: int


def survey(path: Path, asked: DateOrder | None, progress: Progress) -> Survey:
    """Raises StockroomError where the file is no Online Retail file or its dates are undecided."""
    columns, rows = read_header(path)
    dates = DateSurvey()
    count = 0
    progress.started("looking at dates", path.stat().st_size, "bytes")
    seen = 0  # characters: nearly bytes
    for row in rows:
        count += 1
        seen += len(row.text) + 1
        if len(row.cells) == columns.width:
            dates.add(row.line, row.cells[columns.date].strip())
        if not count % _BATCH:
            progress.advanced("looking at dates", seen)
            seen = 0
    progress.finished("looking at dates")
    return Survey(columns, dates.decide(asked, path.name), count)


def check_header(path: Path) -> None:
    """Raises StockroomError where the beginning of the file shows that it can't be seeded."""
    open_csv(path).close()
    read_header(path)


def read_header(path: Path) -> tuple[uci.Columns, Iterator[Row]]:
    """The columns and the rows below the header. Raises StockroomError where the file has no such header or rows."""
    rows = read_rows(path)
    header = next(rows, None)
    if header and header.text.lower().startswith("sep="):
        if header.text[4:] != ",":
            raise uci.other_separator(path.name, header.text[4:])
        header = next(rows, None)
    if header is None:
        raise StockroomError(f"{path} is empty", hint="give a CSV file in the shape of UCI Online Retail")
    columns = uci.find_columns(header.cells, path.name)
    first = next(rows, None)
    if first is None:
        raise StockroomError(f"{path} has a header line but no rows", hint="give a file that holds sales")
    return columns, chain([first], rows)


class StagedFile:
    """A UCI "Online Retail" file as a Dataset; see seed.dataset.

    Event ids are "<first 8 of the digest>-<line of the file>": the same at every seeding, and a way back to
    the row.
    """

    def __init__(self, copied: CopiedFile, surveyed: Survey, work_dir: Path, duplicates: Duplicates) -> None:
        path, digest = copied.path, copied.digest
        self.name = path.name
        self.digest = digest
        self.files = [path]
        self.event_prefix = digest[:8]
        self._copied = copied
        self._survey = surveyed
        self._duplicates = duplicates
        self._database = work_dir / f"staging-{digest[:16]}.sqlite"
        self._left_out_file = work_dir / f"left-out-{path.stem}-{digest[:8]}.csv"
        self.counts = Counts()
        self.reading = Reading(0, 0)

    def stage(self, progress: Progress) -> None:
        """Reads the file; afterwards `counts` and `reading` are known and the iterators work.

        Raises StockroomError where the disk is full or no row at all can be taken.
        """
        self._database.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(self._database)) as database:
                database.executescript(_STAGED)
                found = self._take_rows(database, progress)
                repeated = found.rejected[reasons.REPEATED] or _repeated_rows(database)
                self._reject_large_orders(database, found)
                _run(database, _SORTED, progress)
                self.counts = _count(database)
        except (sqlite3.Error, OSError) as error:
            raise StockroomError(
                f"{self.name} cannot be staged in {self._database.parent}: {error}",
                hint="make room on that disk and run it again",
            ) from error
        self.reading = Reading(
            rows_read=found.read,
            rows_accepted=found.read - found.left_out,
            set_aside=dict(found.set_aside.most_common()),
            rejected=dict(found.rejected.most_common()),
            repeated_rows=repeated,
            date_order=self._survey.dates.order,
            notes=tuple(self._notes(found)),
            left_out_file=self._left_out_file if found.left_out else None,
        )
        if not self.reading.rows_accepted:
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
            database.execute(f"CREATE UNIQUE INDEX once ON staged ({_CONTENT})")
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

    def _reject_large_orders(self, database: sqlite3.Connection, found: _Found) -> None:
        """An order is one message or none; the largest of UCI Online Retail takes a third of what it may."""
        # Nothing smaller than this estimate can be too large: the longest line takes 100 bytes and its
        # product.
        suspects = database.execute(
            "SELECT invoice FROM staged GROUP BY invoice HAVING sum(100 + 12 * length(product)) + 32000 > ?",
            (SQS_MESSAGE_BYTES,),
        ).fetchall()
        large: set[str] = set()
        for (invoice,) in suspects:
            lines = database.execute(_STAGED_ORDER, (invoice,)).fetchall()
            if len(to_json(_order(lines))) > SQS_MESSAGE_BYTES:
                large.add(invoice)
        if not large:
            return
        with self._left_out_file.open("a", encoding="utf-8", newline="") as file:
            left_out = csv.writer(file)
            for row in self._data_rows():
                staged = database.execute("SELECT invoice FROM staged WHERE line = ?", (row.line,)).fetchone()
                if staged and staged[0] in large:
                    found.add(Rejected(reasons.LARGE_ORDER))
                    left_out.writerow([row.line, reasons.LARGE_ORDER, row.text])
        database.executemany("DELETE FROM staged WHERE invoice = ?", [(invoice,) for invoice in large])

    def _data_rows(self) -> Iterator[Row]:
        return read_header(self._copied.path)[1]

    def products(self) -> Iterator[Product]:
        for product, description, price in self._select(_PRODUCTS):
            yield {
                "product_id": product,
                "description": description,
                "unit_price": price,
                "currency": CURRENCY,
            }

    def customers(self) -> Iterator[Customer]:
        for customer, country, _ in self._select(_CUSTOMERS):
            yield {"customer_id": customer, "country": country}

    def stores(self) -> Iterator[Store]:
        yield {"store_id": uci.STORE_ID, "name": "Online shop", "country": "United Kingdom"}

    def inventory(self) -> Iterator[Inventory]:
        for product, sold in self._select("SELECT product, sold FROM catalogue"):
            yield {"product_id": product, "on_hand": sold, "reorder_point": -(-sold // 10)}

    def orders(self) -> Iterator[Order]:
        lines: list[tuple[Any, ...]] = []
        for line in self._select(_ORDERS):
            if lines and lines[0][0] != line[0]:
                yield _order(lines)
                lines = []
            lines.append(line)
        if lines:
            yield _order(lines)

    def events(self) -> Iterator[SalesEvent]:
        for (
            line,
            time,
            invoice,
            number,
            product,
            description,
            quantity,
            price,
            customer,
            country,
        ) in self._select(_EVENTS):
            yield {
                "event_id": f"{self.event_prefix}-{line}",
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

    def check_unchanged(self) -> None:
        """Nobody else changes the copy."""

    def close(self) -> None:
        self._database.unlink(missing_ok=True)
        if not self.reading.left_out_file:
            self._left_out_file.unlink(missing_ok=True)

    def _select(self, query: str) -> Iterator[tuple[Any, ...]]:
        # A connection of its own for each iterator: the services are loaded from threads of their own.
        with closing(sqlite3.connect(f"{self._database.absolute().as_uri()}?mode=ro", uri=True)) as database:
            yield from database.execute(query)


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
        f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM staged GROUP BY {_CONTENT} HAVING n > 1)"  # noqa: S608 - a constant
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
