import json
from decimal import Decimal
from typing import Any

import pytest
from order_message import Line, Order, OrderRefusedError, parse

LINES: list[dict[str, Any]] = [
    {"line": 1, "product_id": "85123A", "quantity": 6, "unit_price": "2.55"},
    {"line": 2, "product_id": "71053", "quantity": 2, "unit_price": "3.39"},
    {"line": 3, "product_id": "85123A", "quantity": 1, "unit_price": "2.10"},
]
ORDER: dict[str, Any] = {
    "order_id": "536365",
    "order_time": "2010-12-01T08:26:00Z",
    "customer_id": "17850",
    "store_id": "online",
    "country": "United Kingdom",
    "currency": "GBP",
    "lines": LINES,
}


def message(**changes: object) -> str:
    return json.dumps(ORDER | changes)


def with_line(**changes: object) -> str:
    return message(lines=[LINES[0] | changes])


def reason(body: str) -> str:
    with pytest.raises(OrderRefusedError) as refused:
        parse(body)
    return str(refused.value)


def test_an_order() -> None:
    order = parse(message())
    assert order == Order(
        order_id="536365",
        order_time="2010-12-01T08:26:00Z",
        customer_id="17850",
        store_id="online",
        country="United Kingdom",
        currency="GBP",
        lines=(
            Line(1, "85123A", 6, Decimal("2.55")),
            Line(2, "71053", 2, Decimal("3.39")),
            Line(3, "85123A", 1, Decimal("2.10")),
        ),
    )
    assert (order.kind, order.units, order.revenue) == ("order", 9, Decimal("24.18"))


def test_quantities_are_added_up_by_product_in_the_order_of_the_ids() -> None:
    assert list(parse(message()).quantities.items()) == [("71053", 2), ("85123A", 7)]


def test_a_return_counts_negative() -> None:
    returned = parse(message(order_id="C536379", lines=[LINES[0] | {"quantity": -6}]))
    assert (returned.kind, returned.units, returned.revenue) == ("return", -6, Decimal("-15.30"))


def test_no_customer_and_unknown_fields_are_fine() -> None:
    assert parse(message(customer_id=None, status="fulfilled")).customer_id is None


def test_money_is_exact_at_the_limits() -> None:
    largest = {"product_id": "P", "quantity": 2**31 - 1, "unit_price": "999999999.9999"}
    order = parse(message(lines=[largest | {"line": line} for line in range(1, 1001)]))
    assert order.revenue * 10_000 == 1000 * (2**31 - 1) * 9_999_999_999_999


@pytest.mark.parametrize("field", ORDER)
def test_every_field_is_required(field: str) -> None:
    body = json.dumps({name: value for name, value in ORDER.items() if name != field})
    assert reason(body) == f"{field} is missing"


@pytest.mark.parametrize("field", LINES[0])
def test_every_field_of_a_line_is_required(field: str) -> None:
    line = {name: value for name, value in LINES[0].items() if name != field}
    assert reason(message(lines=[line])) == f"{field} is missing"


@pytest.mark.parametrize("value", [True, 1.5, {}, None, 10**400, "\u0000", [7]])
@pytest.mark.parametrize("field", [*ORDER, *LINES[0]])
def test_a_value_of_another_type_is_refused_with_the_fields_name(field: str, value: object) -> None:
    if field == "customer_id" and value is None:
        return
    body = message(**{field: value}) if field in ORDER else with_line(**{field: value})
    expected = "line is not a JSON object" if (field, value) == ("lines", [7]) else f"{field} "
    assert reason(body).startswith(expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", "message is not JSON"),
        ("{", "message is not JSON"),
        ("[" * 200_000, "message is not JSON"),
        (f"[{message()}]", "message is not a JSON object"),
        ("null", "message is not a JSON object"),
        (message()[:-1] + ', "order_id": "other"}', "message has a field twice"),
        (message()[:-1] + ', "more": NaN}', "message is not JSON"),
        (with_line(quantity=float("inf")), "message is not JSON"),
        (with_line(quantity=1).replace(": 1,", ": " + "9" * 5000 + ","), "message is not JSON"),
        (message(lines=[]), "lines is empty"),
        (message(lines=[LINES[0], LINES[0]]), "line is given twice"),
        (with_line(line=0), "line is out of range"),
        (with_line(quantity=0), "quantity is zero"),
        (with_line(quantity=2**31), "quantity is out of range"),
        (with_line(quantity=-1), "quantity is negative in an order"),
        (message(order_id="C1"), "quantity is positive in a return"),
        (with_line(unit_price="-0.01"), "unit_price is not a decimal string with at most 4 decimals"),
        (with_line(unit_price="Infinity"), "unit_price is not a decimal string with at most 4 decimals"),
        (with_line(product_id="x" * 129), "product_id is not an identifier of 1 to 128 characters"),
        (message(order_id="\ud83d"), "order_id is not an identifier of 1 to 128 characters"),
        (message(order_time="2010-13-01T00:00:00Z"), "order_time is not a date and time that exists"),
    ],
)
def test_what_is_no_order_is_refused(body: str, expected: str) -> None:
    assert reason(body) == expected


def test_the_refusal_names_the_order_when_the_message_does() -> None:
    with pytest.raises(OrderRefusedError) as refused:
        parse(message(lines=[]))
    assert refused.value.order_id == "536365"


def test_an_order_that_no_item_can_hold_is_refused() -> None:
    lines = [LINES[0] | {"line": line, "product_id": f"P{line:05}"} for line in range(1, 6001)]
    assert reason(message(lines=lines)) == "lines is larger than one DynamoDB item"
    assert parse(message(lines=lines[:4000])).units == 24_000
