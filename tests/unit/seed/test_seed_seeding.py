from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.generate import generate
from seed import delivery, kinesis, s3, seeding
from seed.report import SeedReport
from seed.seeding import check_same_reading
from stockroom.errors import StockroomError
from tests.unit.seed.fake_platform import FakePlatform, client_error
from tests.unit.seed.sales_files import ROWS, WriteCsv


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_DELAY", 0.0)
    monkeypatch.setattr(kinesis, "PAUSE", 0.0)


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


def test_the_sample_is_loaded_and_reported(platform: FakePlatform, tmp_path: Path) -> None:
    report = seeding.load(None, platform.target(), tmp_path / "new" / "work")
    assert report.dataset == "sample"
    assert (report.counts.orders, report.counts.returns) == (288, 12)
    assert len(platform.messages) == 300
    assert len(platform.records) == report.counts.events == report.rows_read == report.rows_accepted
    assert report.seconds.keys() == {"reading", "dynamodb", "kinesis", "sqs", "s3"}
    assert not report.already_seeded


def test_orders_go_out_only_after_the_opening_stock(platform: FakePlatform, tmp_path: Path) -> None:
    seeding.load(None, platform.target(), tmp_path)
    steps = [step for step in platform.log if step in {"transact", "send"}]
    assert steps[0] == "transact"
    assert steps.index("send") >= 1
    platform = FakePlatform()
    platform.faults["transact"] = [client_error("AccessDeniedException")]
    with pytest.raises(StockroomError, match="table inventory"):
        seeding.load(None, platform.target(), tmp_path)
    assert not platform.messages


def test_the_marks_enclose_everything_else(platform: FakePlatform, tmp_path: Path) -> None:
    seeding.load(None, platform.target(), tmp_path)
    assert platform.log[0] == "put seeding.json"
    assert platform.log[-1] == "put seeded.json"


def test_the_marks_tell_which_events_to_expect(platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv) -> None:
    target = platform.target()
    seeding.load(write_csv(), target, tmp_path)
    prefixes = frozenset(event_id.rpartition("-")[0] for event_id in platform.event_ids())
    assert len(prefixes) == 3, "one for each invoice"
    seeding.load(None, target, tmp_path)
    s3.write_mark(target, "f" * 64, s3.STARTED, {})
    seeded, unfinished = s3.read_seeded(target.s3, target.raw_bucket, platform.objects)
    assert sorted(seeded, key=lambda found: found.dataset) == [
        s3.Seeded("sales.csv", 4, prefixes),
        s3.Seeded("sample", 886, frozenset({"sample-1"})),
    ]
    assert unfinished == 1
    assert {event_id.rpartition("-")[0] for event_id in platform.event_ids()} == {*prefixes, "sample-1"}


def test_seeding_twice_does_nothing_the_second_time(
    platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv
) -> None:
    for dataset in (None, write_csv([*ROWS, "broken"])):
        first = seeding.load(dataset, platform.target(), tmp_path)
        platform.log.clear()
        second = seeding.load(dataset, platform.target(), tmp_path)
        assert platform.log == []
        assert second.already_seeded
        assert second.to_json() == first.to_json() | {"already_seeded": True}
        assert isinstance(second, SeedReport)


@pytest.mark.parametrize(
    ("call", "after"),
    [("transact", 0), ("transact", 2), ("send", 3), ("put", 1), ("upload", 2), ("put seeded.json", 0)],
)
def test_an_interrupted_seeding_is_completed(platform: FakePlatform, tmp_path: Path, call: str, after: int) -> None:
    broken = client_error("AccessDeniedException")
    platform.faults[call] = [lambda request, normal: normal(request)] * after + [broken]
    with pytest.raises(StockroomError):
        seeding.load(None, platform.target(), tmp_path)
    platform.tables["inventory"].pop("P00003", None)
    stock_before = dict(platform.tables["inventory"])
    report = seeding.load(None, platform.target(), tmp_path)
    assert not report.already_seeded
    assert len(platform.event_ids()) == len(set(platform.event_ids())) == report.counts.events
    assert len(set(platform.order_ids())) == 300
    assert len(platform.tables["inventory"]) == report.counts.inventory
    assert all(platform.tables["inventory"][key] is row for key, row in stock_before.items())
    assert seeding.load(None, platform.target(), tmp_path).already_seeded


def test_an_interruption_that_the_stream_forgot_is_refused(platform: FakePlatform, tmp_path: Path) -> None:
    digest = seeding.load(None, platform.target(), tmp_path).digest
    del platform.objects[s3.key_of(digest, s3.FINISHED)]
    long_ago = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    s3.write_mark(
        platform.target(), digest, s3.STARTED, {"started_at": long_ago, "date_order": None, "duplicates": "keep"}
    )
    with pytest.raises(StockroomError, match="keeps records for 24 hours"):
        seeding.load(None, platform.target(), tmp_path)


FIRST = ("700001,A1,MUG,2,2010-12-01 08:26,1.25,90001,UK", "700002,A2,CUP,3,2010-12-02 08:26,2,90002,France")
SECOND = (FIRST[1], "700003,A2,CUP,1,2010-12-03 08:26,2,90003,France")


def on_hand(platform: FakePlatform, product: str) -> int:
    return int(platform.tables["inventory"][product]["on_hand"]["N"])


def test_a_second_file_brings_what_it_sells(platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv) -> None:
    platform.tables["inventory"]["71053"] = {"product_id": {"S": "71053"}, "on_hand": {"N": "4"}}
    assert seeding.load(write_csv(), platform.target(), tmp_path).stock_added == 1
    assert (on_hand(platform, "71053"), on_hand(platform, "85123A")) == (4 + 6, 6)
    report = seeding.load(write_csv(["9,71053,LANTERN,5,12/1/10 8:26,3.39,,UK"]), platform.target(), tmp_path)
    assert (report.stock_added, on_hand(platform, "71053")) == (1, 4 + 6 + 5)


def test_what_is_sold_is_brought_once_however_often_loading_is_interrupted(
    platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv
) -> None:
    seeding.load(write_csv(FIRST), platform.target(), tmp_path)
    second = write_csv(SECOND)
    # Events do not wait for the stock, and what stops them may stop it as well; orders do wait.
    for call, may_be in (("put", {3, 3 + 1}), ("send", {3 + 1}), ("put seeded.json", {3 + 1})):
        platform.faults[call] = [client_error("AccessDeniedException")]
        with pytest.raises(StockroomError):
            seeding.load(second, platform.target(), tmp_path)
        assert on_hand(platform, "A2") in may_be
    assert seeding.load(second, platform.target(), tmp_path).stock_added == 0
    assert on_hand(platform, "A2") == 3 + 1


def test_an_invoice_of_two_files_is_loaded_once(platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv) -> None:
    seeding.load(write_csv(FIRST), platform.target(), tmp_path)
    report = seeding.load(write_csv(SECOND), platform.target(), tmp_path)
    assert report.set_aside == {"in the platform already, from another file": 1}
    assert (report.rows_read, report.rows_accepted, report.rejected) == (2, 1, {})
    assert report.left_out_file is None
    assert platform.order_ids() == ["700001", "700002", "700003"]
    assert len(platform.event_ids()) == len(set(platform.event_ids())) == 3
    assert on_hand(platform, "A2") == 3 + 1


@pytest.mark.parametrize(
    "other",
    [
        {"newline": "\n"},
        {"encoding": "utf-8-sig"},
        {"rows": FIRST[::-1]},
        {"rows": tuple(row.replace("2010-12-0", "2010/12/").replace(" 08:26", " 8:26:00 AM") for row in FIRST)},
        {"rows": tuple(row.replace("MUG", "Mug, blue".replace(",", "")) for row in FIRST)},
        {"rows": tuple(row.replace(",2,900", ",2.00,900") for row in FIRST)},
    ],
    ids=["line ends", "byte order mark", "order of rows", "form of dates", "a description", "form of prices"],
)
def test_the_same_sales_in_another_file_change_nothing(
    platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv, other: dict[str, Any]
) -> None:
    seeding.load(write_csv(FIRST), platform.target(), tmp_path)
    before = len(platform.messages), len(platform.records), on_hand(platform, "A1")
    report = seeding.load(write_csv(**{"rows": FIRST} | other), platform.target(), tmp_path)
    assert not report.already_seeded, "another file"
    assert (report.rows_accepted, sum(report.set_aside.values()), report.rejected) == (0, 2, {})
    assert (len(platform.messages), len(platform.records), on_hand(platform, "A1")) == before


@pytest.mark.parametrize(
    "corrected",
    [
        FIRST[1].replace(",3,", ",4,"),
        FIRST[1].replace(",2,", ",2.5,"),
        FIRST[1].replace("12-02", "12-03"),
        FIRST[1].replace("France", "Spain"),
        FIRST[1].replace("90002", "90009"),
    ],
)
def test_a_corrected_invoice_is_rejected_and_told(
    platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv, corrected: str
) -> None:
    seeding.load(write_csv(FIRST), platform.target(), tmp_path)
    report = seeding.load(write_csv([corrected, SECOND[1], corrected]), platform.target(), tmp_path)
    ((reason, count),) = report.rejected.items()
    assert count == 2
    assert reason.startswith("the invoice was loaded before with other lines; issue a credit note")
    assert report.left_out_file is not None
    assert [line[:2] for line in report.left_out_file.read_text().splitlines()[1:]] == ["2,", "4,"]
    assert platform.order_ids() == ["700001", "700002", "700003"]
    assert len(platform.records) == 3


def test_a_file_that_shares_invoices_with_one_that_was_interrupted_sends_them(
    platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv
) -> None:
    platform.faults["send"] = [client_error("AccessDeniedException")]
    with pytest.raises(StockroomError):
        seeding.load(write_csv(FIRST), platform.target(), tmp_path)
    report = seeding.load(write_csv(SECOND), platform.target(), tmp_path)
    assert (report.rows_accepted, report.set_aside) == (2, {})
    assert platform.order_ids() == ["700002", "700003"]
    # Whatever got in of the first: the second's events of the same invoice have the same ids.
    assert len(set(platform.event_ids())) == 3 - (len(platform.event_ids()) < 3)
    first = seeding.load(write_csv(FIRST), platform.target(), tmp_path)
    assert first.rows_accepted == 1
    assert len(set(platform.event_ids())) == 3
    with pytest.raises(StockroomError, match="loaded before with other lines"):
        seeding.load(write_csv([FIRST[0].replace("1.25", "1.35")]), platform.target(), tmp_path)


def test_two_invoices_with_the_same_lines_are_two(platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv) -> None:
    seeding.load(write_csv([FIRST[0], FIRST[0], FIRST[0].replace("700001", "700009")]), platform.target(), tmp_path)
    assert len(set(platform.event_ids())) == 3


def test_an_invoice_with_the_number_of_an_order_of_the_sample(
    platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv
) -> None:
    seeding.load(None, platform.target(), tmp_path)
    report = seeding.load(write_csv([FIRST[0], FIRST[1].replace("700002", "10000001")]), platform.target(), tmp_path)
    assert (report.rows_accepted, sum(report.rejected.values())) == (1, 1)


def test_a_sample_that_was_interrupted_holds_up_no_file(
    platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv
) -> None:
    platform.faults["upload"] = platform.faults["transact"] = [client_error("AccessDeniedException")]
    with pytest.raises(StockroomError):
        seeding.load(None, platform.target(), tmp_path)
    assert seeding.load(write_csv(), platform.target(), tmp_path).rows_accepted == 4


@pytest.mark.parametrize("mark", [s3.STARTED, s3.FINISHED])
def test_a_file_that_an_earlier_version_loaded_can_not_be_compared(
    platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv, mark: str
) -> None:
    first = write_csv(FIRST)
    digest = seeding.load(first, platform.target(), tmp_path).digest
    old = {"started_at": datetime.now(UTC).isoformat(), "date_order": None, "duplicates": "keep"}
    s3.write_mark(platform.target(), digest, s3.STARTED, old)
    del platform.objects[s3.key_of(digest, s3.NOTED)]
    if mark == s3.FINISHED:
        assert seeding.load(first, platform.target(), tmp_path).already_seeded
    else:
        del platform.objects[s3.key_of(digest, s3.FINISHED)]
        with pytest.raises(StockroomError, match="an earlier version loaded"):
            seeding.load(first, platform.target(), tmp_path)
    sent = len(platform.records)
    with pytest.raises(StockroomError, match="an earlier version loaded") as refused:
        seeding.load(write_csv(SECOND), platform.target(), tmp_path)
    assert "invoke infra-down && invoke infra-up" in str(refused.value.hint)
    assert len(platform.records) == sent


def test_the_report_of_an_earlier_version_is_read() -> None:
    old = {
        "dataset": "f.csv", "digest": "a", "rows_read": 2, "rows_accepted": 1, "rejected": {"price is negative": 1},
        "repeated_rows": 0, "duplicates": "keep", "date_order": None, "notes": [], "rejected_file": "/x.csv",
        "counts": {"events": 1}, "inventory_kept": 0, "events_found": 0, "seconds": {}, "already_seeded": False,
    }  # fmt: skip
    report = SeedReport.from_json(old)
    assert (report.left_out_file, report.set_aside, report.stock_added) == (Path("/x.csv"), {}, 0)


def test_a_generated_directory_is_a_dataset_of_its_own(platform: FakePlatform, tmp_path: Path) -> None:
    generate(2, tmp_path / "double")
    report = seeding.load(tmp_path / "double", platform.target(), tmp_path)
    assert report.dataset == "double"
    assert report.counts.orders + report.counts.returns == len(platform.messages) == 600


def test_a_directory_that_changes_while_it_is_loaded_is_not_marked(platform: FakePlatform, tmp_path: Path) -> None:
    generate(1, tmp_path / "sample")
    orders = tmp_path / "sample" / "orders.jsonl"

    def change(request: Any, normal: Any) -> Any:
        orders.write_text(orders.read_text())
        return normal(request)

    platform.faults["transact"] = [change]
    with pytest.raises(StockroomError, match=r"orders\.jsonl changed while it was loaded"):
        seeding.load(tmp_path / "sample", platform.target(), tmp_path)
    assert "put seeded.json" not in platform.log


def test_a_directory_that_is_no_dataset_is_refused(platform: FakePlatform, tmp_path: Path) -> None:
    with pytest.raises(StockroomError, match=r"products\.jsonl cannot be read"):
        seeding.load(tmp_path, platform.target(), tmp_path)
    generate(1, tmp_path)
    with (tmp_path / "orders.jsonl").open("a") as file:
        file.write("{broken\n")
    with pytest.raises(StockroomError, match=r"orders\.jsonl, line 301 is not JSON"):
        seeding.load(tmp_path, platform.target(), tmp_path)


def test_the_same_file_read_another_way_is_refused(platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv) -> None:
    path = write_csv()
    seeding.load(path, platform.target(), tmp_path)
    assert seeding.load(path, platform.target(), tmp_path, date_order="mdy").already_seeded
    with pytest.raises(StockroomError, match=r"was seeded before, read in another way \(dates mdy.*now dates dmy"):
        seeding.load(path, platform.target(), tmp_path, date_order="dmy")
    with pytest.raises(StockroomError, match=r"repeated rows: keep; now .*repeated rows: drop"):
        seeding.load(path, platform.target(), tmp_path, duplicates="drop")


def test_an_interrupted_seeding_can_not_go_on_with_another_reading(
    platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv
) -> None:
    path = write_csv()
    platform.faults["send"] = [client_error("AccessDeniedException")]
    with pytest.raises(StockroomError, match="queue orders"):
        seeding.load(path, platform.target(), tmp_path, date_order="dmy")
    with pytest.raises(StockroomError, match="read in another way"):
        seeding.load(path, platform.target(), tmp_path)
    assert seeding.load(path, platform.target(), tmp_path, date_order="dmy").date_order == "dmy"


def test_readings_are_compared() -> None:
    check_same_reading("f", None, None, "keep", "keep")
    with pytest.raises(StockroomError):
        check_same_reading("f", None, "mdy", "keep", "keep")


@pytest.mark.parametrize("options", [{"date_order": "ymd"}, {"duplicates": "maybe"}])
def test_options_have_two_values_each(platform: FakePlatform, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(StockroomError, match=r"is (mdy or dmy|keep or drop), not"):
        seeding.load(None, platform.target(), tmp_path, **options)


def test_the_report_adds_up_and_survives_json(platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv) -> None:
    rows = [*ROWS, "broken", "536367,22745,X,0,12/1/10 8:34,2.1,13047,UK", ROWS[0], "also broken"]
    report = seeding.load(write_csv(rows), platform.target(), tmp_path)
    assert report.rejected == {"wrong number of columns": 2, "quantity is zero": 1}
    assert report.rows_read == report.rows_accepted + report.rows_rejected == 8
    assert report.repeated_rows == 1
    assert report.left_out_file is not None
    assert report.left_out_file.exists()
    assert any(note.startswith("dates read as month/day/year because") for note in report.notes)
    assert SeedReport.from_json(report.to_json()) == report


def test_the_staging_file_goes_even_when_loading_fails(
    platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv
) -> None:
    platform.faults["send"] = [client_error("AccessDeniedException")]
    with pytest.raises(StockroomError):
        seeding.load(write_csv(), platform.target(), tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_ctrl_c_stops_all_services(platform: FakePlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("seed.seeding.wait", interrupt)
    platform.faults["put"] = [lambda request, normal: {"Records": [{"ErrorCode": "x"} for _ in request]}] * 10_000
    with pytest.raises(KeyboardInterrupt):
        seeding.load(None, platform.target(), tmp_path)
    assert "put seeded.json" not in platform.log
