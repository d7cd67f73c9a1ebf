"""Functions that are throttled, fail or are switched off for a while: when that is over, all is as if it never was."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.disturbances import at_most, misconfigured, sources_off
from tests.e2e.test_orders import FINAL, as_sqs_records
from tests.e2e.test_sales_events import by_id, make_event
from tests.e2e.test_totals import Outcomes, a_mixture, order_of, orders_in, stock_for, wait_for_totals
from tests.e2e.totals import read_totals

if TYPE_CHECKING:
    from tests.e2e.platform import Platform
    from tests.e2e.turns import Alone

pytestmark = pytest.mark.disturbs

Wait = Callable[..., Any]

QUEUE_FUNCTION = "process_orders"
STREAM_FUNCTIONS = ("capture_sales", "project_orders", "restock")
STOCK = 1_000_000


class Load:
    """Orders, returns and backorders, one order that makes a product short, and sales events."""

    def __init__(self, platform: Platform, unique: str, day: date, orders: int = 24, events: int = 100) -> None:
        self._platform = platform
        self._of = unique
        self._day = day
        self._low = f"{unique}-low"
        self.outcomes: Outcomes = a_mixture(unique, day)[:orders]
        self.outcomes.append((order_of(day, f"{unique}-short", {self._low: 2}), "fulfilled"))
        self.events = [make_event(unique, number, day) for number in range(events)]
        stock_for(platform, unique, self.outcomes)
        platform.set_stock({self._low: 6}, reorder_point=5)
        self._requests: list[dict[str, Any]] = []

    def send(self, part: slice = slice(None)) -> None:
        self._platform.send_orders(orders_in(self.outcomes)[part])
        for key in range(4):  # on several shards
            self._platform.put_events(self.events[part][key::4], f"{self._of}-{key}")

    def is_stored(self) -> bool:
        """Whether any of it came through."""
        return bool(
            any(self._platform.order(order["order_id"]) for order, _ in self.outcomes)
            or self._platform.stored_events(self._day, self._of)
        )

    def assert_all_came_through_once(self, wait_until: Wait) -> None:
        platform = self._platform
        patience = platform.dead_letter_seconds("orders")
        for order, status in self.outcomes:
            order_id = order["order_id"]
            wait_until(lambda order_id=order_id: platform.status(order_id) in FINAL, timeout=patience)
            assert platform.status(order_id) == status
        assert platform.stock(self._stock()) == self._stock()
        wait_for_totals(platform, wait_until, self.outcomes)

        wait_until(lambda: len(platform.stored_events(self._day, self._of)) >= len(self.events))
        wait_until(self._take_requests)
        time.sleep(2)  # a second copy would come with the next batches
        assert by_id(platform.stored_events(self._day, self._of)) == by_id(self.events)
        assert [(each["product_id"], each["on_hand"]) for each in self._take_requests()] == [(self._low, 4)]
        assert read_totals(platform, orders_in(self.outcomes)) == wait_for_totals(platform, wait_until, self.outcomes)

    def _stock(self) -> dict[str, int]:
        """What is left of every product."""
        left = {line["product_id"]: STOCK for order, _ in self.outcomes for line in order["lines"]}
        left |= {self._low: 6, f"{self._of}-none": 0}
        for order, status in self.outcomes:
            for line in order["lines"] if status != "backordered" else []:
                left[line["product_id"]] -= line["quantity"]
        return left

    def _take_requests(self) -> list[dict[str, Any]]:
        self._requests += self._platform.take_restock_requests(self._low)
        return self._requests


def test_throttled_functions_lose_nothing(
    platform: Platform, wait_until: Wait, unique: str, day: date, alone: Alone
) -> None:
    load = Load(platform, unique, day)
    with alone(), at_most(platform, 0, QUEUE_FUNCTION, *STREAM_FUNCTIONS):
        load.send()
        time.sleep(2)
        assert not load.is_stored()
    load.assert_all_came_through_once(wait_until)


def test_one_call_at_a_time_is_enough(
    platform: Platform, wait_until: Wait, unique: str, day: date, alone: Alone
) -> None:
    load = Load(platform, unique, day, orders=24, events=200)
    records = as_sqs_records(*orders_in(load.outcomes))
    with alone(), at_most(platform, 1, QUEUE_FUNCTION, *STREAM_FUNCTIONS):
        load.send()
        # Others who want the one call, with the same orders.
        with ThreadPoolExecutor(3) as workers:
            answers = workers.map(lambda start: platform.invoke(QUEUE_FUNCTION, records[start::3]), range(3))
            assert list(answers) == [{"batchItemFailures": []}] * 3
        load.assert_all_came_through_once(wait_until)


def test_a_function_that_fails_for_a_while_loses_no_order(
    platform: Platform, wait_until: Wait, unique: str, day: date, alone: Alone
) -> None:
    load = Load(platform, unique, day, events=0)
    with alone(), misconfigured(platform, {QUEUE_FUNCTION: {"ORDERS_TABLE": "no-such-table"}}):
        load.send()
        wait_until(lambda: [log for log in platform.log_records(QUEUE_FUNCTION, unique) if log["level"] == "ERROR"])
        assert not load.is_stored()
    load.assert_all_came_through_once(wait_until)


def test_sources_that_are_switched_off_and_on_go_on_where_they_were(
    platform: Platform, wait_until: Wait, unique: str, day: date, alone: Alone
) -> None:
    load = Load(platform, unique, day)
    with alone():
        load.send(slice(0, None, 2))  # on its way when the sources are switched off
        with sources_off(platform, QUEUE_FUNCTION, *STREAM_FUNCTIONS):
            load.send(slice(1, None, 2))
            time.sleep(2)
            assert not any(platform.order(order["order_id"]) for order in orders_in(load.outcomes)[1::2])
    load.assert_all_came_through_once(wait_until)
