"""Seeding and the platform keep to one rule: what seeding accepts, the functions accept, and what it rejects for its
form, they would reject."""

from __future__ import annotations

import csv
import inspect
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fields
import order_message
import pytest
import sales_event
from hypothesis import given, settings
from hypothesis import strategies as st

from seed import reasons, record_rules
from seed.copied_file import copy_whole
from seed.csv_rows import Row
from seed.dates import DateOrder
from seed.online_retail import find_columns, read_sale
from seed.progress import Silent
from seed.reasons import NotTaken
from seed.records import to_json
from seed.staging import StagedFile
from seed.survey import survey
from stockroom.errors import StockroomError
from tests.unit.seed.sales_files import HEADER

GOOD = ["1", "A", "MUG", "1", "2010-12-01 08:26:00", "2.55", "17850", "United Kingdom"]

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.one_of(
    st.text(characters, max_size=6),
    st.text(characters, min_size=120, max_size=140),
    st.sampled_from(
        ["536365", "c536365", "C1", "85123A", "NA", "nan", "0.0", "a\tb", "a\nb", "\x7f", "\u2028", "🫖", "ß" * 65]
    ),
)
digits = st.text("0123456789", max_size=20)
numbers = st.one_of(
    st.builds("{}{}.{}".format, st.sampled_from(["", "", "-", "+"]), digits, digits),
    st.builds("{}{}".format, st.sampled_from(["", "", "-"]), digits),
    st.floats(allow_nan=True).map(str),
    st.floats(0, 100).map(str),
    st.integers(2**31 - 3, 2**31 + 3).map(str),
    st.sampled_from(["0.12345", "1000000000", "1.1979124548825382", "2,55"]),
)
dates = st.one_of(
    st.datetimes().map(str),
    st.sampled_from(["12/1/10 8:26", "12/13/2010 8:26:00 AM", "2010-12-01T08:26:00+02:00", "31.12.2010", "29/2/2011"]),
    st.text(characters, max_size=20),
)
rows = st.tuples(
    texts, texts, st.one_of(texts, st.text(characters, max_size=1_100)), numbers, dates, numbers, texts, texts
)


def staged(folder: Path, *found: list[str]) -> StagedFile:
    path = folder / "sales.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER.split(","), GOOD, *found])
    copied = copy_whole(path, folder / "copy", Silent())
    dataset = StagedFile(copied, survey(copied.path, DateOrder.MDY, Silent()), folder, "keep")
    dataset.stage(Silent())
    return dataset


@settings(max_examples=40, deadline=None)
@given(st.lists(rows.map(list), max_size=40))
def test_what_seeding_accepts_the_platform_accepts(found: list[list[str]]) -> None:
    with TemporaryDirectory() as folder, closing(staged(Path(folder), *found)) as dataset:
        reading = dataset.reading
        events = [sales_event.parse(to_json(event).encode()) for event in dataset.events()]
        orders = [order_message.parse(to_json(order)) for order in dataset.orders()]
        assert len(events) == reading.rows_accepted == sum(len(order.lines) for order in orders)
        assert (
            reading.rows_read
            == len(found) + 1
            == len(events) + sum(reading.rejected.values()) + sum(reading.set_aside.values())
        )


# The reasons that are the platform's own, each with what the platform says to the cell that has it.
FORM: dict[str, tuple[int, str, Callable[[str], Any]]] = {
    reasons.QUANTITY_RANGE: (3, "quantity", lambda cell: int(cell.partition(".")[0])),
    reasons.ZERO_QUANTITY: (3, "quantity", lambda cell: 0),
    reasons.PRICE_RANGE: (5, "unit_price", str),
    reasons.FINE_PRICE: (5, "unit_price", str),
    reasons.NEGATIVE_PRICE: (5, "unit_price", str),
    **{
        reason(column): (place, field, str)
        for reason in (reasons.too_long, reasons.control_character)
        for place, column, field in (
            (0, "invoice", "order_id"), (1, "product", "product_id"),
            (6, "customer", "customer_id"), (7, "country", "country"),
        )
    },
}  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(rows.map(list))
def test_what_seeding_rejects_for_its_form_the_platform_would_reject(row: list[str]) -> None:
    event: dict[str, Any] = {
        "event_id": "a-1", "event_time": "2010-12-01T08:26:00Z", "order_id": "1", "line": 1, "product_id": "A",
        "description": "MUG", "quantity": 1, "unit_price": "2.55", "currency": "GBP", "customer_id": "17850",
        "store_id": "online", "country": "United Kingdom",
    }  # fmt: skip
    sales_event.parse(json.dumps(event).encode())
    try:
        read_sale(Row(2, row, ""), find_columns(HEADER.split(","), "sales.csv"), DateOrder.MDY)
    except NotTaken as why:
        if why.reason in FORM:
            place, field, value = FORM[why.reason]
            cell = row[place].strip()
            event[field] = value(cell.upper() if place == 0 else cell)
            with pytest.raises(sales_event.MalformedEventError, match=field):
                sales_event.parse(json.dumps(event).encode())


@pytest.mark.parametrize(
    ("place", "cell", "reason"),
    [
        (5, "0.12345", reasons.FINE_PRICE),
        (5, "1000000000", reasons.PRICE_RANGE),
        (3, "2147483648", reasons.QUANTITY_RANGE),
        (0, "72\t0001", reasons.control_character("invoice")),
        (1, "A\nB", reasons.control_character("product")),
        (6, "90\t001", reasons.control_character("customer")),
        (7, "United\nKingdom", reasons.control_character("country")),
        (7, "K" * 129, reasons.too_long("country")),
    ],
)
def test_the_generated_rows_meet_each_kind(tmp_path: Path, place: int, cell: str, reason: str) -> None:
    row = [*GOOD]
    row[place] = cell
    with closing(staged(tmp_path, row)) as dataset:
        assert dataset.reading.rejected == {reason: 1}
        assert dataset.reading.left_out_file is not None
        with dataset.reading.left_out_file.open(newline="") as file:
            (told,) = csv.DictReader(file)
        assert (told["line"], told["reason"]) == ("3", reason)


def test_the_rule_is_the_functions_own() -> None:
    assert Path(inspect.getfile(record_rules.fields)) == Path(inspect.getfile(fields))


def test_a_file_of_which_nothing_can_be_taken_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(f"{HEADER}\n1,A,MUG,1,2010-12-01,0.12345,,UK\n")
    copied = copy_whole(path, tmp_path / "copy", Silent())
    dataset = StagedFile(copied, survey(copied.path, None, Silent()), tmp_path, "keep")
    with pytest.raises(StockroomError, match="price has more than 4 decimals"):
        dataset.stage(Silent())
