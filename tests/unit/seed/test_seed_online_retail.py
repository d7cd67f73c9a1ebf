"""Every shape in which the data set circulates, one file each, and every reason for which a row is refused."""

import csv
from collections import Counter

import pytest

from seed import online_retail as uci
from seed.dates import DateOrder
from stockroom.errors import StockroomError
from tests.unit.seed.sales_files import HEADER, ROWS, Stage, WriteCsv

PLAIN_TIMES = ["2010-12-01T08:26:00Z", "2010-12-01T08:26:00Z", "2010-12-01T08:28:00Z", "2010-12-01T09:41:00Z"]


def redated(*dates: str) -> list[str]:
    old = ["12/1/10 8:26", "12/1/10 8:26", "12/1/10 8:28", "12/1/10 9:41"]
    return [row.replace(before, after) for row, before, after in zip(ROWS, old, dates, strict=True)]


def test_the_published_shape(stage: Stage) -> None:
    dataset = stage()
    assert [event["event_time"] for event in dataset.events()] == PLAIN_TIMES
    assert next(dataset.events()) == {
        "event_id": f"{dataset.digest[:8]}-2",
        "event_time": "2010-12-01T08:26:00Z",
        "order_id": "536365",
        "line": 1,
        "product_id": "85123A",
        "description": "WHITE HANGING HEART",
        "quantity": 6,
        "unit_price": "2.55",
        "currency": "GBP",
        "customer_id": "17850",
        "store_id": "online",
        "country": "United Kingdom",
    }
    assert dataset.reading.rows_read == dataset.reading.rows_accepted == 4
    assert dataset.reading.rejected_file is None


@pytest.mark.parametrize(
    "dates",
    [
        ("12-01-2010 08:26", "12-01-2010 08:26", "12-01-2010 08:28", "12-13-2010 09:41"),
        ("1/12/2010 8:26", "1/12/2010 8:26", "1/12/2010 8:28", "13/12/2010 9:41"),
        ("2010-12-01 08:26:00", "2010-12-01 08:26:00", "2010-12-01 08:28:00", "2010-12-13 09:41:00"),
    ],
)
def test_dates_in_the_other_shapes(stage: Stage, dates: tuple[str, ...]) -> None:
    assert [event["event_time"] for event in stage(redated(*dates)).events()] == [
        *PLAIN_TIMES[:3],
        "2010-12-13T09:41:00Z",
    ]


def test_a_day_first_file_that_does_not_tell_needs_the_option(stage: Stage) -> None:
    rows = redated(*["1/12/2010 8:26"] * 4)
    with pytest.raises(StockroomError, match=r"sales\.csv: the dates could be month first or day first"):
        stage(rows)
    events = list(stage(rows, date_order=DateOrder.DMY).events())
    assert {event["event_time"] for event in events} == {"2010-12-01T08:26:00Z"}


@pytest.mark.parametrize(
    "header",
    [
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
        "invoiceno,STOCKCODE,description,quantity,invoice date,unit_price,customerid,COUNTRY",
        " InvoiceNo , Stock Code,Description ,Quantity,InvoiceDate,Unit Price,Customer Id,Country",
        '"InvoiceNo","StockCode","Description","Quantity","InvoiceDate","UnitPrice","CustomerID","Country"',
    ],
)
def test_column_names_of_both_editions(stage: Stage, header: str) -> None:
    assert [order["order_id"] for order in stage(header=header).orders()] == ["536365", "536366", "C536379"]


def test_columns_in_another_order_and_one_more(stage: Stage) -> None:
    shuffled = stage(
        ["United Kingdom,7,17850,2.55,12/1/10 8:26,6,WHITE HANGING HEART,85123A,536365"],
        header="Country,Row,CustomerID,UnitPrice,InvoiceDate,Quantity,Description,StockCode,InvoiceNo",
    )
    (event,) = shuffled.events()
    (plain,) = stage(ROWS[:1]).events()
    assert event | {"event_id": ""} == plain | {"event_id": ""}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings(stage: Stage, encoding: str, newline: str) -> None:
    row = "536365,85123A,CAFÉ £5 MUG,6,12/1/10 8:26,2.55,17850,Curaçao"
    (event,) = stage([row], encoding=encoding, newline=newline).events()
    assert (event["description"], event["country"]) == ("CAFÉ £5 MUG", "Curaçao")


@pytest.mark.parametrize(("cell", "expected"), [("17850", "17850"), ("17850.0", "17850"), ("", None), (" ", None)])
def test_customer_numbers(stage: Stage, cell: str, expected: str | None) -> None:
    (event,) = stage([ROWS[0].replace("17850", cell)]).events()
    assert event["customer_id"] == expected


def test_quoted_descriptions_with_commas_and_quotes(stage: Stage) -> None:
    (event,) = stage(['536365,X,"AIRLINE BAG, ""JET SET"", RED",6,12/1/10 8:26,2.55,,France']).events()
    assert event["description"] == 'AIRLINE BAG, "JET SET", RED'


def test_a_zero_price_is_a_sale_without_revenue(stage: Stage) -> None:
    (event,) = stage(["536414,22139,damaged,56,12/1/10 11:52,0,,United Kingdom"]).events()
    assert (event["unit_price"], event["quantity"]) == ("0.00", 56)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("2.1", "2.10"), ("27", "27.00"), ("0.001", "0.001"), ("100", "100.00"), ("1.0E-03", "0.001"), ("2.550", "2.55")],
)
def test_prices_are_plain_decimals(stage: Stage, cell: str, expected: str) -> None:
    (event,) = stage([ROWS[0].replace("2.55", cell)]).events()
    assert event["unit_price"] == expected


REJECTED = {
    "536367,22745,X,-6,12/1/10 8:34,2.1,13047,UK": uci.STOCK_ADJUSTMENT,
    "C536367,22745,X,6,12/1/10 8:34,2.1,13047,UK": uci.POSITIVE_ON_RETURN,
    "536367,22745,X,0,12/1/10 8:34,2.1,13047,UK": uci.ZERO_QUANTITY,
    "536367,22745,X,six,12/1/10 8:34,2.1,13047,UK": uci.BAD_QUANTITY,
    "536367,22745,X,1.5,12/1/10 8:34,2.1,13047,UK": uci.BAD_QUANTITY,
    "536367,22745,X,,12/1/10 8:34,2.1,13047,UK": uci.BAD_QUANTITY,
    "536367,22745,X,6,12/1/10 8:34,-2.1,13047,UK": uci.NEGATIVE_PRICE,
    "536367,22745,X,6,12/1/10 8:34,free,13047,UK": uci.BAD_PRICE,
    "536367,22745,X,6,12/1/10 8:34,NaN,13047,UK": uci.BAD_PRICE,
    "536367,22745,X,6,12/1/10 8:34,1e30,13047,UK": uci.BAD_PRICE,
    "536367,22745,X,6,12/1/10 8:34,0.0000001,13047,UK": uci.BAD_PRICE,
    "536367,22745,X,6,12/1/10 8:34,,13047,UK": uci.BAD_PRICE,
    ",22745,X,6,12/1/10 8:34,2.1,13047,UK": uci.NO_INVOICE,
    "536367, ,X,6,12/1/10 8:34,2.1,13047,UK": uci.NO_PRODUCT,
    "536367,22745,X,6,12/32/10 8:34,2.1,13047,UK": uci.BAD_DATE,
    "536367,22745,X,6,,2.1,13047,UK": uci.BAD_DATE,
    "536367,22745,X,6,12/1/10 8:34,2.1,13047": uci.WRONG_COLUMNS,
    "536367,22745,X,6,12/1/10 8:34,2.1,13047,UK,": uci.WRONG_COLUMNS,
    "536367,22745,A, B,6,12/1/10 8:34,2.1,13047,UK": uci.WRONG_COLUMNS,
    f"{'5' * 200},22745,X,6,12/1/10 8:34,2.1,13047,UK": uci.TOO_LONG,
    f"536367,22745,{'X' * 2000},6,12/1/10 8:34,2.1,13047,UK": uci.TOO_LONG,
    '536367,22745,"X,6,12/1/10 8:34,2.1,13047,UK': uci.UNCLOSED_QUOTE,
}


@pytest.mark.parametrize(("row", "reason"), REJECTED.items())
def test_a_row_that_is_no_sale_is_rejected_with_its_reason(stage: Stage, row: str, reason: str) -> None:
    dataset = stage([ROWS[0], row, ROWS[1]])
    assert dataset.reading.rejected == {reason: 1}
    assert dataset.reading.rows_read == 3
    assert dataset.reading.rows_accepted == dataset.counts.events == 2


def test_rejected_rows_are_kept_with_line_reason_and_row(stage: Stage) -> None:
    rows = [line for row in REJECTED for line in (ROWS[0], row)]
    dataset = stage(rows)
    reading = dataset.reading
    assert reading.rejected_file is not None
    with reading.rejected_file.open(encoding="utf-8", newline="") as file:
        kept = list(csv.DictReader(file))
    assert [(int(row["line"]), row["reason"], row["row"]) for row in kept] == [
        (3 + 2 * place, reason, row) for place, (row, reason) in enumerate(REJECTED.items())
    ]
    assert reading.rejected == Counter(REJECTED.values())
    assert reading.rows_read == reading.rows_accepted + sum(reading.rejected.values()) == len(rows)


def test_a_file_of_which_nothing_can_be_taken_is_refused(stage: Stage) -> None:
    with pytest.raises(StockroomError, match="none of its 2 rows can be taken") as refused:
        stage(["536367,22745,X,0,12/1/10 8:34,2.1,13047,UK", ",,,,,,,"])
    assert "rejected-sales-" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("name,age", "no column InvoiceNo, StockCode, Description"),
        (HEADER.replace(",Country", ""), "no column Country"),
        (HEADER + ",Invoice", "two columns could be InvoiceNo: InvoiceNo and Invoice"),
        (HEADER.replace(",", ";"), "separated by ';', not by commas"),
        (HEADER.replace(",", "\t"), "separated by tabs, not by commas"),
        (ROWS[0], "is not an Online Retail file"),
    ],
)
def test_another_header_is_refused_in_one_line(stage: Stage, header: str, message: str) -> None:
    with pytest.raises(StockroomError, match=message) as refused:
        stage(header=header)
    assert "sales.csv" in refused.value.message
    assert "\n" not in refused.value.message
    assert refused.value.hint


def test_an_empty_file_and_one_without_rows_are_refused(stage: Stage, write_csv: WriteCsv) -> None:
    with pytest.raises(StockroomError, match="is empty"):
        stage([], header="", newline="")
    with pytest.raises(StockroomError, match="has a header line but no rows"):
        stage([])
