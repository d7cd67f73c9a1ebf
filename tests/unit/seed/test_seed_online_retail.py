"""Every shape in which the data set circulates, one file each, and every reason for which a row is refused."""

import csv
from collections import Counter

import pytest

from seed import reasons
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
    ((_, digest), *_) = dataset.invoices()
    (first, *_) = dataset.events()
    assert first == {
        "event_id": f"{digest}-2",
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
    assert dataset.reading.left_out_file is None


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
    "C536367,22745,X,6,12/1/10 8:34,2.1,13047,UK": reasons.POSITIVE_ON_RETURN,
    "536367,22745,X,0,12/1/10 8:34,2.1,13047,UK": reasons.ZERO_QUANTITY,
    "536367,22745,X,six,12/1/10 8:34,2.1,13047,UK": reasons.BAD_QUANTITY,
    "536367,22745,X,1.5,12/1/10 8:34,2.1,13047,UK": reasons.BAD_QUANTITY,
    "536367,22745,X,,12/1/10 8:34,2.1,13047,UK": reasons.BAD_QUANTITY,
    "536367,22745,X,6,12/1/10 8:34,-2.1,13047,UK": reasons.NEGATIVE_PRICE,
    "536367,22745,X,6,12/1/10 8:34,free,13047,UK": reasons.BAD_PRICE,
    "536367,22745,X,6,12/1/10 8:34,NaN,13047,UK": reasons.BAD_PRICE,
    "536367,22745,X,6,12/1/10 8:34,1e30,13047,UK": reasons.PRICE_RANGE,
    "536367,22745,X,6,12/1/10 8:34,0.0000001,13047,UK": reasons.FINE_PRICE,
    "536367,22745,X,6,12/1/10 8:34,,13047,UK": reasons.BAD_PRICE,
    ",22745,X,6,12/1/10 8:34,2.1,13047,UK": reasons.NO_INVOICE,
    "536367, ,X,6,12/1/10 8:34,2.1,13047,UK": reasons.NO_PRODUCT,
    "536367,22745,X,6,12/32/10 8:34,2.1,13047,UK": reasons.BAD_DATE,
    "536367,22745,X,6,,2.1,13047,UK": reasons.BAD_DATE,
    "536367,22745,X,6,12/1/10 8:34,2.1,13047": reasons.WRONG_COLUMNS,
    "536367,22745,X,6,12/1/10 8:34,2.1,13047,UK,": reasons.WRONG_COLUMNS,
    "536367,22745,A, B,6,12/1/10 8:34,2.1,13047,UK": reasons.WRONG_COLUMNS,
    f"{'5' * 200},22745,X,6,12/1/10 8:34,2.1,13047,UK": reasons.too_long("invoice"),
    f"536367,22745,{'X' * 2000},6,12/1/10 8:34,2.1,13047,UK": reasons.LONG_CELL,
    '536367,22745,"X,6,12/1/10 8:34,2.1,13047,UK': reasons.UNCLOSED_QUOTE,
}


@pytest.mark.parametrize(("row", "reason"), REJECTED.items())
def test_a_row_that_is_no_sale_is_rejected_with_its_reason(stage: Stage, row: str, reason: str) -> None:
    dataset = stage([ROWS[0], row, ROWS[1]])
    assert dataset.reading.rejected == {reason: 1}
    assert dataset.reading.rows_read == 3
    assert dataset.reading.rows_accepted == dataset.counts.events == 2


SET_ASIDE = {
    "536367,22745,X,-6,12/1/10 8:34,2.1,13047,UK": reasons.STOCK_ADJUSTMENT,
    "536589,21777,damaged,-10,12/1/10 16:50,0,,UK": reasons.STOCK_ADJUSTMENT,
    "A563185,B,Adjust bad debt,1,12/1/10 8:34,11062.06,,UK": reasons.ACCOUNT_ADJUSTMENT,
    "A563186,B,Adjust bad debt,1,12/1/10 8:34,-11062.06,,UK": reasons.ACCOUNT_ADJUSTMENT,
    "495733,ADJUST,Adjustment by john on 26/01/2010 16,1,12/1/10 8:34,96.46,14911,EIRE": reasons.ACCOUNT_ADJUSTMENT,
    "C496466,ADJUST2,Adjustment by Peter on Jun 25 2010,-1,12/1/10 8:34,358.47,,UK": reasons.ACCOUNT_ADJUSTMENT,
    "C537630,AMAZONFEE,AMAZON FEE,-1,12/1/10 8:34,13541.33,,UK": reasons.FEE,
    "551697,AMAZONFEE,AMAZON FEE,1,12/1/10 8:34,13541.33,,UK": reasons.FEE,
    "C564763,CRUK,CRUK Commission,-1,12/1/10 8:34,1.60,14096,UK": reasons.FEE,
    "C545220,BANK CHARGES,Bank Charges,-1,12/1/10 8:34,1.20,,UK": reasons.FEE,
}


@pytest.mark.parametrize(("row", "reason"), SET_ASIDE.items())
def test_a_row_that_is_right_and_no_sale_is_set_aside(stage: Stage, row: str, reason: str) -> None:
    dataset = stage([ROWS[0], row, ROWS[1]])
    assert dataset.reading.set_aside == {reason: 1}
    assert dataset.reading.rejected == {}
    assert dataset.reading.rows_read == 3
    assert dataset.reading.rows_accepted == dataset.counts.events == 2
    assert dataset.reading.left_out_file is not None
    assert reason in dataset.reading.left_out_file.read_text()


@pytest.mark.parametrize(
    "row",
    [
        "536370,POST,POSTAGE,3,12/1/10 8:45,18,12583,France",
        "536544,DOT,DOTCOM POSTAGE,1,12/1/10 14:32,569.77,,UK",
        "536540,C2,CARRIAGE,1,12/1/10 14:05,50,14911,EIRE",
        "536569,M,Manual,1,12/1/10 15:35,1.25,16274,UK",
        "C536379,D,Discount,-1,12/1/10 9:41,27.5,14527,UK",
        "C540422,S,SAMPLES,-1,12/1/10 12:02,33.05,,UK",
        "544434,PADS,PADS TO MATCH ALL CUSHIONS,1,12/1/10 16:15,0.001,15618,UK",
        "536779,BANK CHARGES,Bank Charges,1,12/1/10 15:08,15,15823,UK",
        "539492,gift_0001_40,Dotcomgiftshop Gift Voucher £40.00,1,12/1/10 10:14,34.04,,UK",
        "536367,B,BLUE MUG,1,12/1/10 8:34,2.1,13047,UK",
        "536367,ADJUST,SPANNER,1,12/1/10 8:34,2.1,13047,UK",
        "A536367,22745,X,1,12/1/10 8:34,2.1,13047,UK",
    ],
)
def test_what_stands_on_an_invoice_counts(stage: Stage, row: str) -> None:
    dataset = stage([row])
    assert (dataset.reading.rows_accepted, dataset.reading.left_out_file) == (1, None)


def test_rejected_rows_are_kept_with_line_reason_and_row(stage: Stage) -> None:
    rows = [line for row in REJECTED for line in (ROWS[0], row)]
    dataset = stage(rows)
    reading = dataset.reading
    assert reading.left_out_file is not None
    with reading.left_out_file.open(encoding="utf-8", newline="") as file:
        kept = list(csv.DictReader(file))
    assert [(int(row["line"]), row["reason"], row["row"]) for row in kept] == [
        (3 + 2 * place, reason, row) for place, (row, reason) in enumerate(REJECTED.items())
    ]
    assert reading.rejected == Counter(REJECTED.values())
    assert reading.rows_read == reading.rows_accepted + sum(reading.rejected.values()) == len(rows)


def test_a_file_of_which_nothing_can_be_taken_is_refused(stage: Stage) -> None:
    with pytest.raises(StockroomError, match="none of its 2 rows can be taken") as refused:
        stage(["536367,22745,X,0,12/1/10 8:34,2.1,13047,UK", ",,,,,,,"])
    assert "left-out-sales-" in str(refused.value.hint)


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


def test_the_line_in_which_excel_names_the_separator(stage: Stage) -> None:
    dataset = stage([HEADER, *ROWS], header="sep=,")
    assert [event["order_id"] for event in dataset.events()] == ["536365", "536365", "536366", "C536379"]
    with pytest.raises(StockroomError, match="separated by ';', not by commas") as refused:
        stage([HEADER.replace(",", ";"), ROWS[0].replace(",", ";").replace("2.55", "2,55")], header="sep=;")
    assert "2,55" in str(refused.value.hint)


def test_computed_prices_are_told(stage: Stage) -> None:
    dataset = stage([ROWS[0].replace("2.55", "1.1979124548825382"), ROWS[1].replace("3.39", "15.299999999999999")])
    assert [event["unit_price"] for event in dataset.events()] == ["1.1979", "15.30"]
    assert "2 computed prices were rounded to 4 decimals" in dataset.reading.notes


def test_a_long_cell_of_a_column_that_nobody_reads(stage: Stage) -> None:
    assert stage([f"{ROWS[0]},{'x' * 5000}"], header=f"{HEADER},Notes").reading.rows_accepted == 1


def test_an_odd_byte_is_told(stage: Stage) -> None:
    dataset = stage([ROWS[0]])
    assert "text read as UTF-8" in dataset.reading.notes
    dataset = stage(["536365,X,CAFÉ,6,12/1/10 8:26,2.55,,France"], encoding="latin-1")
    assert "text read as UTF-8, and what is none as Windows-1252 (Latin-1)" in dataset.reading.notes


def test_an_empty_file_and_one_without_rows_are_refused(stage: Stage, write_csv: WriteCsv) -> None:
    with pytest.raises(StockroomError, match="is empty"):
        stage([], header="", newline="")
    with pytest.raises(StockroomError, match="has a header line but no rows"):
        stage([])
