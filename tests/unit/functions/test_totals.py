import random
from decimal import Decimal

import pytest
from count_transactions import Cancelled, Tables, cancelled, transact_items
from final_orders import Final, FinalOrder, Line
from totals import ITEMS_PER_TRANSACTION, Part, PartId, Total, pack, parts, summed

TABLES = Tables("daily", "product", "ledger")
PASSED = {"Code": "None"}
FAILED = {"Code": "ConditionalCheckFailed"}
CONFLICT = {"Code": "TransactionConflict"}


def make_final(order_id: str, status: Final, quantities: dict[str, int], day: str = "2024-05-01") -> FinalOrder:
    lines = tuple(Line(product, quantity, Decimal("0.10")) for product, quantity in quantities.items())
    return FinalOrder(order_id, day, status, lines)


def products(count: int, start: int = 0) -> dict[str, int]:
    return {f"P{number:04}": 1 for number in range(start, start + count)}


def numbers(**amounts: str) -> dict[str, Decimal]:
    return {name: Decimal(amount) for name, amount in amounts.items()}


def test_a_fulfilled_order_adds_its_units_and_revenue() -> None:
    lines = (Line("A", 6, Decimal("2.55")), Line("B", 2, Decimal("3.39")), Line("A", 1, Decimal("2.10")))
    (part,) = parts(FinalOrder("1", "2024-05-01", "fulfilled", lines))
    assert part == Part(
        PartId("1", 0),
        {
            Total("day", "2024-05-01"): numbers(orders="1", returns="0", backorders="0", units="9", revenue="24.18"),
            Total("product", "A"): numbers(orders="1", returns="0", units="7", revenue="17.40"),
            Total("product", "B"): numbers(orders="1", returns="0", units="2", revenue="6.78"),
        },
    )


def test_a_return_takes_them_back_and_counts_as_a_return() -> None:
    (part,) = parts(make_final("C1", "returned", {"A": -3}))
    assert part.adds == {
        Total("day", "2024-05-01"): numbers(orders="0", returns="1", backorders="0", units="-3", revenue="-0.3"),
        Total("product", "A"): numbers(orders="0", returns="1", units="-3", revenue="-0.3"),
    }


def test_a_backorder_counts_on_its_day_and_sells_nothing() -> None:
    (part,) = parts(make_final("1", "backordered", products(500)))
    assert part.adds == {
        Total("day", "2024-05-01"): numbers(orders="0", returns="0", backorders="1", units="0", revenue="0")
    }


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (98, 1), (99, 2), (196, 2), (197, 3), (1100, 12)])
def test_a_large_order_is_cut_into_parts_that_fit_and_its_day_counts_once(count: int, expected: int) -> None:
    cut = parts(make_final("1", "fulfilled", products(count)))
    assert [part.id.number for part in cut] == list(range(expected))
    assert all(1 + len(part.adds) <= ITEMS_PER_TRANSACTION for part in cut)
    assert sum(len([total for total in part.adds if total.of == "product"]) for part in cut) == count
    assert [total.of for part in cut for total in part.adds].count("day") == 1
    assert summed(cut)[Total("day", "2024-05-01")]["units"] == count


def test_the_order_of_the_lines_does_not_change_the_parts() -> None:
    quantities = list(products(300).items())
    cut = parts(make_final("1", "fulfilled", dict(quantities)))
    random.Random(1).shuffle(quantities)
    assert parts(make_final("1", "fulfilled", dict(quantities))) == cut


def test_sums_are_exact_at_the_limits() -> None:
    lines = tuple(Line("A", 2**31 - 1, Decimal("999999999.9999")) for _ in range(5000))
    cut = parts(FinalOrder("1", "2024-05-01", "fulfilled", lines)) * 100
    assert summed(cut)[Total("product", "A")]["revenue"] * 10_000 == 500_000 * (2**31 - 1) * 9_999_999_999_999


def test_packed_parts_fit_a_transaction_and_none_is_lost_or_doubled() -> None:
    chance = random.Random(3)
    for _ in range(20):
        waiting = [
            part
            for number in range(chance.randrange(1, 60))
            for part in parts(
                make_final(
                    f"{chance.randrange(40)}",
                    chance.choice(["fulfilled", "backordered"]),
                    products(chance.choice([1, 3, 20, 98, 250]), start=chance.randrange(300)),
                    f"2024-05-{1 + number % 3:02}",
                )
            )
        ]
        packed = list(pack(waiting))
        ids = [part.id for each in packed for part in each]
        assert ids == list(dict.fromkeys(part.id for part in waiting))
        for each in packed:
            items = transact_items(each, TABLES, 0)
            assert len(items) <= ITEMS_PER_TRANSACTION
            keys = [
                str(
                    (request["TableName"], request.get("Key") or (request["Item"]["order_id"], request["Item"]["part"]))
                )
                for item in items
                for request in item.values()
            ]
            assert len(set(keys)) == len(keys)


def test_small_orders_share_a_transaction() -> None:
    waiting = [part for number in range(30) for part in parts(make_final(f"{number}", "fulfilled", products(20)))]
    assert len(list(pack(waiting))) == 1


def test_the_items_of_a_transaction() -> None:
    cut = [*parts(make_final("1", "fulfilled", {"A": 2})), *parts(make_final("C2", "returned", {"A": -1}))]
    first, _, day, product = transact_items(cut, TABLES, 1_800_000_000)
    assert first["Put"] == {
        "TableName": "ledger",
        "Item": {"order_id": {"S": "1"}, "part": {"S": "0000"}, "expires_at": {"N": "1800000000"}},
        "ConditionExpression": "attribute_not_exists(order_id)",
    }
    assert (day["Update"]["TableName"], day["Update"]["Key"]) == ("daily", {"order_date": {"S": "2024-05-01"}})
    assert product["Update"] == {
        "TableName": "product",
        "Key": {"product_id": {"S": "A"}},
        "UpdateExpression": "ADD #units :units, #revenue :revenue, #orders :orders, #returns :returns",
        "ExpressionAttributeNames": {f"#{name}": name for name in ("units", "revenue", "orders", "returns")},
        "ExpressionAttributeValues": {
            ":units": {"N": "1"},
            ":revenue": {"N": "0.10"},
            ":orders": {"N": "1"},
            ":returns": {"N": "1"},
        },
    }


def test_a_cancelled_transaction_names_the_parts_that_are_counted() -> None:
    cut = parts(make_final("1", "fulfilled", products(120)))
    assert cancelled(cut, [FAILED, PASSED, PASSED]) == Cancelled(frozenset({PartId("1", 0)}), busy=False)
    assert cancelled(cut, [PASSED, FAILED, CONFLICT]) == Cancelled(frozenset({PartId("1", 1)}), busy=True)
    assert cancelled(cut, [PASSED, PASSED, {"Code": "ThrottlingError"}]) == Cancelled(frozenset(), busy=True)


def test_a_cancelled_transaction_for_another_reason_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="ValidationError"):
        cancelled(parts(make_final("1", "fulfilled", {"A": 1})), [PASSED, PASSED, {"Code": "ValidationError"}])
