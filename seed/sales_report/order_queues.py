"""Messages on their way to the tables and the curated data, or stuck: orders that wait, and dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stockroom.local.status import count_messages

if TYPE_CHECKING:
    import boto3

_ORDERS = "orders"
# Without what is dead here, the figures or the tables lack sales.
_DEAD_SALES = ("orders", "orders_stream", "sales_events", "raw_objects", "processed_objects")


@dataclass(frozen=True)
class Messages:
    """`waiting` orders: in the queue, in flight or delayed; `dead` letters by the name of what they are of."""

    waiting: int = 0
    dead: tuple[tuple[str, int], ...] = ()

    @property
    def shortcomings(self) -> list[str]:
        waiting = [f"{self.waiting:,} orders are not processed yet"] if self.waiting else []
        return waiting + [f"{count:,} dead letters of {name} (`invoke redrive {name}`)" for name, count in self.dead]


NO_MESSAGES = Messages()


@dataclass
class OrderQueues:
    """The queues of a deployed data platform, from its outputs."""

    session: boto3.Session
    outputs: Mapping[str, Any]

    @cached_property
    def _sqs(self) -> Any:
        return self.session.client("sqs")

    def count(self) -> Messages:
        urls, dead_urls = (self.outputs.get(name, {}) for name in ("queue_urls", "dead_letter_queue_urls"))
        dead = [(name.replace("_", "-"), self._count(dead_urls[name])) for name in _DEAD_SALES if name in dead_urls]
        return Messages(
            waiting=self._count(urls[_ORDERS]) if _ORDERS in urls else 0,
            dead=tuple((name, count) for name, count in dead if count),
        )

    def _count(self, url: str) -> int:
        return count_messages(self._sqs, url)
