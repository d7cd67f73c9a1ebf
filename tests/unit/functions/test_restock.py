"""The function against a table and a queue of its own, and calls that end wherever they can."""

import json
import random
import threading
from dataclasses import dataclass, field
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
import stream_records
from botocore.exceptions import ClientError
from fields import MalformedError
from restock_requests import group, message
from shortages import Shortage, became_short
from table_streams import Context, Killed, Record, deliver, load, record


@dataclass
class World:
    """The table `restocks` and the FIFO queue; a call breaks with the chance `breaks`, before or after its effect."""

    restocks: dict[str, Record] = field(default_factory=dict)
    sent: dict[str, Record] = field(default_factory=dict)  # deduplication id → request
    breaks: float = 0
    failing: set[str] = field(default_factory=set)  # products that the queue does not take
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def update_item(self, Key: Record, ExpressionAttributeValues: Record, **request: Any) -> Record:  # noqa: N803
        values = {name[1:]: value for name, value in ExpressionAttributeValues.items()}
        with self.lock:
            self._break()
            before = self.restocks.get(Key["product_id"]["S"])
            if "requesting" in values:
                values["state"] = values.pop("requesting")
                holds = (
                    before is None
                    or before["sequence"]["S"] < values["sequence"]["S"]
                    or (before["sequence"] == values["sequence"] and before["state"]["S"] == "requesting")
                )
            else:
                values["state"] = values.pop("requested")
                holds = before is not None and before["sequence"] == values["sequence"]
            if not holds:
                raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "UpdateItem")
            self.restocks[Key["product_id"]["S"]] = (before or {}) | values
            self._break()
            return {"Attributes": before} if before else {}

    def send_message(self, MessageBody: str, MessageDeduplicationId: str, **request: Any) -> None:  # noqa: N803
        with self.lock:
            self._break()
            body = json.loads(MessageBody)
            if body["product_id"] in self.failing:
                raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": ""}}, "SendMessage")
            assert self.sent.setdefault(MessageDeduplicationId, body) == body
            self._break()

    def _break(self) -> None:
        if self.chance.random() < self.breaks:
            raise self.chance.choice([Killed(), ClientError({"Error": {"Code": "Broken", "Message": ""}}, "Any")])

    def requests(self, product_id: str) -> list[tuple[int, int]]:
        """(on_hand, quantity) of the product's requests, in the order of their sending."""
        bodies = [body for body in self.sent.values() if body["product_id"] == product_id]
        return [(body["on_hand"], body["quantity"]) for body in bodies]


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module: ModuleType = load("restock", monkeypatch, RESTOCKS_TABLE="restocks", RESTOCK_QUEUE_URL="https://queue")
    return module


def use(function: ModuleType, world: World) -> World:
    function.dynamodb = function.sqs = world  # type: ignore[attr-defined]
    return world


def stock(on_hand: object, reorder_point: object = 10, product_id: str = "A") -> dict[str, Any]:
    return {"product_id": product_id, "on_hand": on_hand, "reorder_point": reorder_point}


def shortage(before: dict[str, Any] | None, after: dict[str, Any] | None) -> Shortage | None:
    return became_short(stream_records.read(record(7, before, after)))


def test_a_product_becomes_short_when_it_falls_below_its_reorder_point() -> None:
    short = shortage(stock(10), stock(9))
    assert short is not None
    assert (short.product_id, short.on_hand, short.reorder_point, short.quantity) == ("A", 9, 10, 11)
    assert shortage(None, stock(9)) is not None
    assert shortage(stock(10), stock(10, 11)) is not None
    assert shortage(stock(0, "?"), stock(-5)) is not None


def test_what_is_short_already_or_not_short_is_no_new_shortage() -> None:
    assert shortage(stock(12), stock(10)) is None
    assert shortage(stock(9), stock(3)) is None
    assert shortage(stock(3), stock(30)) is None
    assert shortage(None, stock(0, 0)) is None
    assert shortage(stock(9), None) is None


@pytest.mark.parametrize("value", [True, Decimal("1.5"), "1", None, {}])
@pytest.mark.parametrize("name", ["on_hand", "reorder_point"])
def test_what_is_no_stock_is_refused(name: str, value: object) -> None:
    with pytest.raises(MalformedError, match=rf"^{name} is not a whole number$"):
        shortage(None, stock(3) | {name: value})
    with pytest.raises(MalformedError, match=rf"^{name} is missing$"):
        shortage(None, {key: value for key, value in stock(3).items() if key != name})


def test_a_negative_reorder_point_is_refused() -> None:
    with pytest.raises(MalformedError, match=r"^reorder_point is negative$"):
        shortage(None, stock(-3, -1))


def test_the_message_is_the_same_at_every_delivery() -> None:
    short = shortage(stock(10), stock(9))
    assert short is not None
    sent = message(short, "https://queue")
    assert sent == message(short, "https://queue")
    assert (sent["MessageGroupId"], sent["MessageDeduplicationId"]) == ("A", short.request_id)
    assert json.loads(sent["MessageBody"]) == {
        "request_id": short.request_id,
        "product_id": "A",
        "on_hand": 9,
        "reorder_point": 10,
        "quantity": 11,
        "requested_at": "2025-12-01T00:00:07Z",
    }


def test_a_product_whose_id_is_no_group_for_sqs_has_a_group_all_the_same() -> None:
    assert group("85123A") == "85123A"
    assert group("BANK CHARGES").isalnum()
    assert group("Ä") != group("Ö")


def test_one_request_a_shortage_however_often_the_records_come(function: ModuleType) -> None:
    world = use(function, World())
    batch = [
        record(1, None, stock(20)),
        record(2, stock(20), stock(9)),
        record(3, stock(9), stock(4)),
        record(4, stock(4), stock(30)),
        record(5, stock(30), stock(8)),
        record(6, None, stock(1, product_id="B")),
    ]
    for start in (0, 2, 0, 4, 1):
        assert deliver(function.handler, batch[start:], attempts=1) == []
    assert world.requests("A") == [(9, 11), (8, 12)]
    assert world.requests("B") == [(1, 19)]
    assert {item["state"]["S"] for item in world.restocks.values()} == {"requested"}


def test_what_is_no_stock_fails_and_holds_up_no_neighbour(function: ModuleType) -> None:
    world = use(function, World())
    batch = [record(1, None, stock(1)), record(2, None, stock("?", product_id="B")), record(3, None, stock(2))]
    batch.append(record(4, stock("?", product_id="B"), stock(3, product_id="B")))
    for _ in range(3):
        assert deliver(function.handler, batch, attempts=1) == batch[1:]
    assert (len(world.requests("A")), world.requests("B")) == (2, [(3, 17)])


def test_after_a_failed_request_a_later_one_of_the_product_waits_for_it(function: ModuleType) -> None:
    world = use(function, World(failing={"A"}))
    batch = [
        record(1, stock(10), stock(9)),
        record(2, stock(9), stock(20)),
        record(3, stock(20), stock(8)),
        record(4, None, stock(1, product_id="B")),
    ]
    assert deliver(function.handler, batch, attempts=2) == batch
    assert (world.requests("A"), world.requests("B")) == ([], [(1, 19)])
    world.failing.clear()
    assert deliver(function.handler, batch) == []
    assert world.requests("A") == [(9, 11), (8, 12)]


def test_a_shortage_that_ended_in_the_dead_letter_queue_is_over_when_a_later_one_was_requested(
    function: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    world = use(function, World(failing={"A"}))
    lost, later = record(1, stock(10), stock(9)), record(3, stock(20), stock(8))
    assert deliver(function.handler, [lost], attempts=3) == [lost]
    world.failing.clear()
    assert deliver(function.handler, [later]) == []
    assert "an earlier request was never noted as sent" in caplog.messages
    assert deliver(function.handler, [lost]) == []
    assert world.requests("A") == [(8, 12)]


def test_without_time_nothing_is_claimed(function: ModuleType) -> None:
    world = use(function, World())
    answer = function.handler({"Records": [record(7, None, stock(1))]}, Context(calls=0))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "7"}]}
    assert world.restocks == {}


@pytest.mark.parametrize("seed", range(6))
def test_wherever_calls_end_every_shortage_is_requested_once_and_in_order(function: ModuleType, seed: int) -> None:
    chance = random.Random(seed)
    world = use(function, World(breaks=0.15, chance=chance))
    stocks: dict[str, Any] = {}
    expected: dict[str, list[tuple[int, int]]] = {}
    records = []
    for number in range(1, 150):
        product = chance.choice("ABCDEF")
        before = stocks.get(product)
        after = stock(chance.randrange(20), chance.choice([8, 10]), product)
        is_short, was_short = (each is not None and each["on_hand"] < each["reorder_point"] for each in (after, before))
        if is_short and not was_short:
            expected.setdefault(product, []).append((after["on_hand"], 2 * after["reorder_point"] - after["on_hand"]))
        records.append(record(number, before, after))
        stocks[product] = after
    left = list(records)
    while left:
        size = chance.randrange(1, 30)
        assert deliver(function.handler, left[:size]) == []
        left = left[size:]
        for _ in range(chance.randrange(2)):  # a replay of anything before
            start = chance.randrange(len(records) - len(left))
            assert deliver(function.handler, records[start : len(records) - len(left)]) == []
    assert {product: world.requests(product) for product in expected} == expected
