from datetime import date
from pathlib import Path

import pytest

from seed.sales_report.request import Request, make_request
from stockroom.errors import StockroomError


def request(**words: str) -> Request:
    return make_request(**{"day": "", "since": "", "until": "", "by": "country", "top": "", "output": ""} | words)


def test_nothing_asked_for_is_everything() -> None:
    assert request() == Request("country", None, None, None, None)
    assert request().includes(date.min)


def test_days() -> None:
    first, last = date(2010, 12, 1), date(2010, 12, 24)
    assert request(day="2010-12-01") == Request("country", first, first, None, None)
    both = request(since="2010-12-01", until="2010-12-24")
    assert [both.includes(day) for day in (date(2010, 11, 30), first, last, date(2010, 12, 25))] == [
        False,
        True,
        True,
        False,
    ]
    assert request(since="2010-12-24").includes(date(2030, 1, 1))
    assert not request(until="2010-12-01").includes(last)


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ({}, "ever"),
        ({"day": "2010-12-01"}, "on 2010-12-01"),
        ({"since": "2010-12-01"}, "since 2010-12-01"),
        ({"until": "2010-12-01"}, "until 2010-12-01"),
        ({"since": "2010-12-01", "until": "2010-12-02"}, "from 2010-12-01 to 2010-12-02"),
    ],
)
def test_days_in_words(words: dict[str, str], days: str) -> None:
    assert request(**words).days == days


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"day": "2010-12-01", "until": "2010-12-02"}, "--day and --until contradict each other"),
        ({"day": "2010-12-01", "since": "2010-12-01"}, "--day and --since contradict each other"),
        ({"since": "2010-12-02", "until": "2010-12-01"}, "--since 2010-12-02 is after --until 2010-12-01"),
        ({"day": "12/1/10"}, "--day 12/1/10: not a date"),
        ({"since": "20101201"}, "--since 20101201: not a date"),
        ({"until": "2010-02-30"}, "--until 2010-02-30: not a date"),
        ({"by": "customer"}, "--by customer: not known"),
        ({"top": "0"}, "--top 0: not a number from 1"),
        ({"top": "-3"}, "--top -3: not a number from 1"),
        ({"top": "²"}, "--top ²: not a number from 1"),
        ({"top": "9" * 5000}, "not a number from 1"),
        ({"output": "sales.pdf"}, "--output sales.pdf: not a kind of file that can be written"),
        ({"output": "png"}, "--output png: not a kind of file that can be written"),
        ({"output": "/nowhere/sales.png"}, "--output /nowhere/sales.png: there is no folder /nowhere"),
    ],
)
def test_what_makes_no_sense_is_refused(words: dict[str, str], message: str) -> None:
    with pytest.raises(StockroomError) as refused:
        request(**words)
    assert message in refused.value.message
    assert refused.value.hint


def test_where_to_write(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(StockroomError, match="is a folder"):
        request(output=str(tmp_path / "folder.png"))
    assert request(output=str(tmp_path / "Sales.HTML")).output == tmp_path / "Sales.HTML"
