import json
import struct
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from seed.sales_report.draw import default_top, draw
from seed.sales_report.figures import SalesReport, sum_up
from seed.sales_report.page import make_page
from seed.sales_report.show import aligned, amount, as_json, printable, readable, table_rows
from stockroom.picture import drawable
from tests.unit.toolkit.daily_sales import DAY, row, table

NEXT = DAY + timedelta(1)
NASTY = '<script src="http://x">alert("$y$_^{")</script>'


@pytest.fixture
def two_days() -> SalesReport:
    rows = [
        row("1234.5", "0.25", country="France", sold=1200, returned=1),
        row("2.125", country="United Kingdom"),
        row("1", "1.5", day=NEXT, country="France", returned=2),
        row("7", day=NEXT, currency="EUR", country="France"),
    ]
    return sum_up(table(rows), "country", None)


@pytest.mark.parametrize(
    ("value", "plain", "with_commas"),
    [
        ("0", "0.00", "0.00"),
        ("-1234.5", "-1234.50", "-1,234.50"),
        ("1234.5", "1234.50", "1,234.50"),
        ("0.125", "0.1250", "0.1250"),
        ("1000000.0001", "1000000.0001", "1,000,000.0001"),
        ("99999999999999999999999999999999.0001", "9" * 32 + ".0001", ",".join(["99"] + ["999"] * 10) + ".0001"),
        ("100.0000", "100.00", "100.00"),
    ],
)
def test_amounts(value: str, plain: str, with_commas: str) -> None:
    assert (amount(Decimal(value)), readable(Decimal(value))) == (plain, with_commas)


def test_the_table(two_days: SalesReport) -> None:
    lines = aligned(table_rows(two_days, {}))
    assert [line.split() for line in lines if "total" in line] == [
        ["2010-12-01", "total", "1,201", "1", "1,236.6250", "0.25", "1,236.3750", "GBP"],
        ["2010-12-02", "total", "1", "0", "7.00", "0.00", "7.00", "EUR"],
        ["2010-12-02", "total", "1", "2", "1.00", "1.50", "-0.50", "GBP"],
        ["2", "days", "total", "1", "0", "7.00", "0.00", "7.00", "EUR"],
        ["2", "days", "total", "1,202", "3", "1,237.6250", "1.75", "1,235.8750", "GBP"],
    ]
    assert len({line.index(" GBP") for line in lines if "GBP" in line}) == 1, "the columns are aligned"


def test_one_day_is_told_once() -> None:
    lines = aligned(table_rows(sum_up(table([row("1")]), "store", None), {}))
    assert [line.split()[:2] for line in lines] == [["day", "store"], ["2010-12-01", "online"], ["2010-12-01", "total"]]


def test_products_are_told_for_all_days_together() -> None:
    report = sum_up(table([row("1", product="a"), row("2", day=NEXT, product="b")]), "product", None)
    lines = aligned(table_rows(report, {"a": "LANTERN\x1b[2J\n"}))
    assert [line.split()[:4] for line in lines[1:]] == [
        ["2", "days", "b", "1"],
        ["2", "days", "a", "LANTERN?[2J"],
        ["2", "days", "total", "2"],
    ]


def test_a_long_name_is_not_cut() -> None:
    name = "x" * 128
    assert name in aligned(table_rows(sum_up(table([row("1", country=name)]), "country", None), {}))[1]


def test_wide_characters_take_two_columns() -> None:
    lines = aligned(
        table_rows(sum_up(table([row("1", country="日本"), row("1", country="日本国")]), "country", None), {})
    )
    assert lines[1].index("1 ", 11) == lines[2].index("1 ", 11) + 1


def test_json(two_days: SalesReport) -> None:
    told = json.loads(json.dumps(as_json(two_days, {})))
    assert (told["by"], told["first_day"], told["last_day"]) == ("country", "2010-12-01", "2010-12-02")
    assert [(day["day"], day["currency"]) for day in told["days"]] == [
        ("2010-12-01", "GBP"),
        ("2010-12-02", "EUR"),
        ("2010-12-02", "GBP"),
    ]
    assert told["totals"][1]["total"] == {
        "units_sold": 1202,
        "units_returned": 3,
        "sales": "1237.6250",
        "returns": "1.75",
        "revenue": "1235.8750",
    }


def test_json_of_a_top() -> None:
    rows = [row("9", product="a"), row("2", product="b"), row("1", product="c")]
    (section,) = as_json(sum_up(table(rows), "product", 1), {"a": "LANTERN"})["totals"]
    first, others = section["lines"]
    assert (first["product"], first["description"], first["revenue"]) == ("a", "LANTERN", "9.00")
    assert (others["product"], others["others"], others["revenue"]) == (None, 2, "3.00")


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("by", ["country", "store", "product"])
@pytest.mark.parametrize("days", [1, 28, 305])
def test_pictures(by: str, days: int) -> None:
    rows = [
        row(
            str(number + 1),
            "40" if number == 7 else "0",
            DAY + timedelta(day),
            f"country {number}",
            f"s{number}",
            f"p{number}",
        )
        for day in range(days)
        for number in range(38)
    ]
    picture = draw(sum_up(table(rows), by, default_top(by, days)), {}, "something is missing")
    assert size_of(picture)[0] == 1800


def test_a_picture_of_days_far_apart() -> None:
    rows = [row("5", day=DAY), *(row("1", day=DAY + timedelta(5000 + at)) for at in range(28))]
    size_of(draw(sum_up(table(rows), "country", None), {}, None))


def test_a_picture_of_odd_names_and_amounts() -> None:
    rows = [
        row("0", country=NASTY),
        row("0", "5", country="_hidden", currency="EUR"),
        row("1" * 28, country="日本", day=NEXT),
        row("0", "0.0001", country="x" * 128, day=NEXT, currency="EUR"),
    ]
    for by in ("country", "store", "product"):
        for part in (rows, rows[:1], rows[1:2]):
            size_of(draw(sum_up(table(part), by, None), {"p1": NASTY}, NASTY))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("by", ["country", "product"])
def test_what_the_font_can_not_draw_is_replaced_without_a_word_on_the_terminal(
    by: str, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [row("3", country="日本", product="🫖1"), row("2", country="हिन्दी", product="2", day=NEXT)]
    report = sum_up(table(rows), by, None)
    labels = {"🫖1": "🫖 TEAPOT 👩‍🔧", "2": "CAFÉ €5 Я"}
    assert draw(report, labels, "2 events of 日本.csv are not processed yet").startswith(b"\x89PNG")
    assert capfd.readouterr() == ("", "")


def test_a_character_without_a_glyph_is_one_square() -> None:
    assert drawable("🫖 TEAPOT 👩‍🔧, CAFÉ £5") == "□ TEAPOT □□, CAFÉ £5"
    assert printable("👩‍🔧\x1b[2J") == "👩‍🔧?[2J"


def test_the_same_report_makes_the_same_picture(two_days: SalesReport) -> None:
    assert draw(two_days, {}, None) == draw(two_days, {}, None)


class Page(HTMLParser):
    """Every tag with its attributes, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_is_whole_and_harmless() -> None:
    report = sum_up(table([row("1234.5", country=NASTY), row("1", day=NEXT)]), "country", None)
    page = Page(make_page(report, {}, draw(report, {}, None), NASTY))
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object"}
    sources = [value for _, attributes in page.tags for name, value in attributes.items() if name in {"src", "href"}]
    assert len(sources) == 1
    assert str(sources[0]).startswith("data:image/png;base64,")
    assert "://" not in "".join(str(attributes) for _, attributes in page.tags)
    assert page.text.count(NASTY) == 2, "a line of its day and one of all days"
    assert f"Not complete: {NASTY}" in page.text
    assert page.text.count("1,234.50") == 6, "sales and revenue: the line, its day and all days"
