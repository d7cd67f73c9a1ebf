"""`invoke redrive`: what has failed is handed over once more, after its cause is mended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.data_platform.disturbances import misconfigured
from tests.e2e.data_platform.table_streams import Record, TableStream, number_of, take_failed
from tests.e2e.data_platform.test_orders import products
from tests.e2e.data_platform.test_sales_events import by_id, make_event
from tests.e2e.data_platform.test_totals import order_of, wait_for_totals
from tests.e2e.data_platform.totals import read_totals, totals_of

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Place, Platform
    from tests.e2e.data_platform.turns import Alone

pytestmark = pytest.mark.flow("orders")

Wait = Callable[..., Any]
Command = Callable[..., subprocess.CompletedProcess[str]]

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def redrive(platform: Platform, tmp_path: Path) -> Command:
    """The command as a user has it: locally against an endpoint that runs, else with the name of the environment."""
    environment = platform.outputs["function_names"]["process_orders"].split("-")[1]
    # Without the settings of whoever runs the tests.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("STOCKROOM_")}
    variables |= {"STOCKROOM_RUN_DIR": str(tmp_path / "run"), "COLUMNS": "250"}
    where = ["--env", environment]
    if environment == "local":
        variables |= {"STOCKROOM_ENGINE": "external", "STOCKROOM_ENDPOINT": os.environ["AWS_ENDPOINT_URL"]}
        where = []

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "invoke", "redrive", *words, *where]
        done = subprocess.run(
            command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, timeout=120, check=False
        )
        print(done.stdout, done.stderr)  # shown when the test fails
        return done

    return run


class Letters:
    """Bodies of a queue's dead letters that carry `of`, as far as they were seen: they stay where they are, and others
    may hold them for a moment."""

    def __init__(self, platform: Platform, queue: str, of: str) -> None:
        self._platform = platform
        self._queue = queue
        self._of = of
        self.seen: set[str] = set()

    def look(self) -> set[str]:
        self.seen |= set(self._platform.look_at_dead_letters(self._of, self._queue))
        return self.seen


def about(record: Record) -> str:
    """What is in a dead letter about a record of a table's stream, and in no other."""
    return f'"{number_of(record)}"'


def nobody_holds_any(platform: Platform, queue: str) -> bool:
    name = "ApproximateNumberOfMessagesNotVisible"
    url = platform.outputs["dead_letter_queue_urls"][queue]
    return bool(platform.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name] == "0")


@pytest.mark.waits
def test_orders_of_a_product_that_was_not_in_the_inventory(
    platform: Platform,
    wait_until: Wait,
    unique: str,
    day: date,
    redrive: Command,
    alone: Alone,
) -> None:
    platform.set_stock({unique: 10} | products(unique, 150, 5))
    late, never = f"{unique}-late", f"{unique}-never"
    outcomes = [
        (order_of(day, f"{unique}-0", {unique: 2, late: 3}, price="1.25"), "fulfilled"),
        (order_of(day, f"{unique}-1", products(unique, 150, 1) | {late: 1}), "fulfilled"),
        (order_of(day, f"C{unique}-2", {late: -4}), "returned"),
    ]
    wrong = order_of(day, f"{unique}-3", {unique: 1, never: 1})
    platform.send_orders([*(order for order, _ in outcomes), wrong])
    dead = Letters(platform, "orders", unique)
    wait_until(lambda: len(dead.look()) == 4, timeout=platform.dead_letter_seconds("orders"))
    assert platform.stock([unique]) == {unique: 10}

    platform.set_stock({late: 20})
    with alone():  # it moves the dead letters of others, too
        wait_until(lambda: nobody_holds_any(platform, "orders"))
        listed = redrive("orders", "--list")
        assert listed.returncode == 0, listed.stderr
        assert "in the dead-letter queue of orders" in listed.stdout
        done = redrive("orders")
        assert done.returncode == 0, done.stderr
        assert "messages moved back to" in done.stdout
    for order, status in outcomes:
        wait_until(lambda order=order, status=status: platform.status(order["order_id"]) == status)
    wait_for_totals(platform, wait_until, outcomes)
    assert platform.stock([unique, late]) == {unique: 8, late: 20}
    assert platform.stock(products(unique, 150, 0)) == products(unique, 150, 4)
    assert platform.order(wrong["order_id"]) is None  # it fails again, and becomes a dead letter once more


@pytest.mark.disturbs("first")  # what others left on its way would fail as well, one record after the other
def test_records_of_tables_whose_functions_failed(
    platform: Platform, wait_until: Wait, unique: str, day: date, redrive: Command, alone: Alone
) -> None:
    low = f"{unique}-low"
    outcomes = [
        (order_of(day, f"{unique}-{number}", {unique: number}, price="0.55"), "fulfilled") for number in range(1, 3)
    ]
    outcomes += [(order_of(day, f"{unique}-low", {low: 2}), "fulfilled")]
    broken = {
        "project_orders": {"DAILY_TOTALS_TABLE": "no-such-table"},
        "restock": {"RESTOCKS_TABLE": "no-such-table"},
    }
    with alone():
        platform.set_stock({unique: 100})
        platform.set_stock({low: 6}, reorder_point=5)
        orders, inventory = TableStream(platform, "orders"), TableStream(platform, "inventory")
        with misconfigured(platform, broken):
            platform.send_orders([order for order, _ in outcomes])
            ends = wait_until(lambda: len(found := orders.records(unique)) == len(outcomes) and found)
            (short,) = wait_until(lambda: inventory.records(low))
            for queue, record in [*(("orders_stream", each) for each in ends), ("inventory_stream", short)]:
                wait_until(Letters(platform, queue, about(record)).look)
        assert platform.item("daily_totals", order_date=str(day)) is None
        hand_over_again(platform, wait_until, redrive, "orders_stream", "inventory_stream")
    wait_for_totals(platform, wait_until, outcomes)
    (request,) = wait_until(lambda: platform.take_restock_requests(low))
    assert request["on_hand"] == 4
    hand_over_again(platform, wait_until, redrive, "orders_stream")  # does no harm
    for record in ends:
        assert Letters(platform, "orders_stream", about(record)).look() == set()
    assert read_totals(platform, [order for order, _ in outcomes]) == totals_of(outcomes)


@pytest.mark.flow("sales_events")
@pytest.mark.disturbs
def test_sales_events_whose_function_failed(
    platform: Platform, wait_until: Wait, unique: str, day: date, redrive: Command, alone: Alone
) -> None:
    events = [make_event(unique, number, day) for number in range(20)]
    dead = Letters(platform, "sales_events", "KinesisBatchInfo")
    with alone():
        with misconfigured(platform, {"capture_sales": {"RAW_BUCKET": "no-such-bucket"}}):
            places = platform.put_events(events, unique)
            wait_until(lambda: are_in(dead.look(), places))
        assert platform.stored_events(day, unique) == []
        hand_over_again(platform, wait_until, redrive, "sales_events")
    wait_until(lambda: len(platform.stored_events(day, unique)) >= len(events))
    assert by_id(platform.stored_events(day, unique)) == by_id(events)


def are_in(letters: set[str], places: list[Place]) -> bool:
    """Whether the letters are about batches with the sales events at all these places."""
    batches = [json.loads(letter)["KinesisBatchInfo"] for letter in letters]
    return all(
        any(
            batch["shardId"] == shard and int(batch["startSequenceNumber"]) <= number <= int(batch["endSequenceNumber"])
            for batch in batches
        )
        for shard, number in places
    )


def hand_over_again(platform: Platform, wait_until: Wait, redrive: Command, *queues: str) -> None:
    """Redrive the queues side by side."""
    for queue in queues:
        wait_until(lambda queue=queue: nobody_holds_any(platform, queue))
    names = [queue.replace("_", "-") for queue in queues]
    with ThreadPoolExecutor(len(names)) as workers:
        for done in workers.map(redrive, names):
            assert done.returncode == 0 or "still in the dead-letter queue" in done.stderr  # what others left there


def test_what_fails_again_stays_and_is_named(
    platform: Platform, wait_until: Wait, unique: str, redrive: Command
) -> None:
    stream = TableStream(platform, "orders")
    platform.table("orders").put_item(Item={"order_id": unique, "note": "no order"})
    (record,) = wait_until(lambda: stream.records(unique))
    wait_until(Letters(platform, "orders_stream", about(record)).look)

    def is_named() -> bool:
        """Others may hold it for a moment, and then the command does not see it."""
        done = redrive("orders-stream")
        return (
            done.returncode == 1
            and f"its function fails again from record {number_of(record)} on" in done.stdout + done.stderr
        )

    wait_until(is_named)
    (letter,) = wait_until(lambda: take_failed(platform, "orders_stream", record))
    assert letter["DDBStreamBatchInfo"]["startSequenceNumber"] == number_of(record)
