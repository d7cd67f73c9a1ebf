"""What products are called, from the table of products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_dynamodb import DynamoDBServiceResource

_MOST_KEYS = 100  # of one BatchGetItem


def read_descriptions(session: boto3.Session, table: str, products: Sequence[str]) -> dict[str, str]:
    """Description by product id, of those products that the table knows."""
    dynamodb = session.resource("dynamodb")
    return {
        item["product_id"]: item["description"]
        for at in range(0, len(products), _MOST_KEYS)
        for item in _get(dynamodb, table, products[at : at + _MOST_KEYS])
        if item.get("description")
    }


def _get(dynamodb: DynamoDBServiceResource, table: str, products: Sequence[str]) -> Iterator[dict[str, Any]]:
    wanted: Any = {
        table: {
            "Keys": [{"product_id": product} for product in products],
            "ProjectionExpression": "product_id, description",
        }
    }
    while wanted:
        answer = dynamodb.batch_get_item(RequestItems=wanted)
        yield from answer["Responses"].get(table, [])
        wanted = answer.get("UnprocessedKeys")
