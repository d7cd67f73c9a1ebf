import json
from typing import Any

import pytest
from sales_event import MalformedEventError, SalesEvent, parse

EVENT: dict[str, Any] = {
    "event_id": "536365-1",
    "event_time": "2010-12-01T08:26:00Z",
    "order_id": "536365",
    "line": 1,
    "product_id": "85123A",
    "description": "WHITE HANGING HEART T-LIGHT HOLDER",
    "quantity": 6,
    "unit_price": "2.55",
    "currency": "GBP",
    "customer_id": "17850",
    "store_id": "online",
    "country": "United Kingdom",
}


def as_bytes(**changes: object) -> bytes:
    return json.dumps(EVENT | changes, ensure_ascii=False).encode()


def reason(data: bytes) -> str:
    with pytest.raises(MalformedEventError) as malformed:
        parse(data)
    return str(malformed.value)


def test_a_valid_event_has_its_own_date_and_its_json_as_sent() -> None:
    assert parse(as_bytes()) == SalesEvent("2010-12-01", json.dumps(EVENT))


@pytest.mark.parametrize(
    "change",
    [
        {"customer_id": None},
        {"quantity": -1},
        {"quantity": 2**31 - 1},
        {"unit_price": "0"},
        {"unit_price": "0.001"},
        {"unit_price": "38970.00"},
        {"description": ""},
        {"description": 'Ünïcødé 🛒 \u2028\u0085\x00 "quotes" \\ \'); DROP TABLE orders;--' + "x" * 100_000},
        {"country": "Österreich"},
        {"event_time": "2024-02-29T23:59:59.999999Z"},
    ],
)
def test_unusual_values_are_valid(change: dict[str, object]) -> None:
    assert json.loads(parse(as_bytes(**change)).json_line) == EVENT | change


@pytest.mark.parametrize("field", EVENT)
def test_every_field_is_required(field: str) -> None:
    missing = {name: value for name, value in EVENT.items() if name != field}
    assert reason(json.dumps(missing).encode()) == f"{field} is missing"


@pytest.mark.parametrize("field", EVENT)
@pytest.mark.parametrize("value", [True, 1.5, [], {}, None, 10**400])
def test_a_value_of_another_type_is_refused_with_the_fields_name(field: str, value: object) -> None:
    if field == "customer_id" and value is None:
        return
    assert reason(as_bytes(**{field: value})).startswith(f"{field} ")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"event_id": ""}, "event_id is not an identifier of 1 to 128 characters"),
        ({"order_id": "x" * 129}, "order_id is not an identifier of 1 to 128 characters"),
        ({"product_id": "a\nb"}, "product_id is not an identifier of 1 to 128 characters"),
        ({"line": 0}, "line is out of range"),
        ({"line": "1"}, "line is not a whole number"),
        ({"quantity": 0}, "quantity is zero"),
        ({"quantity": False}, "quantity is not a whole number"),
        ({"quantity": 2.0}, "quantity is not a whole number"),
        ({"quantity": 2**31}, "quantity is out of range"),
        ({"unit_price": 2.55}, "unit_price is not a decimal string with at most 4 decimals"),
        ({"unit_price": "-1"}, "unit_price is not a decimal string with at most 4 decimals"),
        ({"unit_price": "1e3"}, "unit_price is not a decimal string with at most 4 decimals"),
        ({"unit_price": "NaN"}, "unit_price is not a decimal string with at most 4 decimals"),
        ({"unit_price": "\u0663.\u0665"}, "unit_price is not a decimal string with at most 4 decimals"),
        ({"unit_price": "1.5\n"}, "unit_price is not a decimal string with at most 4 decimals"),
        ({"currency": "gbp"}, "currency is not a 3-letter code"),
        ({"event_time": "2010-12-01T08:26:00"}, "event_time is not an ISO 8601 time in UTC (…Z)"),
        ({"event_time": "2010-12-01T08:26:00+01:00"}, "event_time is not an ISO 8601 time in UTC (…Z)"),
        ({"event_time": "2011-02-29T00:00:00Z"}, "event_time is not a date and time that exists"),
        ({"event_time": "0000-01-01T00:00:00Z"}, "event_time is not a date and time that exists"),
    ],
)
def test_a_value_out_of_bounds_is_refused(change: dict[str, object], expected: str) -> None:
    assert reason(as_bytes(**change)) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "event is not JSON"),
        (b"not json", "event is not JSON"),
        (b"\xff\xfe{}", "event is not UTF-8"),
        (b"\xef\xbb\xbf{}", "event is not JSON"),
        (b"null", "event is not a JSON object"),
        (b"[" + as_bytes() + b"]", "event is not a JSON object"),
        (as_bytes() + as_bytes(), "event is not JSON"),
        (as_bytes().replace(b": 6", b": NaN"), "event is not JSON"),
        (as_bytes()[:-1] + b', "more": Infinity}', "event is not JSON"),
        (as_bytes()[:-1] + b', "more": ' + b"9" * 5000 + b"}", "event is not JSON"),
        (b"[" * 200_000, "event is not JSON"),
        (as_bytes()[:-1] + b', "quantity": 7}', "event has a field twice"),
        (as_bytes(description="X").replace(b'"X"', b'"\\ud83d"'), "description holds half a character"),
        (
            as_bytes(store_id="X").replace(b'"X"', b'"\\ud83d"'),
            "store_id is not an identifier of 1 to 128 characters",
        ),
    ],
)
def test_what_is_no_event_is_refused(data: bytes, expected: str) -> None:
    assert reason(data) == expected


def test_unknown_fields_and_the_writing_of_numbers_are_kept() -> None:
    sent = as_bytes()[:-1] + b', "weight": 1.10, "big": 12345678901234567890123, "escaped": "\\ud83d"}'
    assert parse(sent).json_line.encode() == sent


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\r"])
def test_an_event_written_over_several_lines_becomes_one(separator: str) -> None:
    sent = json.dumps(EVENT, indent=2).replace("\n", separator) + separator
    line = parse(sent.encode()).json_line
    assert "\n" not in line
    assert "\r" not in line
    assert json.loads(line) == EVENT
