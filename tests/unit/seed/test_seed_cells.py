"""Cells as real files have them, and what becomes of each."""

from collections.abc import Callable

import pytest

from seed import cells, reasons
from seed.cells import Price
from seed.reasons import Rejected

NOTHING = ["", " ", "NA", "na", "N/A", "nan", "NaN", "NULL", "null", "None", "none", "<NA>", "#N/A", "NaT", "-", r"\N"]


@pytest.mark.parametrize("cell", [*NOTHING, "0", "0.0", "0.00"])
def test_no_customer(cell: str) -> None:
    assert cells.customer(cell) == ""


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("17850", "17850"),
        (" 17850.0 ", "17850"),
        ("17850.000", "17850"),
        ("A-17", "A-17"),
        ("00", "00"),
        ("Nadia", "Nadia"),
    ],
)
def test_customers(cell: str, expected: str) -> None:
    assert cells.customer(cell) == expected


@pytest.mark.parametrize("cell", NOTHING)
def test_no_invoice_and_no_product(cell: str) -> None:
    assert cells.invoice(cell) == cells.product(cell) == ""


def test_a_country_may_be_namibia() -> None:
    assert cells.country("NA") == "NA"
    assert cells.country("nan") == cells.country("NULL") == ""


@pytest.mark.parametrize("read", [cells.invoice, cells.product, cells.customer, cells.country])
@pytest.mark.parametrize("text", ["7\t2", "7\n2", "7\r\n2", "7\x7f2", "7\x1b[31m2"])
def test_control_characters(read: Callable[[str], str], text: str) -> None:
    with pytest.raises(Rejected, match="holds a tab, a line break or another control character"):
        read(text)


@pytest.mark.parametrize(
    ("read", "column"),
    [(cells.invoice, "invoice"), (cells.product, "product"), (cells.customer, "customer"), (cells.country, "country")],
)
def test_identifiers_end_at_128_characters(read: Callable[[str], str], column: str) -> None:
    assert len(read("K" * 128)) == 128
    with pytest.raises(Rejected, match=f"{column} is longer than 128 characters"):
        read("K" * 129)


def test_an_invoice_that_grows_when_it_is_written_large() -> None:
    with pytest.raises(Rejected, match="invoice is longer than 128 characters"):
        cells.invoice("ß" * 65)


@pytest.mark.parametrize(
    ("cell", "amount", "rounded"),
    [
        ("2.55", "2.55", False),
        ("2.5", "2.50", False),
        ("27", "27.00", False),
        (".5", "0.50", False),
        ("+1.25", "1.25", False),
        ("0.1250", "0.125", False),
        ("0.12340000", "0.1234", False),
        ("1e-3", "0.001", False),
        ("-0.00", "0.00", False),
        ("999999999.9999", "999999999.9999", False),
        ("1.1979124548825382", "1.1979", True),
        ("15.299999999999999", "15.30", True),
        ("2.5500000000000003", "2.55", True),
        ("0.30000000000000004", "0.30", True),
        ("0.7999999999999999", "0.80", True),
        ("2.549999952316284", "2.55", True),  # a 32-bit fraction
        ("2.54999995", "2.55", True),  # the same, cut
        ("4.25000000001", "4.25", True),
        ("5.551115123125783e-17", "0.00", True),
        ("-5.551115123125783e-17", "0.00", True),
    ],
)
def test_prices(cell: str, amount: str, rounded: bool) -> None:
    assert cells.price(cell) == Price(amount, rounded)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("0.12345", reasons.FINE_PRICE),
        ("1.00005", reasons.FINE_PRICE),
        ("0.0000001", reasons.FINE_PRICE),
        ("1000000000", reasons.PRICE_RANGE),
        ("999999999.99999999", reasons.PRICE_RANGE),  # computed, and rounded to a billion
        ("1e30", reasons.PRICE_RANGE),
        ("1e999", reasons.PRICE_RANGE),
        ("9" * 900, reasons.PRICE_RANGE),
        ("-1", reasons.NEGATIVE_PRICE),
        ("-11062.06", reasons.NEGATIVE_PRICE),
        ("-1e30", reasons.NEGATIVE_PRICE),
        ("2,55", reasons.COMMA_IN_PRICE),
        ("1,234.50", reasons.COMMA_IN_PRICE),
        ("1.234,50", reasons.COMMA_IN_PRICE),
        ("£2.55", reasons.BAD_PRICE),
        ("free", reasons.BAD_PRICE),
        ("NaN", reasons.BAD_PRICE),
        ("inf", reasons.BAD_PRICE),
        ("1e9999", reasons.BAD_PRICE),
        ("٣", reasons.BAD_PRICE),
        ("", reasons.BAD_PRICE),
    ],
)
def test_prices_that_nobody_can_take(cell: str, reason: str) -> None:
    with pytest.raises(Rejected) as rejected:
        cells.price(cell)
    assert rejected.value.reason == reason


@pytest.mark.parametrize(
    ("cell", "expected"), [("6", 6), ("+6", 6), (" 6.0 ", 6), ("-6.", -6), ("007", 7), ("2147483647", 2**31 - 1)]
)
def test_quantities(cell: str, expected: int) -> None:
    assert cells.quantity(cell) == expected


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("2147483648", reasons.QUANTITY_RANGE),
        ("-2147483648", reasons.QUANTITY_RANGE),
        ("9" * 400, reasons.QUANTITY_RANGE),
        ("0", reasons.ZERO_QUANTITY),
        ("-0.0", reasons.ZERO_QUANTITY),
        ("1.5", reasons.BAD_QUANTITY),
        ("", reasons.BAD_QUANTITY),
        (".", reasons.BAD_QUANTITY),
        ("six", reasons.BAD_QUANTITY),
        ("1,000", reasons.BAD_QUANTITY),
        ("٣", reasons.BAD_QUANTITY),
    ],
)
def test_quantities_that_nobody_can_take(cell: str, reason: str) -> None:
    with pytest.raises(Rejected) as rejected:
        cells.quantity(cell)
    assert rejected.value.reason == reason
