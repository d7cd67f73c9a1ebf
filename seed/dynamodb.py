"""Products, customers, stores and opening stock into DynamoDB.

All go in by transactions of up to a hundred writes: on the emulator that is four times as fast as BatchWriteItem, and
unlike it a transaction can put a row only where there is none.

A dataset brings what it sells. Where a product has stock already, that is added to it, once: `datasets` of a row of
the inventory are those whose goods came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from seed.dataset import Dataset
from seed.delivery import deliver, in_batches, side_by_side
from seed.progress import Progress, Silent
from seed.records import Inventory
from seed.target import SeedTarget

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef, TransactWriteItemTypeDef

STEP = "dynamodb"
WORKERS = 2
_BATCH = 100  # TransactWriteItems

_REFUSED = "ConditionalCheckFailed"
_PASSING = {"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}

Item = dict[str, Any]
T = TypeVar("T")


def load(dataset: Dataset, target: SeedTarget, progress: Progress, stop: Event, stock_is_in: Event) -> int:
    """Loads all four tables, opening stock first, and sets `stock_is_in` once orders may follow.

    Returns how many products had stock before, to which this was added.
    """
    counts = dataset.counts
    progress.started(STEP, counts.products + counts.customers + counts.stores + counts.inventory, "records")

    def put(table: str, records: Iterable[Mapping[str, Any]]) -> None:
        _write_all(target.dynamodb, ({"Put": _put(table, to_item(each))} for each in records), table, progress, stop)

    added = _bring_stock(target, dataset, progress, stop)
    stock_is_in.set()
    put(target.products_table, dataset.products())
    put(target.customers_table, dataset.customers())
    put(target.stores_table, dataset.stores())
    progress.finished(STEP)
    return added


def to_item(record: Mapping[str, Any]) -> Item:
    """The record in DynamoDB's notation; our records hold strings and whole numbers, and no nulls."""
    return {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in record.items()}


def _put(table: str, item: Item) -> PutTypeDef:
    return {"TableName": table, "Item": item}


def _bring_stock(target: SeedTarget, dataset: Dataset, progress: Progress, stop: Event) -> int:
    """Puts a row for each product that has none, and adds to the others; returns to how many."""
    client, table = target.dynamodb, target.inventory_table
    source = dataset.digest[:16]

    def put(record: Inventory) -> TransactWriteItemTypeDef:
        item = to_item(record) | {"datasets": {"SS": [source]}}
        return {"Put": {**_put(table, item), "ConditionExpression": "attribute_not_exists(product_id)"}}

    def add(item: Mapping[str, Any]) -> TransactWriteItemTypeDef:
        return {
            "Update": {
                "TableName": table,
                "Key": {"product_id": item["product_id"]},
                "UpdateExpression": "ADD on_hand :on_hand, datasets :datasets",
                "ConditionExpression": "NOT contains(datasets, :dataset)",
                "ExpressionAttributeValues": {
                    ":on_hand": item["on_hand"],
                    ":datasets": item["datasets"],
                    ":dataset": {"S": source},
                },
            }
        }

    present = _write_all(client, map(put, dataset.inventory()), table, progress, stop)
    changes = [add(write["Put"]["Item"]) for write in present]
    came_before = _write_all(client, changes, table, Silent(), stop)
    return len(changes) - len(came_before)


def _write_all(
    client: DynamoDBClient,
    writes: Iterable[TransactWriteItemTypeDef],
    table: str,
    progress: Progress,
    stop: Event,
) -> list[TransactWriteItemTypeDef]:
    """Writes what its conditions allow, and returns the rest.

    A look before the write would not do: it could overwrite what an order did in between.
    """
    refused: list[TransactWriteItemTypeDef] = []
    lock = Lock()

    def send(batch: Sequence[TransactWriteItemTypeDef]) -> Sequence[TransactWriteItemTypeDef]:
        try:
            client.transact_write_items(TransactItems=batch)
        except ClientError as error:
            reasons = error.response.get("CancellationReasons")
            if not reasons:
                raise
            codes = [reason.get("Code", "None") for reason in reasons]
            again = allowed_of(batch, codes)
            if again is None:
                raise
            with lock:
                refused.extend(write for write, code in zip(batch, codes, strict=True) if code == _REFUSED)
            return again
        return []

    def send_batch(batch: Sequence[TransactWriteItemTypeDef]) -> None:
        deliver(batch, send, f"table {table}", stop)
        progress.advanced(STEP, len(batch))

    side_by_side(in_batches(writes, _BATCH), send_batch, WORKERS)
    return refused


def allowed_of[T](writes: Sequence[T], codes: Sequence[str]) -> list[T] | None:
    """What of a cancelled transaction is to be tried again: all but what its condition refused.

    `codes` are its reasons, in the order of the writes. None where one of them is an error that would come again.
    """
    if not _PASSING.issuperset(set(codes) - {_REFUSED}):
        return None
    return [write for write, code in zip(writes, codes, strict=True) if code != _REFUSED]
