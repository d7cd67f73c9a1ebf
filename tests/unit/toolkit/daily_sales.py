"""Rows of the curated data, and an S3 that holds them in memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seed.sales_report.curated import DAILY_SALES

DAY = date(2010, 12, 1)


def row(
    sales: str,
    returns: str = "0",
    day: date = DAY,
    country: str = "France",
    store: str = "online",
    product: str = "p1",
    currency: str = "GBP",
    sold: int = 1,
    returned: int = 0,
) -> dict[str, Any]:
    bought, brought = Decimal(sales), Decimal(returns)
    return {
        "sale_date": day,
        "store_id": store,
        "product_id": product,
        "country": country,
        "currency": currency,
        "units_sold": sold,
        "units_returned": returned,
        "sales": bought,
        "returns": brought,
        "revenue": bought - brought,
    }


def table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=DAILY_SALES)


def parquet(content: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(content, file)
    return file.getvalue()


class MemoryS3:
    """Objects by bucket and key; counts what is read."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], tuple[bytes, dict[str, str]]] = {}
        self.reads: list[str] = []

    def client(self, service: str) -> MemoryS3:
        assert service == "s3"
        return self

    def put(self, bucket: str, key: str, body: bytes, **metadata: str) -> str:
        """Returns the ETag without quotes."""
        self.objects[bucket, key] = (body, {name.replace("_", "-"): value for name, value in metadata.items()})
        return self.etag(bucket, key)

    def etag(self, bucket: str, key: str) -> str:
        return hashlib.md5(self.objects[bucket, key][0]).hexdigest()

    def get_paginator(self, operation: str) -> MemoryS3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        found = [key for bucket, key in sorted(self.objects) if bucket == Bucket and key.startswith(Prefix)]
        pages = [found[at : at + 2] for at in range(0, len(found), 2)]
        return [
            {"Contents": [{"Key": key, "ETag": f'"{self.etag(Bucket, key)}"'} for key in page]} for page in pages
        ] or [{}]

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.reads.append(Key)
        body, metadata = self.objects[Bucket, Key]
        return {"Body": io.BytesIO(body), "Metadata": metadata}
