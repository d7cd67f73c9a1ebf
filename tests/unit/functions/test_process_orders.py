"""What becomes of the messages of a batch that there is no time for, or whose service fails."""

import json
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError
from lambda_calls import QUEUE, Context, failed
from table_streams import load


class Orders:
    """A DynamoDB that takes so many transactions, and so many seconds of the call's for each."""

    class exceptions:  # noqa: N801 - as a client has it
        class TransactionCanceledException(Exception): ...  # noqa: N818

        class TransactionInProgressException(Exception): ...  # noqa: N818

    def __init__(self, context: Context, seconds: float, takes: int = 100) -> None:
        self._context, self._seconds, self._takes = context, seconds, takes
        self.stored: list[str] = []

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> None:  # noqa: N803
        self._context.seconds -= self._seconds
        if len(self.stored) == self._takes:
            raise ConnectionClosedError(endpoint_url="http://dynamodb")
        self.stored.append(TransactItems[0]["Put"]["Item"]["order_id"]["S"])


def order(order_id: str) -> str:
    line = {"line": 1, "product_id": "p", "quantity": 1, "unit_price": "1"}
    fields = {"order_time": "2010-12-01T08:26:00Z", "customer_id": None, "store_id": "s", "country": "c"}
    return json.dumps({"order_id": order_id, "currency": "GBP", "lines": [line]} | fields)


def batch(receives: dict[str, int]) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": name, "receiptHandle": name, "body": order(name), "eventSource": "aws:sqs"}
            | {"attributes": {"ApproximateReceiveCount": str(count)}}
            for name, count in receives.items()
        ]
    }


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Any:
    variables = {"ORDERS_TABLE": "orders", "INVENTORY_TABLE": "inventory", **QUEUE}
    return load("process_orders", monkeypatch, **variables)


@pytest.fixture
def told(function: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Receipt handle → seconds until the message comes again, of those that the queue was told of."""
    seconds: dict[str, int] = {}

    def tell(url: str, again: Any, logger: object) -> None:
        assert url == QUEUE["QUEUE_URL"]
        seconds.update({each["ReceiptHandle"]: each["VisibilityTimeout"] for each in again.entries()})

    monkeypatch.setattr(function.redelivery, "tell", tell)
    return seconds


def test_where_time_is_short_those_received_most_are_done_and_the_rest_comes_again_after_a_pause(
    function: Any, told: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context(30)
    tables = Orders(context, seconds=12)
    monkeypatch.setattr(function, "dynamodb", tables)
    answer = function.handler(batch({"a": 1, "b": 5, "c": 2, "d": 4}), context)
    assert tables.stored == ["b", "d", "c"]  # the third begins with 6 of 30 seconds left: more than are kept
    assert failed(answer) == ["a"]
    assert told == {"a": 240}


def test_what_a_service_fails_comes_again_after_a_pause(
    function: Any, told: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context(30)
    monkeypatch.setattr(function, "dynamodb", Orders(context, seconds=0, takes=1))
    assert failed(function.handler(batch({"a": 1, "b": 2}), context)) == ["a"]
    assert told == {"a": 240}
