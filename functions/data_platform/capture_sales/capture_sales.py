"""Kinesis `sales-events` to the raw bucket: every event stored under its date, or rejected with its reason.

A failure to write fails the whole batch, and the next delivery writes the same objects again.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import botocore.session  # a client needs no more of boto3, and the rest of it costs 0.1 s of every cold start
from aws_lambda_powertools import Logger
from raw_objects import RawObject, sort_batch

logger = Logger()
bucket = os.environ["RAW_BUCKET"]
s3: Any = botocore.session.get_session().create_client("s3")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Store one batch of one shard; raises on any failure to write."""
    batch = sort_batch(event.get("Records", []))
    with ThreadPoolExecutor(max_workers=8) as writers:
        list(writers.map(_write, batch.objects))
    if batch.rejected:
        logger.warning("events rejected", extra={"reasons": batch.rejected})
    logger.info(
        "batch stored",
        extra={
            "stored": batch.stored,
            "rejected": sum(batch.rejected.values()),
            "objects": len(batch.objects),
        },
    )
    return {"batchItemFailures": []}


def _write(raw: RawObject) -> None:
    s3.put_object(Bucket=bucket, Key=raw.key, Body=raw.body, ContentType="application/gzip")
