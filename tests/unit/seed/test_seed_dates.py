import re

import pytest

from seed.dates import DateOrder, DateSurvey, parse_date
from stockroom.errors import StockroomError
from stockroom.project import ROOT

MDY, DMY = DateOrder.MDY, DateOrder.DMY


def survey(*cells: str) -> DateSurvey:
    result = DateSurvey()
    for line, cell in enumerate(cells, start=2):
        result.add(line, cell)
    return result


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("12/1/10 8:26", MDY, "2010-12-01T08:26:00Z"),
        ("12/1/10 8:26", DMY, "2010-01-12T08:26:00Z"),
        ("12-01-2010 08:26", DMY, "2010-01-12T08:26:00Z"),
        ("1/12/2010 8:26", DMY, "2010-12-01T08:26:00Z"),
        ("01.12.2010 08:26:59", DMY, "2010-12-01T08:26:59Z"),
        ("2010-12-01 08:26:00", None, "2010-12-01T08:26:00Z"),
        ("2010-12-01T08:26:00Z", DMY, "2010-12-01T08:26:00Z"),
        ("2010-12-01 08:26:00.000", None, "2010-12-01T08:26:00Z"),
        ("2010-12-01", None, "2010-12-01T00:00:00Z"),
        ("12/1/2010 8:26:00 AM", MDY, "2010-12-01T08:26:00Z"),
        ("12/1/10 12:26 AM", MDY, "2010-12-01T00:26:00Z"),
        ("1/12/2010 12:26 PM", DMY, "2010-12-01T12:26:00Z"),
        ("01-12-2010 08:26:59 pm", DMY, "2010-12-01T20:26:59Z"),
        ("1.12.10 8:26p.m.", DMY, "2010-12-01T20:26:00Z"),
        ("2010-12-01 08:26 PM", None, "2010-12-01T20:26:00Z"),
        ("2010/12/1 8:26", None, "2010-12-01T08:26:00Z"),
        ("2010-12-01T08:26:00+02:00", None, "2010-12-01T06:26:00Z"),
        ("2010-12-01 00:26:00.000000-0530", None, "2010-12-01T05:56:00Z"),
        ("12/1/10 13:26 PM", MDY, None),
        ("12/1/10 0:26 AM", MDY, None),
        ("12/1/10 AM", MDY, None),
        ("0001-01-01T00:00:00+02:00", None, None),
        ("2/29/2011 8:26", MDY, None),
        ("13/1/2010 8:26", MDY, None),
        ("12/1/10 24:00", MDY, None),
        ("12/1-10 8:26", MDY, None),
        ("12/1/010 8:26", MDY, None),
        ("yesterday", MDY, None),
        ("", MDY, None),
        ("١٢/1/10 8:26", MDY, None),
    ],
)
def test_a_date_is_read_as_its_file_is(text: str, order: DateOrder | None, expected: str | None) -> None:
    assert parse_date(text, order) == expected


def test_one_row_that_fits_only_one_order_decides_for_all() -> None:
    reading = survey("1/12/2010 8:26", "2/12/2010 8:26", "13/12/2010 8:26").decide(None, "f.csv")
    assert reading.order is DMY
    assert str(reading) == "dates read as day/month/year because line 4 (13/12/2010 8:26) fits no other order"
    assert survey("12-01-2010 08:26", "12-13-2010 08:26").decide(None, "f.csv").order is MDY


def test_the_time_of_day_may_tell_morning_and_afternoon() -> None:
    reading = survey("12/1/2010 8:26:00 AM", "12/13/2010 1:26:00 PM").decide(None, "f.csv")
    assert str(reading) == "dates read as month/day/year because line 3 (12/13/2010 1:26:00 PM) fits no other order"


def test_a_row_decides_even_against_the_us_form() -> None:
    assert survey("12/1/10 8:26", "13/1/10 8:26").decide(None, "f.csv").order is DMY


def test_an_impossible_date_decides_nothing() -> None:
    # 31 November is no day, so this is not evidence for "day first".
    reading = survey("12/1/10 8:26", "31/11/10 8:26", "45/45/10 8:26").decide(None, "f.csv")
    assert reading.order is MDY


def test_the_us_form_is_month_first_and_the_report_says_why() -> None:
    reading = survey("12/1/10 8:26", "12/1/10 10:02").decide(None, "f.csv")
    assert reading.order is MDY
    assert str(reading).startswith("dates read as month/day/year because two-digit years with slashes")
    assert "--date-order dmy" in str(reading)


@pytest.mark.parametrize(
    "cell",
    [
        "12-01-2010 08:26",
        "1/12/2010 8:26",
        "01/12/10 08:26",  # zero-padded: not the form in which the file is published
        "12/1/10 08:26",
        "12/10/10 10:26",  # nothing shows whether it is padded
        "1-12-10 8:26",
    ],
)
def test_a_file_that_does_not_tell_is_refused_with_the_option_to_give(cell: str) -> None:
    with pytest.raises(StockroomError, match=r"f\.csv: .*line 2: .*no row of the file decides it") as refused:
        survey(cell, cell).decide(None, "f.csv")
    assert "--date-order mdy" in str(refused.value.hint)
    assert "--date-order dmy" in str(refused.value.hint)


def test_one_row_of_another_form_takes_the_us_form_back() -> None:
    with pytest.raises(StockroomError, match="no row of the file decides it"):
        survey("12/1/10 8:26", "12/01/2010 8:26").decide(None, "f.csv")


def test_a_file_that_contradicts_itself_is_refused_naming_both_lines() -> None:
    contradiction = survey("1/12/2010 8:26", "13/12/2010 8:26", "12/14/2010 8:26")
    with pytest.raises(StockroomError, match=r"line 4 \(12/14/2010 8:26\).*line 3 \(13/12/2010 8:26\)"):
        contradiction.decide(None, "f.csv")
    assert contradiction.decide(DMY, "f.csv").order is DMY


def test_the_option_decides_before_all_else() -> None:
    reading = survey("12/1/10 8:26").decide(DMY, "f.csv")
    assert str(reading) == "dates read as day/month/year because --date-order dmy was given"


@pytest.mark.parametrize("cells", [("2010-12-01 08:26:00",), ("12/12/2010 8:26", "1/1/2011 9:00"), ("no date",)])
def test_dates_that_mean_one_day_only_need_no_order(cells: tuple[str, ...]) -> None:
    reading = survey(*cells).decide(None, "f.csv")
    assert reading.order is None
    assert str(reading) == "dates read as they stand: no date could mean two different days"


def test_every_form_that_the_documentation_lists_is_read() -> None:
    page = (ROOT / "docs" / "sales_files.md").read_text()
    table = page.partition("| form | read as |")[2].partition("## Cells")[0]
    forms = re.findall("`([^`]*[0-9][^`]*)`", table)
    assert len(forms) >= 10
    assert [form for form in forms if not parse_date(form, MDY)] == []
