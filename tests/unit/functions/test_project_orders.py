"""The function against a DynamoDB of its own, which holds transactions to DynamoDB's rules and breaks on demand."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from table_streams import Context, Killed, Record, deliver, load, record
from test_totals import numbers, products

Item = dict[str, Decimal]


@dataclass
class Tables:
    """Totals and ledger; each call breaks with the chance `breaks`, and nothing can be added to the total `refused`."""

    totals: dict[str, Item] = field(default_factory=dict)
    ledger: set[tuple[str, str]] = field(default_factory=set)
    calls: int = 0
    breaks: float = 0
    ways: tuple[str, ...] = ("conflict", "in progress", "throttled", "unanswered", "killed before", "killed after")
    refused: str = ""
    chance: random.Random = field(default_factory=lambda: random.Random(5))

    def transact_write_items(self, TransactItems: list[Record]) -> None:  # noqa: N803 - as in AWS's interface
        self.calls += 1
        assert len(TransactItems) <= 100
        broken = self.chance.random() < self.breaks
        way = self.chance.choice(self.ways)
        if broken and way in ("in progress", "throttled"):
            code = "TransactionInProgressException" if way == "in progress" else "ThrottlingException"
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "TransactWriteItems")
        if broken and way == "killed before":
            raise Killed
        reasons = [{"Code": self._code(item)} for item in TransactItems]
        if broken and way == "conflict":
            reasons[-1] = {"Code": "TransactionConflict"}
        if any(reason["Code"] != "None" for reason in reasons):
            error = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": reasons}
            raise ClientError(error, "TransactWriteItems")  # type: ignore[arg-type]
        for item in TransactItems:
            self._write(item)
        if broken and way == "killed after":
            raise Killed
        if broken:
            raise ReadTimeoutError(endpoint_url="http://dynamodb")

    def _code(self, item: Record) -> str:
        if "Put" in item:
            return "ConditionalCheckFailed" if self._entry(item) in self.ledger else "None"
        (key,) = item["Update"]["Key"].values()
        return "ValidationError" if key["S"] == self.refused else "None"

    def _write(self, item: Record) -> None:
        if "Put" in item:
            self.ledger.add(self._entry(item))
            return
        (key,) = item["Update"]["Key"].values()
        total = self.totals.setdefault(key["S"], {})
        for name, value in item["Update"]["ExpressionAttributeValues"].items():
            total[name[1:]] = total.get(name[1:], Decimal(0)) + Decimal(value["N"])

    @staticmethod
    def _entry(item: Record) -> tuple[str, str]:
        stored = item["Put"]["Item"]
        return stored["order_id"]["S"], stored["part"]["S"]


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    names = {"DAILY_TOTALS_TABLE": "daily", "PRODUCT_TOTALS_TABLE": "product", "PROJECTED_ORDERS_TABLE": "ledger"}
    module: ModuleType = load("project_orders", monkeypatch, **names)
    monkeypatch.setattr("remaining_time.time.sleep", lambda _: None)
    return module


def use(function: ModuleType, tables: Tables) -> Tables:
    function.dynamodb = tables  # type: ignore[attr-defined]
    return tables


def item(order_id: str, status: str, quantities: dict[str, int], day: str = "2024-05-01") -> dict[str, Any]:
    lines = [
        {"line": number, "product_id": product, "quantity": quantity, "unit_price": Decimal("0.10")}
        for number, (product, quantity) in enumerate(quantities.items(), 1)
    ]
    return {"order_id": order_id, "order_date": day, "status": status, "lines": lines}


def put(number: int, order_id: str, quantities: dict[str, int], status: str = "fulfilled") -> Record:
    return record(number, None, item(order_id, status, quantities))


def test_orders_of_a_batch_are_counted_in_one_transaction(function: ModuleType) -> None:
    tables = use(function, Tables())
    batch = [
        put(1, "1", {"A": 2, "B": 1}),
        put(2, "2", {"A": 1}),
        put(3, "3", {"B": 9}, "backordered"),
        put(4, "C4", {"A": -1}, "returned"),
        put(5, "5", {"A": 1}, "reserving"),
        record(6, item("6", "fulfilled", {"A": 1}), None),
    ]
    assert function.handler({"Records": batch}, Context()) == {"batchItemFailures": []}
    assert tables.calls == 1
    assert tables.totals == {
        "2024-05-01": numbers(orders="2", returns="1", backorders="1", units="3", revenue="0.3"),
        "A": numbers(orders="2", returns="1", units="2", revenue="0.2"),
        "B": numbers(orders="1", returns="0", units="1", revenue="0.1"),
    }


def test_a_batch_delivered_again_changes_nothing(function: ModuleType) -> None:
    tables = use(function, Tables())
    batch = [put(1, "1", {"A": 2}), put(2, "2", products(250)), put(3, "1", {"A": 5})]
    for _ in range(3):
        assert deliver(function.handler, batch, attempts=1) == []
    assert tables.totals["A"]["units"] == 2
    assert tables.totals["2024-05-01"] == numbers(orders="2", returns="0", backorders="0", units="252", revenue="25.2")


def test_what_is_no_order_fails_and_holds_up_no_neighbour(function: ModuleType) -> None:
    tables = use(function, Tables())
    batch = [put(1, "1", {"A": 1}), record(2, None, {"order_id": "bad"}), put(3, "3", {"A": 1}), record(4, None, {})]
    for _ in range(3):
        assert deliver(function.handler, batch, attempts=1) == batch[1:]
    assert tables.totals["A"]["units"] == 2
    assert deliver(function.handler, batch[2:3]) == []
    assert tables.totals["A"]["units"] == 2


def test_a_total_that_refuses_to_grow_fails_its_orders_alone(function: ModuleType) -> None:
    tables = use(function, Tables(refused="BAD"))
    batch = [put(1, "1", {"A": 1}), put(2, "2", {"A": 1, "BAD": 1}), put(3, "3", {"A": 1}), put(4, "4", {"BAD": 1})]
    assert deliver(function.handler, batch, attempts=3) == batch[1:]
    assert tables.totals["A"]["units"] == 2
    tables.refused = ""
    assert deliver(function.handler, batch) == []
    assert tables.totals["A"]["units"] == 3
    assert tables.totals["BAD"]["units"] == 2


def test_without_time_the_rest_is_left_to_the_next_delivery(function: ModuleType) -> None:
    tables = use(function, Tables())
    batch = [put(number, f"{number}", products(90, start=100 * number)) for number in range(1, 6)]
    # One look at the time when it begins, and one for each order.
    answer = function.handler({"Records": batch}, Context(calls=1 + 2))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "3"}]}
    assert tables.totals["2024-05-01"]["orders"] == 2
    assert deliver(function.handler, batch[2:]) == []
    assert tables.totals["2024-05-01"]["orders"] == 5


def test_a_busy_table_is_tried_until_the_time_is_up(function: ModuleType) -> None:
    tables = use(function, Tables(breaks=1, ways=("conflict",)))
    answer = function.handler({"Records": [put(1, "1", {"A": 1})]}, Context(calls=50))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert 20 < tables.calls < 50
    assert tables.totals == {}


def history(
    chance: random.Random, order: int
) -> tuple[list[tuple[dict[str, Any] | None, dict[str, Any] | None]], Item]:
    """The changes of one order up to its end and beyond, and what it adds to its day."""
    status = chance.choice(["fulfilled", "backordered", "returned"])
    sign = -1 if status == "returned" else 1
    count = chance.choice([1, 2, 5, 20, 98, 99, 150, 300])
    quantities = {f"P{number}": sign * chance.randrange(1, 9) for number in chance.sample(range(320), count)}
    day = f"2024-05-0{1 + order % 3}"
    states = [item(f"{order}", each, quantities, day) for each in ["reserving"] * chance.randrange(3)]
    states += [item(f"{order}", status, quantities, day)]
    states += [states[-1] | {"note": note} for note in range(chance.randrange(2))]
    images: list[dict[str, Any] | None] = [None, *states, *[None] * chance.randrange(2)]
    sold = Decimal(0 if status == "backordered" else sum(quantities.values()))
    counts = {"orders": "fulfilled", "returns": "returned", "backorders": "backordered"}
    added = {name: Decimal(status == counted) for name, counted in counts.items()}
    return list(pairwise(images)), added | {"units": sold, "revenue": sold * Decimal("0.10")}


def shuffled_batches(chance: random.Random, records: Sequence[Record]) -> list[list[Record]]:
    """All records in batches, some of them twice, the batches in any order."""
    batches = []
    left = list(records)
    while left:
        size = chance.randrange(1, 12)
        batches += [left[:size]] * chance.choice([1, 1, 2])
        left = left[size:]
    chance.shuffle(batches)
    return batches


@pytest.mark.parametrize("seed", range(6))
def test_however_records_are_delivered_the_totals_are_those_of_counting_once(function: ModuleType, seed: int) -> None:
    chance = random.Random(seed)
    tables = use(function, Tables(breaks=0.3, chance=chance))
    expected: dict[str, Item] = {}
    changes = []
    for order in range(40):
        images, added = history(chance, order)
        changes.append(images)
        day = expected.setdefault(f"2024-05-0{1 + order % 3}", dict.fromkeys(added, Decimal(0)))
        for name, amount in added.items():
            day[name] += amount
    records: list[Record] = []
    while left := [images for images in changes if images]:
        records.append(record(len(records) + 1, *chance.choice(left).pop(0)))
    for batch in shuffled_batches(chance, records):
        assert deliver(function.handler, batch) == []
    assert {key: total for key, total in tables.totals.items() if key.startswith("2024")} == expected
    products_sold = [total for key, total in tables.totals.items() if key.startswith("P")]
    for name in ("units", "revenue"):
        assert sum(total[name] for total in products_sold) == sum(day[name] for day in expected.values())
