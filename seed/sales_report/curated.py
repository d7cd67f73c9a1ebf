"""The lake's zones as the report reads them: partitions, and what stands in them."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from stockroom.errors import StockroomError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RAW_EVENTS = "sales_events/"
REJECTED_EVENTS = "rejected/sales_events/"

PROCESSED = re.compile(r"sales/event_date=([0-9]{4}-[0-9]{2}-[0-9]{2})/sales\.parquet")
CURATED = re.compile(r"daily_sales/sale_date=([0-9]{4}-[0-9]{2}-[0-9]{2})/daily_sales\.parquet")

DAILY_SALES = pa.schema(
    [
        ("sale_date", pa.date32()),
        ("store_id", pa.string()),
        ("product_id", pa.string()),
        ("country", pa.string()),
        ("currency", pa.string()),
        ("units_sold", pa.int64()),
        ("units_returned", pa.int64()),
        ("sales", pa.decimal128(38, 4)),
        ("returns", pa.decimal128(38, 4)),
        ("revenue", pa.decimal128(38, 4)),
    ]
)


@dataclass(frozen=True)
class Buckets:
    """The names of the lake's buckets."""

    raw: str
    processed: str
    curated: str


@dataclass(frozen=True)
class DailySales:
    """One curated object: its rows in the form of DAILY_SALES, and the processed object that they sum up."""

    table: pa.Table
    source_etag: str | None


def bucket_names(outputs: Mapping[str, Any]) -> Buckets:
    """The buckets, from the outputs of the data platform's stack."""
    try:
        names = outputs["bucket_names"]
        return Buckets(names["raw"], names["processed"], names["curated"])
    except KeyError as missing:
        raise StockroomError(
            f"the deployed data platform has no output {missing}", "deploy it with `invoke infra-up`"
        ) from None


def list_etags(s3: S3Client, bucket: str, prefix: str) -> dict[str, str]:
    """The ETags, without quotes, by key."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {entry["Key"]: entry["ETag"].strip('"') for page in pages for entry in page.get("Contents", [])}


def partitions(etags: Mapping[str, str], form: re.Pattern[str]) -> dict[date, tuple[str, str]]:
    """Key and ETag of each day's object, in order of days; keys of another form are left out."""
    found = {}
    for key, etag in etags.items():
        if match := form.fullmatch(key):
            with suppress(ValueError):
                found[date.fromisoformat(match[1])] = (key, etag)
    return dict(sorted(found.items()))


def read_daily_sales(s3: S3Client, bucket: str, key: str) -> DailySales:
    answer = s3.get_object(Bucket=bucket, Key=key)
    table = _read_parquet(answer["Body"].read(), DAILY_SALES, f"s3://{bucket}/{key}")
    return DailySales(table, answer["Metadata"].get("source-etag", "").strip('"') or None)


def read_event_ids(s3: S3Client, bucket: str, key: str) -> pa.ChunkedArray:
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return _read_parquet(content, pa.schema([("event_id", pa.string())]), f"s3://{bucket}/{key}")["event_id"]


def _read_parquet(content: bytes, schema: pa.Schema, where: str) -> pa.Table:
    """The columns of the schema and no others. Raises StockroomError where they are not all there."""
    try:
        # One thread: the objects are small, and many of them are read side by side.
        table = pq.ParquetFile(io.BytesIO(content)).read(columns=schema.names, use_threads=False)
        return table.select(schema.names).cast(schema)
    except (pa.ArrowException, KeyError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise StockroomError(
            f"{where} does not hold the columns {', '.join(schema.names)}: {reason}",
            "`invoke infra-up` deploys the functions that write it",
        ) from None
