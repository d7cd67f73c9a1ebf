"""SQS `raw-objects` to the processed bucket: the Parquet file of a date, built from all raw objects of that date.

A message only says which date to look at. So messages may come twice, late, in any order or to two workers at
once: what stays is the file of all the raw objects there are.
"""

from __future__ import annotations

import functools
import gzip
import os
import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import botocore.session  # a client needs no more of boto3, and the rest of it costs 0.1 s of every cold start
import parquet_file
import rebuild
import redelivery
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError
from object_created import Source, sort_messages
from sales_table import RawObject, Sale, UnreadableError, pseudonyms, read_sales, sales_table, source_digest

READERS = 8
SHORTEST_SECRET = 32  # characters
OBJECTS_KEPT = 256  # each of a batch of 500 events at most: 150 MB

logger = Logger()
raw = Source(os.environ["RAW_BUCKET"], "sales_events/event_date=", re.compile(r"[^/]+\.jsonl\.gz"))
processed_bucket = os.environ["PROCESSED_BUCKET"]
queue_url = os.environ["QUEUE_URL"]
secret_arn = os.environ["PSEUDONYM_SECRET_ARN"]
session = botocore.session.get_session()
s3: Any = session.create_client("s3", config=rebuild.S3_CONFIG)
secrets: Any = session.create_client("secretsmanager", config=rebuild.S3_CONFIG)


class SecretError(Exception):
    """There is no secret to make pseudonyms with."""


class NothingToReadError(rebuild.UnmendedError):
    """A message names an object of a date that has no object."""


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Rebuild the dates of a batch, and report the messages of those that failed.

    Raises SecretError or ClientError when the secret can't be had: then the whole batch stays in the queue.
    """
    records = redelivery.most_received_first(event.get("Records", []))
    batch = sort_messages(records, raw)
    again = redelivery.Redelivery(records, redelivery.first_pause())
    secret = _secret() if batch.dates else ""
    answer = rebuild.rebuild_partitions(batch, lambda date: _rebuild(date, secret), context, again, logger)
    redelivery.tell(queue_url, again, logger)
    return answer


@functools.cache  # of what it returns only: after an error the next call asks again
def _secret() -> str:
    text = str(secrets.get_secret_value(SecretId=secret_arn).get("SecretString", ""))
    if len(text) < SHORTEST_SECRET:
        raise SecretError(f"the secret for pseudonyms must be a text of at least {SHORTEST_SECRET} characters")
    return text


def _rebuild(date: str, secret: str) -> rebuild.Counts:
    """Raises OvertakenError, NothingToReadError, UnreadableError, ClientError."""
    target = rebuild.Target(s3, processed_bucket, f"sales/event_date={date}/sales.parquet")
    present = target.look()  # before the listing: who has listed more since then, has written since then
    objects = _list(date)
    if not objects:
        raise NothingToReadError(f"the raw bucket holds nothing of {date}")
    digest = source_digest(objects, secret)
    if present.metadata.get("source-digest") == digest:
        return {"written": False, "objects": len(objects), "events": int(present.metadata["events"])}
    with ThreadPoolExecutor(READERS) as readers:
        partition = sales_table(chain.from_iterable(readers.map(lambda one: _read(one, date, secret), objects)))
    events = partition.table.num_rows
    body = parquet_file.write(partition.table)
    target.replace(present, body, {"events": str(events), "source-digest": digest})
    return {
        "written": True,
        "objects": len(objects),
        "events": events,
        "duplicates": partition.duplicates,
        "bytes": len(body),
    }


@functools.lru_cache(OBJECTS_KEPT)
def _read(raw_object: RawObject, date: str, secret: str) -> list[Sale]:
    """The events of a raw object, kept for the next rebuild of its date: most of that one's objects are this one's.

    Raises UnreadableError, ClientError, and OvertakenError where it is gone or another one by now.
    """
    try:
        body = s3.get_object(Bucket=raw.bucket, Key=raw_object.key, IfMatch=raw_object.etag)["Body"]
    except ClientError as error:
        if rebuild.error_code(error) in {"NoSuchKey", "PreconditionFailed", "412"}:
            raise rebuild.OvertakenError(raw_object.key) from error
        raise
    try:
        with body, gzip.GzipFile(fileobj=body) as lines:
            return list(read_sales(lines, raw_object.key, date, pseudonyms(secret)))
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UnreadableError(f"{raw_object.key}: {error}") from error


def _list(date: str) -> list[RawObject]:
    """The raw objects of the date, in the order of their keys."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=raw.bucket, Prefix=f"{raw.prefix}{date}/")
    found = [RawObject(item["Key"], item["ETag"]) for page in pages for item in page.get("Contents", [])]
    return sorted((item for item in found if raw.date_in(item.key) == date), key=lambda item: item.key)
