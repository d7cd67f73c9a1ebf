"""Stores the messages of its queue as records: {"id": "…", "text": "…"}, under their ids."""

import json
import logging
import os
from functools import cache
from typing import Any

import boto3

logger = logging.getLogger()


def record_of(body: str) -> dict[str, str]:
    """The record that a message's body holds. Raises ValueError for any other body."""
    match json.loads(body):
        case {"id": str(id_), "text": str(text)} if id_ and text:
            return {"id": id_, "text": text, "stored_by": "take_returns"}
    raise ValueError("a message has an id and a text")


@cache
def _table() -> Any:
    return boto3.resource("dynamodb").Table(os.environ["RECORDS_TABLE"])


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Stores what can be stored; the other messages are received again, and become dead letters in the end."""
    failed = []
    for message in event["Records"]:
        try:
            _table().put_item(Item=record_of(message["body"]))
        except Exception:
            logger.exception("message %s could not be stored", message["messageId"])
            failed.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failed}
