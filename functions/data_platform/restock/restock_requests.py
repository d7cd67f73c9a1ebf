"""A request to restock, as calls to DynamoDB and SQS.

The item of a product says which shortage was requested last: `sequence`, and whether its request is being sent
(`requesting`) or is known to be sent (`requested`).

        (none, or an earlier sequence) ── claim ── requesting ── send ── settle ── requested

A delivery that ends before `settle` is made good by the next: it may claim what is `requesting` at its own
sequence, and sends the same message with the same deduplication id. A shortage before the stored one is over:
the stock has been above its reorder point since.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from shortages import Shortage

# What SQS takes as a group; product ids may hold other characters.
_GROUP = re.compile(r"[!-~]{1,128}")


def claim(shortage: Shortage, table: str) -> dict[str, Any]:
    """UpdateItem; its condition fails where the shortage needs no request any more."""
    return {
        "TableName": table,
        "Key": {"product_id": {"S": shortage.product_id}},
        "UpdateExpression": "SET #sequence = :sequence, #state = :requesting, #request_id = :request_id, "
        "#quantity = :quantity, #requested_at = :requested_at",
        "ConditionExpression": "attribute_not_exists(product_id) OR #sequence < :sequence"
        " OR (#sequence = :sequence AND #state = :requesting)",
        "ExpressionAttributeNames": {
            f"#{name}": name for name in ("sequence", "state", "request_id", "quantity", "requested_at")
        },
        "ExpressionAttributeValues": {
            ":sequence": {"S": shortage.sequence},
            ":requesting": {"S": "requesting"},
            ":request_id": {"S": shortage.request_id},
            ":quantity": {"N": str(shortage.quantity)},
            ":requested_at": {"S": _time(shortage)},
        },
        "ReturnValues": "ALL_OLD",
    }


def settle(shortage: Shortage, table: str) -> dict[str, Any]:
    """UpdateItem; its condition fails where a later shortage was claimed since."""
    return {
        "TableName": table,
        "Key": {"product_id": {"S": shortage.product_id}},
        "UpdateExpression": "SET #state = :requested",
        "ConditionExpression": "#sequence = :sequence",
        "ExpressionAttributeNames": {"#sequence": "sequence", "#state": "state"},
        "ExpressionAttributeValues": {":sequence": {"S": shortage.sequence}, ":requested": {"S": "requested"}},
    }


def message(shortage: Shortage, queue_url: str) -> dict[str, Any]:
    """SendMessage; the same bytes at every delivery."""
    body = {
        "request_id": shortage.request_id,
        "product_id": shortage.product_id,
        "on_hand": shortage.on_hand,
        "reorder_point": shortage.reorder_point,
        "quantity": shortage.quantity,
        "requested_at": _time(shortage),
    }
    return {
        "QueueUrl": queue_url,
        "MessageBody": json.dumps(body),
        "MessageGroupId": group(shortage.product_id),
        "MessageDeduplicationId": shortage.request_id,
    }


def left_behind(before: dict[str, Any], shortage: Shortage) -> str | None:
    """The id of an earlier request that nobody is known to have sent, given the item `before` the claim."""
    if before.get("state") != {"S": "requesting"} or before.get("sequence") == {"S": shortage.sequence}:
        return None
    return str(before.get("request_id", {}).get("S"))


def group(product_id: str) -> str:
    """The FIFO group of a product: its id, or a hash of it where SQS would refuse the id."""
    return product_id if _GROUP.fullmatch(product_id) else hashlib.sha256(product_id.encode()).hexdigest()


def _time(shortage: Shortage) -> str:
    return f"{shortage.time:%Y-%m-%dT%H:%M:%SZ}"
