"""Products, customers, stores and opening stock into DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seed.dataset import Dataset
from seed.delivery import deliver, in_batches, side_by_side
from seed.progress import Progress
from seed.records import Inventory
from seed.target import SeedTarget

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import WriteRequestUnionTypeDef

STEP = "dynamodb"
WORKERS = 4
_PUT_BATCH = 25  # BatchWriteItem
_TRANSACTION = 100  # TransactWriteItems

Item = dict[str, Any]


def load(dataset: Dataset, target: SeedTarget, progress: Progress, stop: Event, stock_is_in: Event) -> int:
    """Loads all four tables, opening stock first, and sets `stock_is_in` once orders may follow.

    Returns how many inventory rows were there before; those are left alone, for stock may have been sold
    since.
    """
    counts = dataset.counts
    progress.started(STEP, counts.products + counts.customers + counts.stores + counts.inventory, "records")
    kept = _put_opening_stock(target.dynamodb, target.inventory_table, dataset.inventory(), progress, stop)
    stock_is_in.set()
    for table, records in (
        (target.products_table, dataset.products()),
        (target.customers_table, dataset.customers()),
        (target.stores_table, dataset.stores()),
    ):
        _put_all(target.dynamodb, table, records, progress, stop)
    progress.finished(STEP)
    return kept


def to_item(record: Mapping[str, Any]) -> Item:
    """The record in DynamoDB's notation; our records hold strings and whole numbers, and no nulls."""
    return {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in record.items()}


def _put_all(
    client: DynamoDBClient, table: str, records: Iterable[Mapping[str, Any]], progress: Progress, stop: Event
) -> None:
    def send(requests: Sequence[WriteRequestUnionTypeDef]) -> Sequence[WriteRequestUnionTypeDef]:
        answer = client.batch_write_item(RequestItems={table: requests})
        return answer.get("UnprocessedItems", {}).get(table, [])

    def send_batch(requests: Sequence[WriteRequestUnionTypeDef]) -> None:
        deliver(requests, send, f"table {table}", stop)
        progress.advanced(STEP, len(requests))

    puts: Iterator[WriteRequestUnionTypeDef] = ({"PutRequest": {"Item": to_item(record)}} for record in records)
    side_by_side(in_batches(puts, _PUT_BATCH), send_batch, WORKERS)


def _put_opening_stock(
    client: DynamoDBClient, table: str, rows: Iterable[Inventory], progress: Progress, stop: Event
) -> int:
    """Puts the rows whose product has none yet, and returns how many had one.

    A batch is one transaction of conditional puts: unlike a look followed by a put, it can't overwrite what
    an order did in between.
    """
    kept = 0
    lock = Lock()

    def send_batch(items: Sequence[Item]) -> None:
        nonlocal kept
        found: set[str] = set()
        deliver(items, partial(_put_absent, client, table, found), f"table {table}", stop)
        with lock:
            kept += len(found)
        progress.advanced(STEP, len(items))

    side_by_side(in_batches(map(to_item, rows), _TRANSACTION), send_batch, WORKERS)
    return kept


def _put_absent(client: DynamoDBClient, table: str, found: set[str], items: Sequence[Item]) -> Sequence[Item]:
    """One try; returns the items to try again, and adds to `found` the products that have a row already."""
    try:
        client.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": table,
                        "Item": item,
                        "ConditionExpression": "attribute_not_exists(product_id)",
                    }
                }
                for item in items
            ]
        )
    except ClientError as error:
        reasons = error.response.get("CancellationReasons")
        if not reasons:
            raise
        absent, present = split_by_reason(items, [reason.get("Code", "None") for reason in reasons])
        if not present and not all(reason.get("Code") in _TRY_AGAIN for reason in reasons):
            raise
        found.update(item["product_id"]["S"] for item in present)
        return absent
    return []


_TRY_AGAIN = {"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


def split_by_reason(items: Sequence[Item], codes: Sequence[str]) -> tuple[list[Item], list[Item]]:
    """(to try again, already there) of a cancelled transaction; codes stand in the order of the items."""
    pairs = list(zip(items, codes, strict=True))
    return (
        [item for item, code in pairs if code != "ConditionalCheckFailed"],
        [item for item, code in pairs if code == "ConditionalCheckFailed"],
    )
