import importlib
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import parquet_file
import pyarrow.parquet as pq
import pytest
from fake_s3 import FakeS3, etag
from lambda_calls import QUEUE, Context, batch, failed, object_created
from test_daily_table import SALE, processed

DATA_PLATFORM = Path(__file__).parents[3] / "functions" / "data_platform"
SOURCE = "sales/event_date=2010-12-01/sales.parquet"
TARGET = ("curated", "daily_sales/sale_date=2010-12-01/daily_sales.parquet")
MESSAGE = object_created("processed", SOURCE)


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Any:
    names = {"PROCESSED_BUCKET": "processed", "CURATED_BUCKET": "curated", **QUEUE}
    for name, value in (names | {"AWS_DEFAULT_REGION": "eu-west-1"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(DATA_PLATFORM / "daily_sales")  # another folder of tests may use the name too
    module = importlib.import_module("daily_sales")
    monkeypatch.setattr(module, "s3", FakeS3())
    return module


def put(function: Any, *quantities: int) -> bytes:
    """Store a processed object with an event for each of `quantities`."""
    sales = [SALE._replace(event_id=str(n), quantity=quantity) for n, quantity in enumerate(quantities)]
    body = parquet_file.write(processed(sales))
    function.s3.store("processed", SOURCE, body)
    return body


def units(function: Any) -> list[tuple[int, int]]:
    table = pq.ParquetFile(io.BytesIO(function.s3.objects[TARGET][0])).read()
    return [(row["units_sold"], row["units_returned"]) for row in table.to_pylist()]


def test_the_daily_sales_name_the_object_that_they_were_built_from(function: Any) -> None:
    body = put(function, 6, 1, -2)
    assert failed(function.handler(batch([MESSAGE, MESSAGE]), Context())) == []
    assert units(function) == [(7, 2)]
    assert function.s3.objects[TARGET][1]["source-etag"] == etag(body).strip('"')
    assert function.s3.calls == ["head", "get", "put"]


def test_nothing_is_written_twice_for_one_source(function: Any) -> None:
    put(function, 6)
    function.handler(batch([MESSAGE]), Context())
    function.s3.calls.clear()
    assert failed(function.handler(batch([MESSAGE]), Context())) == []
    assert function.s3.calls == ["head", "get"]
    put(function, 6, 1)
    function.handler(batch([MESSAGE]), Context())
    assert units(function) == [(7, 0)]


def test_one_that_was_overtaken_reads_the_newer_events(function: Any) -> None:
    put(function, 1)

    def overtake() -> None:
        function.s3.before_put = lambda: None
        put(function, 1, 2)
        assert failed(function.handler(batch([MESSAGE]), Context())) == []
        put(function, 1, 2, 3)

    function.s3.before_put = overtake
    assert failed(function.handler(batch([MESSAGE]), Context())) == []
    assert units(function) == [(6, 0)]


def test_one_date_that_fails_leaves_the_others_alone(function: Any) -> None:
    put(function, 6)
    other = "sales/event_date=2010-12-02/sales.parquet"
    function.s3.store("processed", other, b"no parquet")
    messages = [
        object_created("processed", other),
        MESSAGE,
        object_created("processed", "sales/event_date=2010-12-03/sales.parquet"),  # gone by now
        object_created("processed", "sales/event_date=2010-12-01/other.parquet"),
    ]
    assert sorted(failed(function.handler(batch(messages), Context()))) == ["m0", "m2", "m3"]
    assert units(function) == [(6, 0)]


def test_years_beyond_nanoseconds(function: Any) -> None:
    source = "sales/event_date=0001-01-01/sales.parquet"
    sale = SALE._replace(event_time=datetime(1, 1, 1, tzinfo=UTC))
    function.s3.store("processed", source, parquet_file.write(processed([sale])))
    assert failed(function.handler(batch([object_created("processed", source)]), Context())) == []
    assert ("curated", "daily_sales/sale_date=0001-01-01/daily_sales.parquet") in function.s3.objects
