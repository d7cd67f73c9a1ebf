"""Parts of orders as one DynamoDB transaction, and what a cancelled one tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cancellation_reasons import PASSING
from totals import Amounts, Part, PartId, Total, summed


@dataclass(frozen=True)
class Tables:
    """Names of the tables that are written."""

    daily_totals: str
    product_totals: str
    projected_orders: str


@dataclass(frozen=True)
class Cancelled:
    """`counted`: parts that are in the ledger already. `busy`: some items had no room, or others were at them."""

    counted: frozenset[PartId]
    busy: bool


def transact_items(packed: Sequence[Part], tables: Tables, expires_at: int) -> list[dict[str, Any]]:
    """The `TransactItems` of parts that share a transaction: the ledger first, then the totals.

    `expires_at` is in seconds since 1970: DynamoDB deletes the ledger's items some time after it.
    """
    ledger = [_enter(part.id, tables.projected_orders, expires_at) for part in packed]
    return ledger + [_add(total, amounts, tables) for total, amounts in summed(packed).items()]


def cancelled(packed: Sequence[Part], reasons: Sequence[Mapping[str, Any]]) -> Cancelled:
    """What the `CancellationReasons` of such a transaction mean.

    Raises RuntimeError with the reasons when they are none of the expected.
    """
    codes = [reason.get("Code", "None") for reason in reasons]
    counted = frozenset(part.id for part, code in zip(packed, codes, strict=False) if code == "ConditionalCheckFailed")
    busy = any(code in PASSING for code in codes)
    if not counted and not busy:
        raise RuntimeError(f"transaction cancelled: {sorted(set(codes))}")
    return Cancelled(counted, busy)


def _enter(part: PartId, table: str, expires_at: int) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": table,
            "Item": {
                "order_id": {"S": part.order_id},
                "part": {"S": f"{part.number:04}"},
                "expires_at": {"N": str(expires_at)},
            },
            "ConditionExpression": "attribute_not_exists(order_id)",
        }
    }


def _add(total: Total, amounts: Amounts, tables: Tables) -> dict[str, Any]:
    key = "order_date" if total.of == "day" else "product_id"
    return {
        "Update": {
            "TableName": tables.daily_totals if total.of == "day" else tables.product_totals,
            "Key": {key: {"S": total.key}},
            "UpdateExpression": "ADD " + ", ".join(f"#{name} :{name}" for name in amounts),
            "ExpressionAttributeNames": {f"#{name}": name for name in amounts},
            "ExpressionAttributeValues": {f":{name}": {"N": f"{amount:f}"} for name, amount in amounts.items()},
        }
    }
