"""Single cells of a row: what names nothing, identifiers, quantities and prices.

What a file repeats in most of its rows is cached.
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from seed import reasons
from seed.reasons import Rejected
from seed.record_rules import IDENTIFIER, LONGEST_IDENTIFIER, PRICE, PRICE_DECIMALS, WIDEST
from seed.records import money

# What spreadsheets, R, pandas and databases write where there is nothing.
_NOTHING = {"", "-", "nan", "-nan", "null", "none", "<na>", "#n/a", "n/a", "nat", r"\n"}
_NOTHING_IN_IDS = {*_NOTHING, "na"}  # not in countries: NA is Namibia

_WHOLE = re.compile(r"([+-]?)0*([0-9]*)(?:\.0*)?")
_FLOAT_ID = re.compile(r"([0-9]+)\.0+")
_AMOUNT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_WITH_COMMA = re.compile(r"[+-]?[0-9][0-9. ]*,[0-9., ]*[0-9]")
_MOST_DIGITS = 10  # no price has more before the point

_FINEST = Decimal(1).scaleb(-PRICE_DECIMALS)
_DIGITS_OF_A_FLOAT = 15  # the most that every binary fraction can be told by; a computed one is written with more
_NOISE = Decimal("1E-7")  # what a 32-bit fraction is off by

_CACHED = 8_192


class Price(NamedTuple):
    """`amount` as the platform takes it; `rounded` where the cell said something else."""

    amount: str
    rounded: bool


def identifier(cell: str, column: str) -> str:
    """The identifier, without the ".0" that spreadsheets and data frames hang on numbers; "" where there is none."""
    text = cell.strip()
    if text.casefold() in _NOTHING_IN_IDS:
        return ""
    found = _FLOAT_ID.fullmatch(text)
    return _checked(found.group(1) if found else text, column)


@lru_cache(64)  # its rows mostly stand together
def invoice(cell: str) -> str:
    return _checked(identifier(cell, "invoice").upper(), "invoice")


@lru_cache(_CACHED)
def product(cell: str) -> str:
    text = cell.strip()
    return "" if text.casefold() in _NOTHING_IN_IDS else _checked(text, "product")


@lru_cache(_CACHED)
def customer(cell: str) -> str:
    """No customer has the number 0: it is what missing numbers become when they are made whole."""
    text = identifier(cell, "customer")
    return "" if text == "0" else text


@lru_cache(_CACHED)
def country(cell: str) -> str:
    text = cell.strip()
    return "" if text.casefold() in _NOTHING else _checked(text, "country")


def description(cell: str) -> str:
    text = cell.strip()
    return "" if text.casefold() in _NOTHING else text


def _checked(text: str, column: str) -> str:
    if text and not IDENTIFIER.fullmatch(text):
        long = len(text) > LONGEST_IDENTIFIER
        raise Rejected(reasons.too_long(column) if long else reasons.control_character(column))
    return text


@lru_cache(_CACHED)
def quantity(cell: str) -> int:
    """Signed, never zero."""
    found = _WHOLE.fullmatch(cell.strip())
    if not found or not any(character.isdigit() for character in cell):
        raise Rejected(reasons.BAD_QUANTITY)
    sign, digits = found.groups()
    if len(digits) > len(str(WIDEST)) or int(digits or 0) > WIDEST:
        raise Rejected(reasons.QUANTITY_RANGE)
    if not int(digits or 0):
        raise Rejected(reasons.ZERO_QUANTITY)
    return int(f"{sign}{digits}")


@lru_cache(_CACHED)
def price(cell: str) -> Price:
    """The price that a till meant: at most four decimals, which is what the platform holds.

    A price with more of them is rounded where a program computed it, which shows: it is written with 15 digits or
    more, or is less than a ten-millionth off a price of four decimals. Else somebody means it, and it is rejected.
    """
    text = cell.strip()
    if not _AMOUNT.fullmatch(text):
        raise Rejected(reasons.COMMA_IN_PRICE if _WITH_COMMA.fullmatch(text) else reasons.BAD_PRICE)
    exact = Decimal(text)
    if exact and exact.adjusted() >= _MOST_DIGITS:
        raise Rejected(reasons.NEGATIVE_PRICE if exact < 0 else reasons.PRICE_RANGE)
    rounded = exact.quantize(_FINEST)
    if rounded < 0:
        raise Rejected(reasons.NEGATIVE_PRICE)
    if exact != rounded and not _is_computed(exact, rounded):
        raise Rejected(reasons.FINE_PRICE)
    amount = money(abs(rounded))  # "-0" is zero
    if not PRICE.fullmatch(amount):
        raise Rejected(reasons.PRICE_RANGE)
    return Price(amount, exact != rounded)


def _is_computed(exact: Decimal, rounded: Decimal) -> bool:
    return len(exact.as_tuple().digits) >= _DIGITS_OF_A_FLOAT or abs(exact - rounded) < _NOISE
