"""Parquet files that are the same to the byte whenever their rows are. Only for functions with the layer `pyarrow`."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_PER_GROUP = 1 << 17


def write(table: pa.Table) -> bytes:
    """The rows in their order. Every setting that has a say in the bytes is given: a default may change."""
    target = pa.BufferOutputStream()
    pq.write_table(
        # However the columns are cut into chunks, they are written as one.
        table.combine_chunks(),
        target,
        row_group_size=ROWS_PER_GROUP,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=3,
        use_dictionary=True,
        write_statistics=True,
        store_schema=True,
    )
    return bytes(target.getvalue())


def read(body: bytes, columns: list[str]) -> pa.Table:
    # Not pq.read_table: it imports pyarrow.dataset, which a cold start would wait for.
    return pq.ParquetFile(pa.BufferReader(body)).read(columns=columns)
