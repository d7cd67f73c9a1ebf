from decimal import Decimal
from typing import Any, get_args

import final_orders
import pytest
import reservation
import stream_records
from fields import MalformedError
from final_orders import FinalOrder, Line, reached_end
from reservation import StoredOrder
from table_streams import record
from test_reservation import make_order
from transactions import _put

ORDER: dict[str, Any] = {
    "order_id": "536365",
    "order_time": "2010-12-01T08:26:00Z",
    "order_date": "2010-12-01",
    "status": "fulfilled",
    "lines": [
        {"line": 1, "product_id": "A", "quantity": 6, "unit_price": Decimal("2.55")},
        {"line": 2, "product_id": "B", "quantity": 1, "unit_price": Decimal("100")},
    ],
}
UNDER_WAY = ORDER | {"status": "reserving"}


def end(before: dict[str, Any] | None, after: dict[str, Any] | None) -> FinalOrder | None:
    return reached_end(stream_records.read(record(1, before, after)))


def test_an_order_that_is_put_in_its_final_state() -> None:
    lines = (Line("A", 6, Decimal("2.55")), Line("B", 1, Decimal("100")))
    assert end(None, ORDER) == FinalOrder("536365", "2010-12-01", "fulfilled", lines)


@pytest.mark.parametrize("status", sorted(reservation.FINAL))
def test_the_items_of_process_orders_are_read(status: reservation.Status) -> None:
    item = _put(StoredOrder(make_order("1", {"A": 2, "B": 3}), status, 2))["Put"]["Item"]
    made = record(1, None, {})
    order = reached_end(stream_records.read(made | {"dynamodb": made["dynamodb"] | {"NewImage": item}}))
    lines = (Line("A", 2, Decimal("1.5")), Line("B", 3, Decimal("1.5")))
    assert order == FinalOrder("1", "2024-05-01", status, lines)  # type: ignore[arg-type]


def test_the_states_are_those_of_process_orders() -> None:
    assert final_orders.FINAL == reservation.FINAL
    assert set(get_args(reservation.Status)) == final_orders.FINAL | final_orders.UNDER_WAY


def test_only_the_change_to_a_final_state_counts() -> None:
    assert end(UNDER_WAY, ORDER) is not None
    assert end(None, UNDER_WAY) is None
    assert end(UNDER_WAY, UNDER_WAY | {"products_moved": 99}) is None
    assert end(ORDER, ORDER | {"note": "changed by hand"}) is None
    assert end(ORDER, ORDER | {"status": "backordered"}) is None
    assert end(ORDER, UNDER_WAY) is None
    assert end(ORDER, None) is None


def test_an_item_that_was_no_order_counts_when_it_is_mended() -> None:
    assert end({"order_id": "536365"}, ORDER) is not None
    assert end({"status": 7}, ORDER) is not None


@pytest.mark.parametrize("field", ["order_id", "order_date", "status", "lines"])
def test_every_field_that_is_read_is_required(field: str) -> None:
    with pytest.raises(MalformedError, match=f"^{field} is missing$"):
        end(None, {name: value for name, value in ORDER.items() if name != field})


@pytest.mark.parametrize("value", [True, Decimal("1.5"), {}, None, 10**37, "", "x" * 129, [7], []])
@pytest.mark.parametrize("field", ["order_id", "order_date", "status", "lines"])
def test_a_value_of_another_type_is_refused(field: str, value: object) -> None:
    with pytest.raises(MalformedError):
        end(None, ORDER | {field: value})


@pytest.mark.parametrize("value", [True, {}, None, 10**37, -(10**37), "6", [7]])
@pytest.mark.parametrize("field", ["product_id", "quantity", "unit_price"])
def test_a_lines_value_of_another_type_is_refused(field: str, value: object) -> None:
    if (field, value) == ("product_id", "6"):
        return
    with pytest.raises(MalformedError, match=f"^{field} "):
        end(None, ORDER | {"lines": [ORDER["lines"][0] | {field: value}]})


@pytest.mark.parametrize("price", [Decimal("-1"), Decimal("0.00001"), Decimal("1000000000")])
def test_a_price_beyond_the_limits_is_refused(price: Decimal) -> None:
    with pytest.raises(MalformedError, match=r"^unit_price "):
        end(None, ORDER | {"lines": [ORDER["lines"][0] | {"unit_price": price}]})


@pytest.mark.parametrize("date", ["2010-13-01", "20101201", "2010-12-01T08:26:00Z", "\uff12010-12-01"])
def test_a_date_that_is_none_is_refused(date: str) -> None:
    with pytest.raises(MalformedError, match=r"^order_date "):
        end(None, ORDER | {"order_date": date})
