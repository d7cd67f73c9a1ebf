"""The UCI "Online Retail" file, in the shapes in which it circulates, one row at a time.

Columns are found by name, whatever their order and case: InvoiceNo or Invoice, StockCode, Description,
Quantity, InvoiceDate, UnitPrice or Price, CustomerID or Customer ID, Country. Other columns are left alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from seed.csv_rows import Row
from seed.dates import DateOrder, parse_date
from seed.records import is_return, money
from stockroom.errors import StockroomError

STORE_ID = "online"
UNKNOWN_COUNTRY = "Unspecified"  # the word that the data set itself uses

WRONG_COLUMNS = "wrong number of columns"
UNCLOSED_QUOTE = "a quote that is never closed"
NO_INVOICE = "no invoice number"
NO_PRODUCT = "no product"
BAD_QUANTITY = "quantity is not a whole number"
ZERO_QUANTITY = "quantity is zero"
STOCK_ADJUSTMENT = "stock adjustment: negative quantity on an invoice without C"
POSITIVE_ON_RETURN = "positive quantity on a C invoice"
BAD_PRICE = "price is not a number"
NEGATIVE_PRICE = "price is negative"
BAD_DATE = "date cannot be read"
ORDER_TOO_LARGE = "order is larger than a queue message may be"
REPEATED = "repeats an earlier row"
TOO_LONG = "a cell is too long"

MAX_CELL = 1_000  # characters
MAX_ID = 128  # characters, so that every identifier fits a DynamoDB key and a Kinesis partition key

_COLUMNS = {
    "invoice": ("invoiceno", "invoice"),
    "product": ("stockcode",),
    "description": ("description",),
    "quantity": ("quantity",),
    "date": ("invoicedate",),
    "price": ("unitprice", "price"),
    "customer": ("customerid",),
    "country": ("country",),
}
_WRITTEN = {
    "invoice": "InvoiceNo",
    "product": "StockCode",
    "description": "Description",
    "quantity": "Quantity",
    "date": "InvoiceDate",
    "price": "UnitPrice",
    "customer": "CustomerID",
    "country": "Country",
}
_WHOLE = re.compile(r"([+-]?[0-9]{1,9})(?:\.0*)?")
_FLOAT_ID = re.compile(r"([0-9]+)\.0+")
_AMOUNT = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(?:[eE][+-]?[0-9]{1,2})?")
_MOST = Decimal(10**9)
_FINEST = Decimal("0.000001")


class Rejected(Exception):  # noqa: N818 - expected, and counted
    """A row is no sale; `reason` is one of the texts above."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Columns:
    """Where each column stands in a row, and how many cells a row has."""

    width: int
    invoice: int
    product: int
    description: int
    quantity: int
    date: int
    price: int
    customer: int
    country: int


@dataclass(frozen=True, slots=True)
class Sale:
    """One accepted row; `customer` is "" where the file names none."""

    line: int
    invoice: str
    product: str
    description: str
    quantity: int
    time: str
    price: str
    customer: str
    country: str


def find_columns(header: Sequence[str], name: str) -> Columns:
    """Raises StockroomError, naming what is missing, where this is no header of the file called `name`."""
    seen = [re.sub(r"[\s_]", "", cell).lower() for cell in header]
    places: dict[str, int] = {}
    missing: list[str] = []
    for column, spellings in _COLUMNS.items():
        at = [place for place, cell in enumerate(seen) if cell in spellings]
        if len(at) > 1:
            raise StockroomError(
                f"{name}: two columns could be {_WRITTEN[column]}: "
                + " and ".join(header[place].strip() for place in at),
                hint="take one of them out",
            )
        if at:
            places[column] = at[0]
        else:
            missing.append(_WRITTEN[column])
    if missing:
        if len(header) == 1 and (found := re.search(r"[;\t|]", header[0])):
            separator = "tabs" if found.group() == "\t" else f"'{found.group()}'"
            raise StockroomError(
                f"{name}: the columns are separated by {separator}, not by commas",
                hint="save the file as CSV with commas",
            )
        raise StockroomError(
            f"{name} is not an Online Retail file: its first line has no column {', '.join(missing)}",
            hint=f"the first line must name the columns {', '.join(_WRITTEN.values())}, in any order",
        )
    return Columns(width=len(header), **places)


def read_sale(row: Row, columns: Columns, order: DateOrder | None) -> Sale:
    """The row as a sale; raises Rejected where it is none."""
    cells = row.cells
    if row.unclosed:
        raise Rejected(UNCLOSED_QUOTE)
    if len(cells) != columns.width:
        raise Rejected(WRONG_COLUMNS)
    invoice = _plain_id(cells[columns.invoice]).upper()
    product = cells[columns.product].strip()
    customer = _plain_id(cells[columns.customer])
    if not invoice:
        raise Rejected(NO_INVOICE)
    if not product:
        raise Rejected(NO_PRODUCT)
    if max(map(len, cells)) > MAX_CELL or max(map(len, (invoice, product, customer))) > MAX_ID:
        raise Rejected(TOO_LONG)
    quantity = _quantity(cells[columns.quantity])
    if is_return(invoice) and quantity > 0:
        raise Rejected(POSITIVE_ON_RETURN)
    if quantity < 0 and not is_return(invoice):
        raise Rejected(STOCK_ADJUSTMENT)
    price = _price(cells[columns.price])
    time = parse_date(cells[columns.date].strip(), order)
    if time is None:
        raise Rejected(BAD_DATE)
    return Sale(
        line=row.line,
        invoice=invoice,
        product=product,
        description=cells[columns.description].strip(),
        quantity=quantity,
        time=time,
        price=money(price),
        customer=customer,
        country=cells[columns.country].strip() or UNKNOWN_COUNTRY,
    )


def _plain_id(cell: str) -> str:
    """The identifier without the ".0" that spreadsheets and data frames hang on numbers."""
    text = cell.strip()
    found = _FLOAT_ID.fullmatch(text)
    return found.group(1) if found else text


def _quantity(cell: str) -> int:
    found = _WHOLE.fullmatch(cell.strip())
    if not found:
        raise Rejected(BAD_QUANTITY)
    quantity = int(found.group(1))
    if not quantity:
        raise Rejected(ZERO_QUANTITY)
    return quantity


def _price(cell: str) -> Decimal:
    text = cell.strip()
    if not _AMOUNT.fullmatch(text):
        raise Rejected(BAD_PRICE)
    price = Decimal(text)
    if price < 0:
        raise Rejected(NEGATIVE_PRICE)
    if price > _MOST or price != price.quantize(_FINEST):
        raise Rejected(BAD_PRICE)
    return abs(price)  # "-0" is zero
