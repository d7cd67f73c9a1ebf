"""SQS `orders` to the tables: every order stored once, its stock moved in the same transaction.

A message that cannot be processed fails alone. Its reason is logged here, it comes again soon (redelivery.py), and once
it was received as often as the queue allows, it waits in the dead-letter queue.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any

import boto3
import redelivery
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.config import Config
from order_message import Order, OrderRefusedError, UnknownProductError, parse
from remaining_time import GrowingPause, OutOfTimeError, Seconds, seconds_left
from reservation import PRODUCTS_PER_STEP, Step, StoredOrder, next_step
from transactions import Busy, Overtaken, Short, Unknown, cancelled, read_order, transact_items

KEYS_PER_READ = 100  # what BatchGetItem takes

logger = Logger()
orders_table = os.environ["ORDERS_TABLE"]
inventory_table = os.environ["INVENTORY_TABLE"]
queue_url = os.environ["QUEUE_URL"]
dynamodb = boto3.client(
    "dynamodb",
    config=Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 4}),
)
# A batch of nothing but bad messages is no error of the function.
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process a batch one message after the other: messages of one batch often want the same products."""
    records = redelivery.most_received_first(event.get("Records", []))
    again = redelivery.Redelivery(records, redelivery.first_pause())
    time_left = seconds_left(context)

    def process(record: SQSRecord) -> None:
        _process(record, time_left, again)

    with processor(records=records, handler=process):
        processor.process()
    redelivery.tell(queue_url, again, logger)
    return dict(processor.response())


def _process(record: SQSRecord, time_left: Seconds, again: redelivery.Redelivery) -> None:
    about = {"message_id": record.message_id}
    try:
        order = parse(record.body)
        about["order_id"] = order.order_id
        stored = _move_stock(order, time_left)
    except OrderRefusedError as refused:
        logger.error("order refused", extra=about | {"order_id": refused.order_id, "reason": str(refused)})
        (again.later if isinstance(refused, UnknownProductError) else again.at_once)(record.message_id)
        raise
    except OutOfTimeError as late:
        logger.warning("order not done yet", extra=about | {"reason": str(late)})
        again.after_failure(record.message_id)
        raise
    except Exception:
        logger.exception("order failed", extra=about)
        again.after_failure(record.message_id)
        raise
    if stored.order != order:
        logger.warning("order is stored with other content; the first message counts", extra=about)
    logger.info("order processed", extra=about | {"status": stored.status})


def _move_stock(order: Order, time_left: Seconds) -> StoredOrder:
    """Take the order through its steps to the end, and return it as stored.

    Raises UnknownProductError for a product that the inventory does not have, OutOfTimeError.
    """
    stored = None
    if len(order.quantities) > PRODUCTS_PER_STEP:
        # An unknown product in a later step would leave an order half done: look before the first.
        stored = _read(order.order_id)
        if stored is None and (unknown := _unknown(order.quantities)):
            raise _not_in_inventory(order, unknown)
    step = next_step(order, stored)
    while step is not None:
        match _attempt(step, time_left):
            case None:
                stored = step.after
                step = next_step(order, stored)
            case Overtaken(stored):
                step = next_step(order, stored)
            case Short(shortages):
                step = next_step(order, stored, shortages)
            case Unknown(product_ids):
                raise _not_in_inventory(order, product_ids)
    assert stored is not None  # next_step ends with nothing but a stored order
    return stored


def _attempt(step: Step, time_left: Seconds) -> Overtaken | Short | Unknown | None:
    """Run a step's transaction, again while others are at the same items; None when it is done."""
    pause = GrowingPause(time_left)
    while time_left() > 0:
        try:
            dynamodb.transact_write_items(TransactItems=transact_items(step, orders_table, inventory_table))
            return None
        except dynamodb.exceptions.TransactionCanceledException as error:
            outcome = cancelled(step, error.response["CancellationReasons"])
        except dynamodb.exceptions.TransactionInProgressException:
            outcome = Busy()
        if not isinstance(outcome, Busy):
            return outcome
        pause.wait()
    raise OutOfTimeError("the function's time is up")


def _read(order_id: str) -> StoredOrder | None:
    answer = dynamodb.get_item(TableName=orders_table, Key={"order_id": {"S": order_id}}, ConsistentRead=True)
    return read_order(answer["Item"]) if "Item" in answer else None


def _unknown(product_ids: Iterable[str]) -> list[str]:
    """Those of `product_ids` that the inventory does not have."""
    wanted = sorted(product_ids)
    known: set[str] = set()
    for start in range(0, len(wanted), KEYS_PER_READ):
        keys = [{"product_id": {"S": product_id}} for product_id in wanted[start : start + KEYS_PER_READ]]
        request: dict[str, Any] = {
            inventory_table: {"Keys": keys, "ConsistentRead": True, "ProjectionExpression": "product_id"}
        }
        while request:
            answer = dynamodb.batch_get_item(RequestItems=request)
            known |= {item["product_id"]["S"] for item in answer["Responses"].get(inventory_table, [])}
            if request := answer.get("UnprocessedKeys", {}):
                time.sleep(0.05)
    return [product_id for product_id in wanted if product_id not in known]


def _not_in_inventory(order: Order, product_ids: Iterable[str]) -> UnknownProductError:
    named = ", ".join(list(product_ids)[:10])
    return UnknownProductError(f"product_id is not in the inventory: {named}", order.order_id)
