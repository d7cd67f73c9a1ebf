"""The UCI "Online Retail" file, in the shapes in which it circulates, one row at a time.

Columns are found by name, whatever their order and case: InvoiceNo or Invoice, StockCode, Description,
Quantity, InvoiceDate, UnitPrice or Price, CustomerID or Customer ID, Country. Other columns are left alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seed import cells as read
from seed import reasons
from seed.csv_rows import Row
from seed.dates import DateOrder, parse_date
from seed.reasons import Rejected, SetAside
from seed.records import is_return
from stockroom.errors import StockroomError

STORE_ID = "online"
UNKNOWN_COUNTRY = "Unspecified"  # the word that the data set itself uses

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
# What the set calls adjustments of accounts. A code alone could be anybody's product: its description tells.
_ADJUSTMENTS = {"B", "ADJUST", "ADJUST2"}
# What the business pays others, booked as if they had bought or returned something.
_FEES = {"AMAZONFEE", "CRUK"}
_FEES_UNLESS_BILLED = {"BANK CHARGES"}  # where a customer is named, it is a charge of that customer's invoice


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

    def places(self) -> tuple[int, ...]:
        return (
            self.invoice, self.product, self.description, self.quantity,
            self.date, self.price, self.customer, self.country,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sale:
    """One accepted row; `customer` is "" where the file names none, `rounded` tells of a price that was rounded."""

    line: int
    invoice: str
    product: str
    description: str
    quantity: int
    time: str
    price: str
    customer: str
    country: str
    rounded: bool


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
            raise other_separator(name, found.group())
        raise StockroomError(
            f"{name} is not an Online Retail file: its first line has no column {', '.join(missing)}",
            hint=f"the first line must name the columns {', '.join(_WRITTEN.values())}, in any order",
        )
    return Columns(width=len(header), **places)


def other_separator(name: str, separator: str) -> StockroomError:
    written = "tabs" if separator == "\t" else f"'{separator}'"
    return StockroomError(
        f"{name}: the columns are separated by {written}, not by commas",
        hint="save it as CSV with commas, and with decimal points: where ; separates, prices are often written 2,55",
    )


def read_sale(row: Row, columns: Columns, order: DateOrder | None) -> Sale:
    """The row as a sale. Raises Rejected, or SetAside where it is right and yet no sale.

    Whatever stands on a customer's invoice or credit note is taken, also what is no product: postage (POST, DOT, C2),
    manual lines (M), discounts (D), samples (S) and vouchers (gift_…). They are part of what the customer pays.
    """
    if row.fault:
        raise Rejected(row.fault)
    cells = row.cells
    if len(cells) != columns.width:
        raise Rejected(reasons.WRONG_COLUMNS)
    if max(map(len, cells)) > reasons.MAX_CELL and any(len(cells[at]) > reasons.MAX_CELL for at in columns.places()):
        raise Rejected(reasons.LONG_CELL)
    invoice = read.invoice(cells[columns.invoice])
    product = read.product(cells[columns.product])
    if not invoice:
        raise Rejected(reasons.NO_INVOICE)
    if not product:
        raise Rejected(reasons.NO_PRODUCT)
    customer = read.customer(cells[columns.customer])
    description = read.description(cells[columns.description])
    _check_is_trade(product, description, customer)
    quantity = read.quantity(cells[columns.quantity])
    if is_return(invoice) and quantity > 0:
        raise Rejected(reasons.POSITIVE_ON_RETURN)
    if quantity < 0 and not is_return(invoice):
        raise SetAside(reasons.STOCK_ADJUSTMENT)
    price = read.price(cells[columns.price])
    time = parse_date(cells[columns.date].strip(), order)
    if time is None:
        raise Rejected(reasons.BAD_DATE)
    country = read.country(cells[columns.country]) or UNKNOWN_COUNTRY
    return Sale(row.line, invoice, product, description, quantity, time, price.amount, customer, country, price.rounded)


def _check_is_trade(product: str, description: str, customer: str) -> None:
    """Raises SetAside for what the books hold beside sales and returns."""
    code = product.upper()
    if code in _ADJUSTMENTS and "adjust" in description.casefold():
        raise SetAside(reasons.ACCOUNT_ADJUSTMENT)
    if code in _FEES or (code in _FEES_UNLESS_BILLED and not customer):
        raise SetAside(reasons.FEE)
