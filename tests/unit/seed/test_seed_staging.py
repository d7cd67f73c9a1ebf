import json
import sqlite3
import tracemalloc
from collections import Counter, deque
from pathlib import Path

import pytest

from seed import reasons, staging
from seed.copied_file import copy_whole
from seed.progress import Silent
from seed.records import SQS_MESSAGE_BYTES, to_json
from seed.staging import StagedFile
from seed.survey import survey
from tests.unit.seed.sales_files import ROWS, Stage, WriteCsv


def row(invoice: str, product: str, quantity: int, date: str = "12/1/10 8:26", **cells: str) -> str:
    values = {"description": "THING", "price": "2.55", "customer": "17850", "country": "United Kingdom"} | cells
    return ",".join((invoice, product, values["description"], str(quantity), date, *list(values.values())[1:]))


def test_events_go_out_in_time_order_and_number_the_lines_of_their_invoice(stage: Stage) -> None:
    dataset = stage(
        [
            row("3", "A", 1, "12/3/10 8:00"),
            row("1", "A", 1, "12/1/10 8:00"),
            row("3", "B", 1, "12/3/10 8:00"),
            row("2", "A", 1, "12/2/10 8:00"),
            row("1", "B", 1, "12/1/10 8:00"),
        ]
    )
    assert [(event["order_id"], event["line"], event["product_id"]) for event in dataset.events()] == [
        ("1", 1, "A"),
        ("1", 2, "B"),
        ("2", 1, "A"),
        ("3", 1, "A"),
        ("3", 2, "B"),
    ]


def test_event_ids_tell_the_invoice_and_its_lines_whatever_else_the_file_has(stage: Stage) -> None:
    invoice = [row("1", "A", 1), row("1", "B", 2), row("1", "B", 2)]
    ids = {event["event_id"] for event in stage(invoice).events()}
    assert len(ids) == 3
    assert len({event_id.partition("-")[0] for event_id in ids}) == 1
    others = [event["event_id"] for event in stage([row("2", "A", 1), *invoice[::-1]]).events()]
    assert ids == {*others[1:]}
    assert ids.isdisjoint(event["event_id"] for event in stage([*invoice, row("1", "B", 2)]).events())


def test_every_event_has_a_number_of_its_own(stage: Stage) -> None:
    dataset = stage([row(str(n // 3), f"P{n % 7}", 1 + n % 2) for n in range(200)])
    numbers = [dataset.number_of(event["event_id"]) for event in dataset.events()]
    assert sorted(number for number in numbers if number) == list(range(1, 201))
    ((_, digest), *_) = dataset.invoices()
    for strange in (
        "",
        "sample-1-7",
        f"{digest}-",
        f"{digest}-x",
        f"{digest}-²",
        f"{digest}-{'9' * 30}",
        f"{'f' * 16}-1",
    ):
        assert dataset.number_of(strange) is None


def test_an_invoice_is_one_order_wherever_its_lines_stand(stage: Stage) -> None:
    dataset = stage(
        [
            row("1", "A", 2, "12/1/10 8:01", customer=""),
            row("2", "A", 1, "12/1/10 8:02"),
            row("1", "B", 3, "12/1/10 8:00", price="1"),
        ]
    )
    first, second = dataset.orders()
    assert first == {
        "order_id": "1",
        "order_time": "2010-12-01T08:00:00Z",
        "customer_id": "17850",
        "store_id": "online",
        "country": "United Kingdom",
        "currency": "GBP",
        "lines": [
            {"line": 1, "product_id": "A", "quantity": 2, "unit_price": "2.55"},
            {"line": 2, "product_id": "B", "quantity": 3, "unit_price": "1.00"},
        ],
    }
    assert second["order_id"] == "2"


def test_events_and_orders_tell_of_the_same_lines(stage: Stage) -> None:
    dataset = stage([*ROWS, ROWS[0], *ROWS[1:]])
    events = Counter((e["order_id"], e["line"], e["product_id"], e["quantity"]) for e in dataset.events())
    lines = Counter(
        (order["order_id"], line["line"], line["product_id"], line["quantity"])
        for order in dataset.orders()
        for line in order["lines"]
    )
    assert events == lines
    assert max(events.values()) == 1


def test_counts_are_those_of_the_iterators(stage: Stage) -> None:
    dataset = stage([*ROWS, row("C9", "Z", -4, customer="")])
    counts = dataset.counts
    orders = list(dataset.orders())
    assert counts.products == len(list(dataset.products())) == 4
    assert counts.customers == len(list(dataset.customers())) == 1
    assert counts.stores == len(list(dataset.stores())) == 1
    assert counts.inventory == len(list(dataset.inventory())) == 4
    assert counts.events == len(list(dataset.events())) == 5
    assert counts.returns == sum(order["order_id"].startswith("C") for order in orders) == 2
    assert counts.orders == len(orders) - counts.returns == 2


def test_opening_stock_is_what_is_sold_in_all(stage: Stage) -> None:
    dataset = stage([row("1", "A", 7), row("2", "A", 5), row("C3", "A", -2), row("C4", "B", -1)])
    assert {stock["product_id"]: stock["on_hand"] for stock in dataset.inventory()} == {"A": 12, "B": 0}


def test_a_product_has_its_latest_description_and_price(stage: Stage) -> None:
    dataset = stage(
        [
            row("3", "A", 1, "12/3/10 8:00", description="NEWEST NAME", price="3"),
            row("1", "A", 1, "12/1/10 8:00", description="OLD NAME", price="1"),
            row("4", "A", 1, "12/4/10 8:00", description="", price="4"),
            row("5", "A", 1, "12/5/10 8:00", description="damaged", price="0"),
            row("5", "B", 1, "12/5/10 8:00", description="found", price="0"),
            row("5", "C", 1, "12/5/10 8:00", description="", price="0"),
        ]
    )
    assert [(p["product_id"], p["description"], p["unit_price"]) for p in dataset.products()] == [
        ("A", "NEWEST NAME", "4.00"),
        ("B", "found", "0.00"),
        ("C", "", "0.00"),
    ]


def test_a_customer_has_the_latest_country(stage: Stage) -> None:
    dataset = stage([row("2", "A", 1, "12/2/10 8:00", country="EIRE"), row("1", "A", 1, "12/1/10 8:00")])
    assert list(dataset.customers()) == [{"customer_id": "17850", "country": "EIRE"}]


def test_repeated_rows_are_kept_and_counted(stage: Stage) -> None:
    dataset = stage([ROWS[2], ROWS[2], ROWS[0], ROWS[2]])
    assert dataset.reading.repeated_rows == 2
    assert dataset.reading.rows_accepted == dataset.counts.events == 4
    assert sum(stock["on_hand"] for stock in dataset.inventory()) == 36


def test_repeated_rows_can_be_dropped(stage: Stage) -> None:
    dataset = stage([ROWS[2], ROWS[2], ROWS[0], ROWS[2]], duplicates="drop")
    assert dataset.reading.repeated_rows == 2
    assert dataset.reading.rejected == {reasons.REPEATED: 2}
    assert dataset.reading.rows_accepted == dataset.counts.events == 2


def test_rows_without_a_customer_repeat_each_other_too(stage: Stage) -> None:
    dataset = stage([row("1", "A", 1, customer="")] * 2, duplicates="drop")
    assert dataset.counts.events == 1


def test_an_order_larger_than_a_message_is_rejected_line_by_line(stage: Stage) -> None:
    lines = [row("9", f"PRODUCT-{n:05d}", 1) for n in range(4_000)]
    dataset = stage([ROWS[0], *lines, ROWS[2]])
    assert dataset.reading.rejected == {reasons.LARGE_ORDER: 4_000}
    assert dataset.reading.rows_read == dataset.reading.rows_accepted + 4_000 == 4_002
    assert [order["order_id"] for order in dataset.orders()] == ["536365", "536366"]
    assert dataset.reading.left_out_file is not None
    assert len(dataset.reading.left_out_file.read_text().splitlines()) == 4_001


def test_an_order_just_below_the_limit_goes_out_whole(stage: Stage) -> None:
    dataset = stage([row("9", f"PRODUCT-{n:05d}", 1) for n in range(3_300)])
    (order,) = dataset.orders()
    assert SQS_MESSAGE_BYTES * 0.9 < len(to_json(order)) <= SQS_MESSAGE_BYTES


def test_the_largest_order_of_the_real_data_set_fits() -> None:
    order = {"lines": [{"line": n, "product_id": "85123A", "quantity": 12, "unit_price": "12.55"} for n in range(1114)]}
    assert len(json.dumps(order)) < SQS_MESSAGE_BYTES / 2


def test_nothing_is_left_behind_but_the_rejected_rows(stage: Stage, tmp_path: Path) -> None:
    dataset = stage([*ROWS, "broken"])
    dataset.close()
    left = [f"left-out-sales-{dataset.digest[:8]}.csv", "sales.csv"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == left


def test_a_staging_that_was_cut_short_does_not_disturb_the_next(stage: Stage, tmp_path: Path) -> None:
    digest = stage().digest
    with sqlite3.connect(tmp_path / f"staging-{digest[:16]}.sqlite") as left_over:
        left_over.execute("CREATE TABLE IF NOT EXISTS staged (line INTEGER)")
    assert stage().counts.events == 4


def test_memory_does_not_grow_with_the_file(
    write_csv: WriteCsv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "_BATCH", 100)

    def peak(rows: int) -> int:
        path = write_csv([row(str(n // 20), f"P{n % 50}", 1) for n in range(rows)])
        copied = copy_whole(path, tmp_path / "copy", Silent())  # in pieces of a megabyte
        tracemalloc.start()
        dataset = StagedFile(copied, survey(copied.path, None, Silent()), tmp_path, "keep")
        dataset.stage(Silent())
        for records in (dataset.events(), dataset.orders(), dataset.products()):
            deque(records, maxlen=0)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(200)  # what is made once, such as compiled expressions
    assert peak(6_000) < peak(2_000) + 50_000  # 4,000 more rows are 280 KB of file
