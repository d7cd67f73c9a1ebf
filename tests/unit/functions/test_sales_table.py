import hashlib
import hmac
import io
import json
import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import parquet_file
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sales_table import (
    SCHEMA,
    Partition,
    RawObject,
    UnreadableError,
    pseudonyms,
    read_sales,
    sales_table,
    source_digest,
)
from test_sales_event import EVENT

SECRET = "s" * 32
DATE = "2010-12-01"


def line(**changes: Any) -> bytes:
    return json.dumps(EVENT | changes, ensure_ascii=False).encode() + b"\n"


def build(*lines: bytes, date: str = DATE) -> Partition:
    return sales_table(read_sales(lines, "raw.jsonl.gz", date, pseudonyms(SECRET)))


def written(*lines: bytes, date: str = DATE) -> pa.Table:
    return pq.ParquetFile(io.BytesIO(parquet_file.write(build(*lines, date=date).table))).read()


def test_an_event_becomes_a_row_with_the_types_of_the_schema() -> None:
    table = written(line())
    assert table.schema.equals(SCHEMA)
    assert table.to_pylist() == [
        EVENT
        | {
            "event_time": datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
            "unit_price": Decimal("2.5500"),
            "customer_id": hmac.new(SECRET.encode(), b"17850", hashlib.sha256).hexdigest()[:32],
        }
    ]


def test_no_customer_stays_none_and_the_same_customer_is_one_pseudonym_under_one_secret() -> None:
    table = build(line(), line(event_id="2"), line(event_id="3", customer_id=None), line(event_id="4", customer_id="é"))
    first, second, none, other = sorted(table.table.to_pylist(), key=lambda row: (row["event_id"] != "536365-1",))
    ids = {row["event_id"]: row["customer_id"] for row in (first, second, none, other)}
    assert ids["536365-1"] == ids["2"] != ids["4"]
    assert ids["3"] is None
    assert pseudonyms(SECRET)("17850") != pseudonyms(SECRET + "t")("17850")
    assert b"17850" not in parquet_file.write(table.table)


def test_unknown_fields_stay_in_raw() -> None:
    assert written(line(weight=1.10, big=10**30)).column_names == SCHEMA.names


@pytest.mark.parametrize("price", ["0", "0.0001", "38970.00", "2.5", "999999999.9999", "000000001"])
def test_prices_are_exact(price: str) -> None:
    (row,) = written(line(unit_price=price)).to_pylist()
    assert row["unit_price"] == Decimal(price)


@pytest.mark.parametrize("quantity", [-1, -(2**31) + 1, 2**31 - 1])
def test_quantities_keep_their_sign(quantity: int) -> None:
    (row,) = written(line(quantity=quantity)).to_pylist()
    assert row["quantity"] == quantity


@pytest.mark.parametrize("year", ["0001", "1582", "1676", "1969", "2263", "9999"])
@pytest.mark.parametrize("time", ["00:00:00Z", "23:59:59.999999Z", "12:00:00.5Z"])
def test_every_year_and_microsecond_is_kept(year: str, time: str) -> None:
    (row,) = written(line(event_time=f"{year}-06-15T{time}"), date=f"{year}-06-15").to_pylist()
    assert row["event_time"] == datetime.fromisoformat(f"{year}-06-15T{time}")


def test_of_events_with_one_id_the_first_counts_and_duplicates_are_counted() -> None:
    partition = build(line(quantity=1), line(quantity=2), line(quantity=1), line(event_id="other"))
    assert partition.duplicates == 2
    assert [(row["event_id"], row["quantity"]) for row in partition.table.to_pylist()] == [
        ("536365-1", 1),
        ("other", 6),
    ]


def test_rows_are_in_the_order_of_time_and_id() -> None:
    late = "2010-12-01T08:26:00.5Z"  # as a text before …00Z
    table = build(line(event_id="b"), line(event_id="a", event_time=late), line(event_id="B"), line(event_id="c"))
    assert [row["event_id"] for row in table.table.to_pylist()] == ["B", "b", "c", "a"]


def test_the_same_events_give_the_same_bytes_in_whatever_order_they_arrived() -> None:
    chance = random.Random(3)
    lines = [
        line(event_id=f"e{number}", event_time=f"2010-12-01T{chance.randrange(24):02}:00:00Z", quantity=number + 1)
        for number in range(500)
    ]
    expected = parquet_file.write(build(*lines).table)
    for _ in range(5):
        again = [*lines, *chance.sample(lines, 50)]
        chance.shuffle(again)
        assert parquet_file.write(build(*again).table) == expected


def test_chunks_do_not_show_in_the_bytes() -> None:
    table = build(*(line(event_id=str(number)) for number in range(100))).table
    cut = pa.concat_tables([table.slice(0, 7), table.slice(7)])
    assert parquet_file.write(cut) == parquet_file.write(table)


def test_no_events_make_an_empty_table() -> None:
    assert build().table.equals(SCHEMA.empty_table())


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b"\n", "event is not JSON"),
        (b"\xff\n", "event is not UTF-8"),
        (b"[]\n", "event is not a JSON object"),
        (line()[:-20], "event is not JSON"),
        (line(quantity="6"), "quantity is not a whole number"),
        (line(quantity=2**31), "quantity is out of range"),
        (line(unit_price="1e3"), "unit_price is not a decimal string with at most 4 decimals"),
        (line(description=None), "description is not a text"),
        (line(description="X").replace(b'"X"', b'"\\ud83d"'), "description is not a text"),
        (line(customer_id=""), "customer_id is not an identifier of 1 to 128 characters"),
        (line(event_time="2010-12-02T00:00:00Z"), "event_time is not of this date"),
    ],
)
def test_a_line_that_is_no_event_of_the_date_is_an_error_that_says_where_and_shows_no_value(
    damaged: bytes, reason: str
) -> None:
    with pytest.raises(UnreadableError) as error:
        build(line(), damaged)
    assert str(error.value) == f"raw.jsonl.gz, line 2: {reason}"
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_the_digest_tells_other_objects_and_another_secret() -> None:
    one, two = RawObject("a", '"1"'), RawObject("b", '"2"')
    digests = [
        source_digest([one, two], SECRET),
        source_digest([one], SECRET),
        source_digest([two, one], SECRET),
        source_digest([one, RawObject("b", '"3"')], SECRET),
        source_digest([one, two], SECRET + "t"),
    ]
    assert len(set(digests)) == len(digests)
    assert source_digest([one, two], SECRET) == digests[0]
