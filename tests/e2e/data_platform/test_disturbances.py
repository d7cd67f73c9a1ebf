"""Functions that are throttled, fail or are switched off for a while: when that is over, all is as if it never was."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.data_platform.disturbances import at_most, misconfigured, sources_off
from tests.e2e.data_platform.test_orders import FINAL, as_sqs_records
from tests.e2e.data_platform.test_sales_events import by_id, make_event
from tests.e2e.data_platform.test_totals import Outcomes, a_mixture, order_of, orders_in, stock_for, wait_for_totals
from tests.e2e.data_platform.totals import read_totals, totals_of

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Platform
    from tests.e2e.data_platform.turns import Alone

pytestmark = pytest.mark.disturbs

Wait = Callable[..., Any]

STOCK = 1_000_000


class Orders:
    """Orders, returns and backorders, and one order that makes a product short."""

    functions = ("process_orders", "project_orders", "restock")

    def __init__(self, platform: Platform, unique: str, day: date) -> None:
        self._platform = platform
        self._of = unique
        self._low = f"{unique}-low"
        self._outcomes: Outcomes = a_mixture(unique, day)[:24]
        self._outcomes.append((order_of(day, f"{unique}-short", {self._low: 2}), "fulfilled"))
        stock_for(platform, unique, self._outcomes)
        platform.set_stock({self._low: 6}, reorder_point=5)
        self._requests: list[dict[str, Any]] = []

    def send(self, part: slice = slice(None)) -> None:
        self._platform.send_orders(orders_in(self._outcomes)[part])

    def invoke(self) -> None:
        """Call the queue's function with the same orders, from several sides."""
        records = as_sqs_records(*orders_in(self._outcomes))
        invoke_side_by_side(self._platform, "process_orders", [records[start::3] for start in range(3)])

    def stored(self, part: slice = slice(None)) -> bool:
        """Whether any of it came through."""
        return any(self._platform.order(order["order_id"]) for order in orders_in(self._outcomes)[part])

    def wait(self, wait_until: Wait) -> None:
        """Until all of it came through."""
        patience = self._platform.dead_letter_seconds("orders")
        for order in orders_in(self._outcomes):
            order_id = order["order_id"]
            wait_until(lambda order_id=order_id: self._platform.status(order_id) in FINAL, timeout=patience)
        wait_for_totals(self._platform, wait_until, self._outcomes)
        wait_until(self._take_requests)

    def assert_all_came_through_once(self, wait_until: Wait) -> None:
        self.wait(wait_until)
        time.sleep(2)  # a second copy would come with the next batches
        platform = self._platform
        assert {order["order_id"]: platform.status(order["order_id"]) for order, _ in self._outcomes} == {
            order["order_id"]: status for order, status in self._outcomes
        }
        assert platform.stock(self._stock()) == self._stock()
        assert [(each["product_id"], each["on_hand"]) for each in self._take_requests()] == [(self._low, 4)]
        assert read_totals(platform, orders_in(self._outcomes)) == totals_of(self._outcomes)

    def _stock(self) -> dict[str, int]:
        """What is left of every product."""
        left = {line["product_id"]: STOCK for order, _ in self._outcomes for line in order["lines"]}
        left |= {self._low: 6, f"{self._of}-none": 0}
        for order, status in self._outcomes:
            for line in order["lines"] if status != "backordered" else []:
                left[line["product_id"]] -= line["quantity"]
        return left

    def _take_requests(self) -> list[dict[str, Any]]:
        self._requests += self._platform.take_restock_requests(self._low)
        return self._requests


class SalesEvents:
    """Sales events, on several shards."""

    functions = ("capture_sales",)

    def __init__(self, platform: Platform, unique: str, day: date) -> None:
        self._platform = platform
        self._of = unique
        self._day = day
        self._events = [make_event(unique, number, day) for number in range(200)]

    def send(self, part: slice = slice(None)) -> None:
        for key in range(4):
            self._platform.put_events(self._events[part][key::4], f"{self._of}-{key}")

    def invoke(self) -> None:
        """Call the stream's function from several sides, with nothing: the same events in other batches are others."""
        invoke_side_by_side(self._platform, "capture_sales", [[], [], []])

    def stored(self, part: slice = slice(None)) -> bool:
        """Whether any of it came through."""
        wanted = {event["event_id"] for event in self._events[part]}
        return any(event["event_id"] in wanted for event in self._platform.stored_events(self._day, self._of))

    def wait(self, wait_until: Wait) -> None:
        """Until all of it came through."""
        wait_until(lambda: len(self._platform.stored_events(self._day, self._of)) >= len(self._events))

    def assert_all_came_through_once(self, wait_until: Wait) -> None:
        self.wait(wait_until)
        time.sleep(2)  # a second copy would come with the next batches
        assert by_id(self._platform.stored_events(self._day, self._of)) == by_id(self._events)


Load = Orders | SalesEvents


def invoke_side_by_side(platform: Platform, function: str, batches: list[list[dict[str, Any]]]) -> None:
    _ = platform.functions  # made once, before the threads want it
    with ThreadPoolExecutor(len(batches)) as workers:
        answers = workers.map(lambda records: platform.invoke(function, records), batches)
        assert list(answers) == [{"batchItemFailures": []}] * len(batches)


@pytest.fixture(
    params=[
        pytest.param(Orders, marks=pytest.mark.flow("orders"), id="orders"),
        pytest.param(SalesEvents, marks=pytest.mark.flow("sales_events"), id="sales events"),
    ]
)
def load(request: pytest.FixtureRequest, platform: Platform, unique: str, day: date) -> Load:
    made: Load = request.param(platform, unique, day)
    return made


def test_throttled_functions_lose_nothing(platform: Platform, wait_until: Wait, load: Load, alone: Alone) -> None:
    with alone(), at_most(platform, 0, *load.functions):
        load.send()
        time.sleep(2)
        assert not load.stored()
    load.assert_all_came_through_once(wait_until)


def test_one_call_at_a_time_is_enough(platform: Platform, wait_until: Wait, load: Load, alone: Alone) -> None:
    with alone(), at_most(platform, 1, *load.functions):
        load.send()
        load.invoke()  # others, who want the one call
        load.wait(wait_until)
    load.assert_all_came_through_once(wait_until)


@pytest.mark.flow("orders")
def test_a_function_that_fails_for_a_while_loses_no_order(
    platform: Platform, wait_until: Wait, unique: str, day: date, alone: Alone
) -> None:
    load = Orders(platform, unique, day)
    with alone(), misconfigured(platform, {"process_orders": {"ORDERS_TABLE": "no-such-table"}}):
        load.send()
        wait_until(lambda: [log for log in platform.log_records("process_orders", unique) if log["level"] == "ERROR"])
        assert not load.stored()
    load.assert_all_came_through_once(wait_until)


def test_sources_that_are_switched_off_and_on_go_on_where_they_were(
    platform: Platform, wait_until: Wait, load: Load, alone: Alone
) -> None:
    with alone():
        load.send(slice(0, None, 2))  # on its way when the sources are switched off
        with sources_off(platform, *load.functions):
            load.send(slice(1, None, 2))
            time.sleep(2)
            assert not load.stored(slice(1, None, 2))
    load.assert_all_came_through_once(wait_until)
