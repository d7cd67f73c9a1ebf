"""The stream of the inventory to SQS `restock-requests`: one request for every time that a product becomes short.

Redelivered records and replays of the stream request nothing again. One gap is left, because SQS forgets a
deduplication id after 5 minutes: when a call ends between sending a request and noting that, and the next
delivery comes later than that, the request is sent twice, with the same `request_id`.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import botocore.session  # a client needs no more of boto3, and the rest of it costs 0.1 s of every cold start
import stream_records
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import ClientError
from fields import MalformedError
from remaining_time import Seconds, seconds_left
from restock_requests import claim, left_behind, message, settle
from shortages import Shortage, became_short

logger = Logger()
restocks_table = os.environ["RESTOCKS_TABLE"]
queue_url = os.environ["RESTOCK_QUEUE_URL"]
config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 6})
session = botocore.session.get_session()
dynamodb: Any = session.create_client("dynamodb", config=config)
sqs: Any = session.create_client("sqs", config=config)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Request what one batch of one shard made short; what fails is reported, nothing is raised."""
    time_left = seconds_left(context)
    failed: set[str] = set()
    by_product: dict[str, dict[str, Shortage]] = {}  # product id → sequence number of the record → its shortage
    for record in event.get("Records", []):
        number = stream_records.sequence_number(record)
        try:
            shortage = became_short(stream_records.read(record))
        except MalformedError as malformed:
            about = {"sequence_number": number, "keys": record["dynamodb"].get("Keys"), "reason": str(malformed)}
            logger.error("record is no stock", extra=about)
            failed.add(number)
            continue
        if shortage is not None:
            by_product.setdefault(shortage.product_id, {})[number] = shortage

    with ThreadPoolExecutor(max_workers=8) as workers:
        failures = workers.map(lambda shortages: _request_in_order(shortages, time_left), by_product.values())
        failed |= {number for number in failures if number is not None}
    logger.info("batch done", extra={"products_short": len(by_product), "failed": len(failed)})
    return stream_records.batch_response(failed)


def _request_in_order(shortages: dict[str, Shortage], time_left: Seconds) -> str | None:
    """Request the shortages of one product, and return the sequence number of the first that failed.

    After it, none is tried: a later claim would make the redelivered one look as if it were over.
    """
    for number, shortage in shortages.items():
        about = {"product_id": shortage.product_id, "request_id": shortage.request_id}
        if time_left() <= 0:
            logger.warning("product not requested yet", extra=about | {"reason": "the function's time is up"})
            return number
        try:
            _request(shortage, about)
        except Exception:
            logger.exception("request failed", extra=about | {"sequence_number": number})
            return number
    return None


def _request(shortage: Shortage, about: dict[str, str]) -> None:
    try:
        before = dynamodb.update_item(**claim(shortage, restocks_table)).get("Attributes", {})
    except ClientError as error:
        if not _condition_failed(error):
            raise
        logger.info("requested before", extra=about)
        return
    if request_id := left_behind(before, shortage):
        # Its record is in the on-failure queue, or in another call that is about to end.
        logger.warning("an earlier request was never noted as sent", extra=about | {"earlier_request_id": request_id})
    sqs.send_message(**message(shortage, queue_url))
    try:
        dynamodb.update_item(**settle(shortage, restocks_table))
    except ClientError as error:
        if not _condition_failed(error):
            raise
    logger.info("requested", extra=about | {"quantity": shortage.quantity})


def _condition_failed(error: ClientError) -> bool:
    return str(error.response["Error"]["Code"]) == "ConditionalCheckFailedException"
