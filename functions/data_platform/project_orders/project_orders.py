"""The stream of the orders table to the totals: every order that reached its end counted once.

All records of a batch are tried, also those after one that fails. The stream then goes on from the first that
failed, and what is redelivered with it is in the ledger already. So a record that no delivery can count holds
up the totals of no other order, and is the only thing missing when it ends in the on-failure queue.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import botocore.session  # a client needs no more of boto3, and the rest of it costs 0.1 s of every cold start
import stream_records
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError
from count_transactions import Tables, cancelled, transact_items
from fields import MalformedError
from final_orders import reached_end
from remaining_time import GrowingPause, OutOfTimeError, Seconds, seconds_left
from totals import Part, pack, parts

# Longer than any record can come again: 1 day in the stream and 14 in the on-failure queue.
SECONDS_IN_LEDGER = 35 * 24 * 3600
# The whole call had no room, or was not answered.
_PASSING = {
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionInProgressException",
}

logger = Logger()
tables = Tables(
    daily_totals=os.environ["DAILY_TOTALS_TABLE"],
    product_totals=os.environ["PRODUCT_TOTALS_TABLE"],
    projected_orders=os.environ["PROJECTED_ORDERS_TABLE"],
)
dynamodb: Any = botocore.session.get_session().create_client(
    "dynamodb",
    config=Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 2}),
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Count one batch of one shard; what fails is reported, nothing is raised."""
    time_left = seconds_left(context)
    failed: set[str] = set()
    waiting: list[Part] = []
    brought_by: dict[str, str] = {}  # order id → sequence number of the record that is counted
    for record in event.get("Records", []):
        number = stream_records.sequence_number(record)
        try:
            order = reached_end(stream_records.read(record))
        except MalformedError as malformed:
            about = {"sequence_number": number, "keys": record["dynamodb"].get("Keys"), "reason": str(malformed)}
            logger.error("record is no order", extra=about)
            failed.add(number)
            continue
        if order is not None and order.order_id not in brought_by:
            brought_by[order.order_id] = number
            waiting.extend(parts(order))

    not_counted: set[str] = set()
    for packed in pack(waiting):
        not_counted |= {part.id.order_id for part in _count_or_tell(packed, time_left)}
    failed |= {brought_by[order_id] for order_id in not_counted}
    logger.info("batch counted", extra={"orders": len(brought_by) - len(not_counted), "failed": len(failed)})
    return stream_records.batch_response(failed)


def _count_or_tell(packed: Sequence[Part], time_left: Seconds) -> list[Part]:
    """Count the parts; those that could not be, with the reason logged.

    What fails together is tried one by one, so that a part fails for nothing but its own reasons.
    """
    try:
        _count(packed, time_left)
    except OutOfTimeError as late:
        order_ids = sorted({part.id.order_id for part in packed})
        logger.warning("orders not counted yet", extra={"order_ids": order_ids, "reason": str(late)})
        return list(packed)
    except Exception:
        if len(packed) > 1:
            return [part for one in packed for part in _count_or_tell([one], time_left)]
        logger.exception("order failed", extra={"order_id": packed[0].id.order_id, "part": packed[0].id.number})
        return list(packed)
    return []


def _count(packed: Sequence[Part], time_left: Seconds) -> None:
    """Count the parts that are not in the ledger, in one transaction, again while others are at the same items."""
    left = list(packed)
    pause = GrowingPause(time_left)
    while left:
        if time_left() <= 0:
            raise OutOfTimeError("the function's time is up")
        busy = True
        try:
            expires_at = int(time.time()) + SECONDS_IN_LEDGER
            dynamodb.transact_write_items(TransactItems=transact_items(left, tables, expires_at))
            return
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "TransactionCanceledException":
                outcome = cancelled(left, error.response["CancellationReasons"])
                left = [part for part in left if part.id not in outcome.counted]
                busy = outcome.busy
            elif code not in _PASSING:
                raise
        except (NoConnectionError, HTTPClientError):
            logger.warning("no answer from DynamoDB")
        if busy and left:
            pause.wait()
