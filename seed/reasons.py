"""Why a row is not taken, as short, stable texts: the summary counts them, and the file of these rows names them."""

from seed.record_rules import LONGEST_IDENTIFIER, PRICE_DECIMALS, WIDEST

MAX_CELL = 1_000  # characters
MAX_LINE = 64 * 1024  # characters

WRONG_COLUMNS = "wrong number of columns"
UNCLOSED_QUOTE = "a quote that is never closed"
LONG_LINE = f"the line is longer than {MAX_LINE:,} characters"
LONG_CELL = f"a cell is longer than {MAX_CELL:,} characters"
NO_INVOICE = "no invoice number"
NO_PRODUCT = "no product"
BAD_QUANTITY = "quantity is not a whole number"
QUANTITY_RANGE = f"quantity is out of range (more than {WIDEST:,})"
ZERO_QUANTITY = "quantity is zero"
POSITIVE_ON_RETURN = "positive quantity on a C invoice"
BAD_PRICE = "price is not a number"
COMMA_IN_PRICE = "price has a comma; a decimal point is wanted, and nothing between thousands"
PRICE_RANGE = "price is out of range (1,000,000,000 or more)"
FINE_PRICE = f"price has more than {PRICE_DECIMALS} decimals"
NEGATIVE_PRICE = "price is negative"
BAD_DATE = "date cannot be read"
LARGE_ORDER = "order is larger than a queue message may be"
REPEATED = "repeats an earlier row"
OTHER_CONTENT = "the invoice was loaded before with other lines; issue a credit note, or seed a fresh platform"

HELD = "in the platform already, from another file"
STOCK_ADJUSTMENT = "stock adjustment: negative quantity on an invoice without C"
ACCOUNT_ADJUSTMENT = "adjustment of accounts, such as bad debt"
FEE = "fee that the business pays, such as AMAZONFEE"


def too_long(column: str) -> str:
    return f"{column} is longer than {LONGEST_IDENTIFIER} characters"


def control_character(column: str) -> str:
    return f"{column} holds a tab, a line break or another control character"


class NotTaken(Exception):  # noqa: N818 - expected, and counted
    """A row is not loaded; `reason` is one of the texts above."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Rejected(NotTaken):
    """The row should be a sale and is none that can be taken."""


class SetAside(NotTaken):
    """The row is right, and neither a sale nor a return."""
