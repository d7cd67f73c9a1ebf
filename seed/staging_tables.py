"""The tables in which a sales file is staged, and what is asked of them."""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from pathlib import Path
from threading import Lock

from seed.invoices import DIGITS

CONTENT = "invoice, product, description, quantity, time, price, customer, country"
LINE = "product, quantity, time, price, customer, country"  # what makes an invoice's line what it is
_TEXT_OF_A_LINE = f"invoice, {LINE}".replace(", ", " || char(31) || ")  # in SQL: that is faster than in Python
STAGED = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -8192;
CREATE TABLE staged (
    line INTEGER PRIMARY KEY, invoice TEXT, product TEXT, description TEXT, quantity INTEGER, time TEXT,
    price TEXT, customer TEXT, country TEXT );
"""
CONTENTS = f"""
CREATE TABLE contents AS SELECT invoice, digest({_TEXT_OF_A_LINE}) AS digest FROM staged GROUP BY invoice;
CREATE UNIQUE INDEX contents_by_invoice ON contents (invoice);
"""  # noqa: S608 - constants
HELD = """
SELECT invoice, max(held.digest != contents.digest) AS differs FROM contents JOIN held USING (invoice)
GROUP BY invoice HAVING differs OR max(loaded)
"""
# `sales` holds the rows in time order, so that its rowid is that order; `number` counts the lines of an invoice as they
# stand in the file, and `place` in an order that is the same in whatever order a file has them.
SORTED = (
    f"""CREATE TABLE sales AS
    SELECT *, row_number() OVER (PARTITION BY invoice ORDER BY line) AS number,
        row_number() OVER (PARTITION BY invoice ORDER BY {LINE}, description, line) AS place
    FROM staged ORDER BY time, line""",  # noqa: S608 - a constant
    "DROP TABLE staged",
    "CREATE INDEX sales_by_invoice ON sales (invoice, number)",
    # `before` are the lines of the invoices before this one.
    """CREATE TABLE invoices AS
    SELECT invoice, time, customer, digest, sum(lines) OVER (ORDER BY time, line) - lines AS before
    FROM (
        SELECT invoice, min(time) AS time, min(line) AS line, max(customer) AS customer, count(*) AS lines
        FROM sales GROUP BY invoice
    ) JOIN contents USING (invoice) ORDER BY time, line""",
    "CREATE INDEX invoices_by_invoice ON invoices (invoice)",
    "CREATE INDEX invoices_by_digest ON invoices (digest)",
    "CREATE TABLE catalogue AS SELECT product, sum(max(quantity, 0)) AS sold FROM sales GROUP BY product",
)
# SQLite takes the bare columns from the row that has the maximum. A row without a price ("damaged", "check")
# describes a product only where no row with a price does.
PRODUCTS = """
SELECT described.product, described.description, priced.price FROM (
    SELECT product, description,
        max(rowid + 1000000000000 * CASE WHEN description = '' THEN 0 WHEN price = '0.00' THEN 1 ELSE 2 END)
    FROM sales GROUP BY product
) AS described JOIN (
    SELECT product, price, max(rowid + 1000000000000 * (price != '0.00')) FROM sales GROUP BY product
) AS priced USING (product)
"""
CUSTOMERS = "SELECT customer, country, max(rowid) FROM sales WHERE customer != '' GROUP BY customer"
EVENTS = """
SELECT digest || '-' || place, sales.time, invoice, number, product, description, quantity, price, sales.customer,
    country
FROM sales CROSS JOIN invoices USING (invoice) ORDER BY sales.rowid
"""
STAGED_ORDER = """
SELECT invoice, time, customer, country, line, product, quantity, price FROM staged WHERE invoice = ? ORDER BY line
"""
ORDERS = """
SELECT invoices.invoice, invoices.time, invoices.customer, country, number, product, quantity, price
FROM invoices CROSS JOIN sales USING (invoice) ORDER BY invoices.rowid, number
"""


class Numbers:
    """Whole numbers for the ids of events: the place of each among all lines of all invoices."""

    def __init__(self, database: Path) -> None:
        self._path = database
        self._lock = Lock()  # several threads of a loader ask
        self._database: sqlite3.Connection | None = None
        self._before = lru_cache(1024)(self._look_up)  # events of an invoice mostly come together

    def number_of(self, event_id: str) -> int | None:
        digest, _, place = event_id.partition("-")
        if len(digest) != DIGITS or not (place.isascii() and place.isdigit() and len(place) < DIGITS):
            return None
        with self._lock:
            before = self._before(digest)
        return None if before is None else before + int(place)

    def close(self) -> None:
        if self._database:
            self._database.close()

    def _look_up(self, digest: str) -> int | None:
        if self._database is None:
            self._database = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False
            )
        found = self._database.execute("SELECT before FROM invoices WHERE digest = ?", (digest,)).fetchone()
        return None if found is None else int(found[0])
