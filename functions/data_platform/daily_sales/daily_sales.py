"""SQS `processed-objects` to the curated bucket: the daily sales of a date, built from its processed events.

A message only says which date to look at: one of an older version builds from the present one.
"""

from __future__ import annotations

import os
import re
from typing import Any

import botocore.session  # a client needs no more of boto3, and the rest of it costs 0.1 s of every cold start
import parquet_file
import pyarrow as pa
import rebuild
import redelivery
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError
from daily_table import LAYOUT, READ, daily_table
from object_created import Source, sort_messages

logger = Logger()
processed = Source(os.environ["PROCESSED_BUCKET"], "sales/event_date=", re.compile(r"sales\.parquet"))
curated_bucket = os.environ["CURATED_BUCKET"]
queue_url = os.environ["QUEUE_URL"]
s3: Any = botocore.session.get_session().create_client("s3", config=rebuild.S3_CONFIG)


class NothingToReadError(rebuild.UnmendedError):
    """A message names an object that is not there."""


class UnreadableError(rebuild.UnmendedError):
    """The processed object is no Parquet file, or lacks columns."""


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Rebuild the dates of a batch, and report the messages of those that failed."""
    records = redelivery.most_received_first(event.get("Records", []))
    batch = sort_messages(records, processed)
    again = redelivery.Redelivery(records, redelivery.first_pause())
    answer = rebuild.rebuild_partitions(batch, _rebuild, context, again, logger)
    redelivery.tell(queue_url, again, logger)
    return answer


def _rebuild(date: str) -> rebuild.Counts:
    """Raises OvertakenError, NothingToReadError, UnreadableError, ClientError."""
    target = rebuild.Target(s3, curated_bucket, f"daily_sales/sale_date={date}/daily_sales.parquet")
    present = target.look()  # before the events: who has read newer ones since then, has written since then
    built_from = present.metadata.get("source-etag") if present.metadata.get("layout") == str(LAYOUT) else None
    source = _read(date, unless=built_from)
    if source is None:
        return {"written": False}
    body, etag = source
    try:
        sales = parquet_file.read(body, READ)
    except pa.ArrowException as error:
        raise UnreadableError(f"the processed object of {date}: {error}") from error
    table = daily_table(sales, date)
    target.replace(present, parquet_file.write(table), {"source-etag": etag, "layout": str(LAYOUT)})
    return {"written": True, "events": sales.num_rows, "rows": table.num_rows}


def _read(date: str, unless: str | None) -> tuple[bytes, str] | None:
    """The processed object and its ETag without quotes; None when it is still the one with the ETag `unless`."""
    condition = {"IfNoneMatch": f'"{unless}"'} if unless else {}
    try:
        answer = s3.get_object(Bucket=processed.bucket, Key=f"sales/event_date={date}/sales.parquet", **condition)
    except ClientError as error:
        match rebuild.error_code(error):
            case "304" | "NotModified":
                return None
            case "NoSuchKey":
                raise NothingToReadError(f"the processed bucket holds nothing of {date}") from error
        raise
    return answer["Body"].read(), answer["ETag"].strip('"')
