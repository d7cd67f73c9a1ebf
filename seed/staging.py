"""A file's accepted rows, staged in SQLite so that memory does not grow with the file.

The rows of an invoice need not stand together and the file need not be in time order: staged, events go out
by time, an invoice is one order, a product has its latest description, and opening stock is what the file
sells in all, so that every order can be met in whatever order the queue delivers.
"""

import csv
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from seed import online_retail as uci
from seed.csv_rows import Row, Scan, read_rows
from seed.dataset import Counts, Reading
from seed.dates import DateOrder, DateReading, DateSurvey
from seed.progress import Progress
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
_SORTED = """
CREATE TABLE sales AS
    SELECT *, row_number() OVER (PARTITION BY invoice ORDER BY line) AS number FROM staged ORDER BY time,
    line; DROP TABLE staged; CREATE INDEX sales_by_invoice ON sales (invoice, number); CREATE TABLE invoices
    AS SELECT invoice, min(time) AS time, min(line) AS line, max(customer) AS customer FROM sales GROUP BY
    invoice ORDER BY 2, 3; CREATE TABLE catalogue AS SELECT product, sum(max(quantity, 0)) AS sold FROM
    sales GROUP BY product;
"""
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


@dataclass(frozen=True)
class Survey:
    """What the whole file tells before any row is taken."""

    columns: uci.Columns
    dates: DateReading
    rows: int


def survey(path: Path, scan: Scan, asked: DateOrder | None) -> Survey:
    """Raises StockroomError where the file is no Online Retail file or its dates are undecided."""
    columns, rows = read_header(path, scan)
    dates = DateSurvey()
    count = 0
    for row in rows:
        count += 1
        if len(row.cells) == columns.width:
            dates.add(row.line, row.cells[columns.date].strip())
    return Survey(columns, dates.decide(asked, path.name), count)


def read_header(path: Path, scan: Scan) -> tuple[uci.Columns, Iterator[Row]]:
    """The columns and the rows below the header. Raises StockroomError where the file has no such header or rows."""
    rows = read_rows(path, scan.encoding)
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

    def __init__(self, path: Path, scan: Scan, surveyed: Survey, work_dir: Path, duplicates: Duplicates) -> None:
        self.name = path.name
        self.digest = scan.digest
        self.files = [path]
        self.event_prefix = scan.digest[:8]
        self._scan = scan
        self._survey = surveyed
        self._duplicates = duplicates
        self._database = work_dir / f"staging-{scan.digest[:16]}.sqlite"
        self._rejected_file = work_dir / f"rejected-{path.stem}-{scan.digest[:8]}.csv"
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
                rejected, rows = self._take_rows(database, progress)
                repeated = rejected[uci.REPEATED] or _repeated_rows(database)
                rejected += self._reject_large_orders(database)
                database.executescript(_SORTED)
                database.commit()
                self.counts = _count(database)
        except (sqlite3.Error, OSError) as error:
            raise StockroomError(
                f"{self.name} cannot be staged in {self._database.parent}: {error}",
                hint="make room on that disk and run it again",
            ) from error
        encoding = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with a byte order mark"}.get(
            self._scan.encoding, "Latin-1 (not all of it is UTF-8)"
        )
        self.reading = Reading(
            rows_read=rows,
            rows_accepted=rows - sum(rejected.values()),
            rejected={reason: n for reason, n in rejected.most_common() if n},
            repeated_rows=repeated,
            date_order=self._survey.dates.order,
            notes=(str(self._survey.dates), f"text read as {encoding}"),
            rejected_file=self._rejected_file if sum(rejected.values()) else None,
        )
        if not self.reading.rows_accepted:
            reason, n = rejected.most_common(1)[0]
            raise StockroomError(
                f"{self.name}: none of its {rows} rows can be taken ({n} of them: {reason})",
                hint=f"see {self._rejected_file}",
            )

    def _take_rows(self, database: sqlite3.Connection, progress: Progress) -> tuple[Counter[str], int]:
        columns, order = self._survey.columns, self._survey.dates.order
        reasons: Counter[str] = Counter()
        read = 0
        if self._duplicates == "drop":
            database.execute(f"CREATE UNIQUE INDEX once ON staged ({_CONTENT})")
        insert = "INSERT OR IGNORE INTO staged VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        progress.started("reading", self._survey.rows, "records")
        with self._rejected_file.open("w", encoding="utf-8", newline="") as file:
            rejected = csv.writer(file)
            rejected.writerow(["line", "reason", "row"])
            sales: list[tuple[Any, ...]] = []
            for row in self._data_rows():
                read += 1
                try:
                    sale = _as_tuple(uci.read_sale(row, columns, order))
                    if self._duplicates == "keep":
                        sales.append(sale)
                    elif not database.execute(insert, sale).rowcount:
                        raise uci.Rejected(uci.REPEATED)
                except uci.Rejected as rejection:
                    reasons[rejection.reason] += 1
                    rejected.writerow([row.line, rejection.reason, row.text])
                if not read % _BATCH:
                    database.executemany(insert, sales)
                    sales.clear()
                    progress.advanced("reading", _BATCH)
            database.executemany(insert, sales)
        progress.advanced("reading", read % _BATCH)
        progress.finished("reading")
        return reasons, read

    def _reject_large_orders(self, database: sqlite3.Connection) -> Counter[str]:
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
        reasons: Counter[str] = Counter()
        if not large:
            return reasons
        with self._rejected_file.open("a", encoding="utf-8", newline="") as file:
            rejected = csv.writer(file)
            for row in self._data_rows():
                staged = database.execute("SELECT invoice FROM staged WHERE line = ?", (row.line,)).fetchone()
                if staged and staged[0] in large:
                    reasons[uci.ORDER_TOO_LARGE] += 1
                    rejected.writerow([row.line, uci.ORDER_TOO_LARGE, row.text])
        database.executemany("DELETE FROM staged WHERE invoice = ?", [(invoice,) for invoice in large])
        return reasons

    def _data_rows(self) -> Iterator[Row]:
        rows = read_rows(self.files[0], self._scan.encoding)
        next(rows)
        return rows

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

    def close(self) -> None:
        self._database.unlink(missing_ok=True)
        if not self.reading.rejected:
            self._rejected_file.unlink(missing_ok=True)

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
