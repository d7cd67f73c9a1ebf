"""An event and an order take the same values in the fields that they share, and refuse others in the same words."""

import json

import order_message
import pytest
import sales_event
from test_order_message import LINES, ORDER
from test_sales_event import EVENT

VALUES = [
    *("", "x", "x" * 128, "x" * 129, "\x00", "\x7f", "\ud83d", "ü 🛒", "a\nb"),
    *("0", "1.2345", "1.23456", "-1", "1e3", ".5", "5.", "999999999.9999", "1000000000", "GBP", "gbp", "GBPX"),
    *(
        "2010-12-01T08:26:00Z",
        "2010-12-01T08:26:00.123456Z",
        "2010-12-01T24:00:01Z",
        "2010-02-30T00:00:00Z",
        "2010-12-01",
    ),
    *(0, 1, -1, 2**31 - 1, 2**31, -(2**31), 10**30, 1.0, 1.5, True, False, None),
    *([], {}, [1], {"a": 1}),
]


def event_problem(field: str, value: object) -> str | None:
    try:
        sales_event.parse(json.dumps(EVENT | {field: value}).encode())
    except sales_event.MalformedEventError as malformed:
        return str(malformed)
    return None


def order_problem(field: str, value: object) -> str | None:
    changed = {field: value} if field in ORDER else {"lines": [LINES[0] | {field: value}]}
    try:
        order_message.parse(json.dumps(ORDER | changed))
    except order_message.OrderRefusedError as refused:
        return str(refused)
    return None


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize(
    "field", ["order_id", "customer_id", "store_id", "country", "currency", "line", "product_id", "unit_price"]
)
def test_shared_fields(field: str, value: object) -> None:
    assert event_problem(field, value) == order_problem(field, value)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_times(value: object) -> None:
    in_event, in_order = event_problem("event_time", value), order_problem("order_time", value)
    assert (in_event or "").removeprefix("event_time") == (in_order or "").removeprefix("order_time")
