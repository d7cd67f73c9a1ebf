from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import seed
from fixtures.generate import generate
from seed import delivery, kinesis, s3
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
    report = seed.load(None, platform.target(), tmp_path / "new" / "work")
    assert report.dataset == "sample"
    assert (report.counts.orders, report.counts.returns) == (288, 12)
    assert len(platform.messages) == 300
    assert len(platform.records) == report.counts.events == report.rows_read == report.rows_accepted
    assert report.seconds.keys() == {"reading", "dynamodb", "kinesis", "sqs", "s3"}
    assert not report.already_seeded


def test_orders_go_out_only_after_the_opening_stock(platform: FakePlatform, tmp_path: Path) -> None:
    seed.load(None, platform.target(), tmp_path)
    steps = [step for step in platform.log if step in {"transact", "send"}]
    assert steps[0] == "transact"
    assert steps.index("send") >= 1
    platform = FakePlatform()
    platform.faults["transact"] = [client_error("AccessDeniedException")]
    with pytest.raises(StockroomError, match="table inventory"):
        seed.load(None, platform.target(), tmp_path)
    assert not platform.messages


def test_the_marks_enclose_everything_else(platform: FakePlatform, tmp_path: Path) -> None:
    seed.load(None, platform.target(), tmp_path)
    assert platform.log[0] == "put seeding.json"
    assert platform.log[-1] == "put seeded.json"


def test_the_marks_tell_which_events_to_expect(platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv) -> None:
    target = platform.target()
    report = seed.load(write_csv(), target, tmp_path)
    seed.load(None, target, tmp_path)
    s3.write_mark(target, "f" * 64, s3.STARTED, {})
    seeded, unfinished = s3.read_seeded(target.s3, target.raw_bucket, platform.objects)
    assert sorted(seeded, key=lambda found: found.dataset) == [
        s3.Seeded(report.dataset, 4, report.digest[:8]),
        s3.Seeded("sample", 886, "sample-1"),
    ]
    assert unfinished == 1
    assert {event_id.rpartition("-")[0] for event_id in platform.event_ids()} == {report.digest[:8], "sample-1"}


def test_seeding_twice_does_nothing_the_second_time(
    platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv
) -> None:
    for dataset in (None, write_csv([*ROWS, "broken"])):
        first = seed.load(dataset, platform.target(), tmp_path)
        platform.log.clear()
        second = seed.load(dataset, platform.target(), tmp_path)
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
        seed.load(None, platform.target(), tmp_path)
    platform.tables["inventory"].pop("P00003", None)
    stock_before = dict(platform.tables["inventory"])
    report = seed.load(None, platform.target(), tmp_path)
    assert not report.already_seeded
    assert len(platform.event_ids()) == len(set(platform.event_ids())) == report.counts.events
    assert len(set(platform.order_ids())) == 300
    assert len(platform.tables["inventory"]) == report.counts.inventory
    assert all(platform.tables["inventory"][key] is row for key, row in stock_before.items())
    assert seed.load(None, platform.target(), tmp_path).already_seeded


def test_an_interruption_that_the_stream_forgot_is_refused(platform: FakePlatform, tmp_path: Path) -> None:
    digest = seed.load(None, platform.target(), tmp_path).digest
    del platform.objects[s3.key_of(digest, s3.FINISHED)]
    long_ago = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    s3.write_mark(
        platform.target(), digest, s3.STARTED, {"started_at": long_ago, "date_order": None, "duplicates": "keep"}
    )
    with pytest.raises(StockroomError, match="keeps records for 24 hours"):
        seed.load(None, platform.target(), tmp_path)


def test_a_second_dataset_keeps_the_stock_of_the_first(
    platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv
) -> None:
    platform.tables["inventory"]["71053"] = {"on_hand": {"N": "-"}}
    seed.load(None, platform.target(), tmp_path)
    report = seed.load(write_csv(), platform.target(), tmp_path)
    assert report.inventory_kept == 1
    assert platform.tables["inventory"]["71053"] == {"on_hand": {"N": "-"}}
    assert platform.tables["inventory"]["85123A"]["on_hand"] == {"N": "6"}
    assert len(platform.records) == 886 + 4


def test_a_generated_directory_is_a_dataset_of_its_own(platform: FakePlatform, tmp_path: Path) -> None:
    generate(2, tmp_path / "double")
    report = seed.load(tmp_path / "double", platform.target(), tmp_path)
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
        seed.load(tmp_path / "sample", platform.target(), tmp_path)
    assert "put seeded.json" not in platform.log


def test_a_directory_that_is_no_dataset_is_refused(platform: FakePlatform, tmp_path: Path) -> None:
    with pytest.raises(StockroomError, match=r"products\.jsonl cannot be read"):
        seed.load(tmp_path, platform.target(), tmp_path)
    generate(1, tmp_path)
    with (tmp_path / "orders.jsonl").open("a") as file:
        file.write("{broken\n")
    with pytest.raises(StockroomError, match=r"orders\.jsonl, line 301 is not JSON"):
        seed.load(tmp_path, platform.target(), tmp_path)


def test_the_same_file_read_another_way_is_refused(platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv) -> None:
    path = write_csv()
    seed.load(path, platform.target(), tmp_path)
    assert seed.load(path, platform.target(), tmp_path, date_order="mdy").already_seeded
    with pytest.raises(StockroomError, match=r"was seeded before, read in another way \(dates mdy.*now dates dmy"):
        seed.load(path, platform.target(), tmp_path, date_order="dmy")
    with pytest.raises(StockroomError, match=r"repeated rows: keep; now .*repeated rows: drop"):
        seed.load(path, platform.target(), tmp_path, duplicates="drop")


def test_an_interrupted_seeding_can_not_go_on_with_another_reading(
    platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv
) -> None:
    path = write_csv()
    platform.faults["send"] = [client_error("AccessDeniedException")]
    with pytest.raises(StockroomError, match="queue orders"):
        seed.load(path, platform.target(), tmp_path, date_order="dmy")
    with pytest.raises(StockroomError, match="read in another way"):
        seed.load(path, platform.target(), tmp_path)
    assert seed.load(path, platform.target(), tmp_path, date_order="dmy").date_order == "dmy"


def test_readings_are_compared() -> None:
    check_same_reading("f", None, None, "keep", "keep")
    with pytest.raises(StockroomError):
        check_same_reading("f", None, "mdy", "keep", "keep")


@pytest.mark.parametrize("options", [{"date_order": "ymd"}, {"duplicates": "maybe"}])
def test_options_have_two_values_each(platform: FakePlatform, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(StockroomError, match=r"is (mdy or dmy|keep or drop), not"):
        seed.load(None, platform.target(), tmp_path, **options)


def test_the_report_adds_up_and_survives_json(platform: FakePlatform, tmp_path: Path, write_csv: WriteCsv) -> None:
    rows = [*ROWS, "broken", "536367,22745,X,0,12/1/10 8:34,2.1,13047,UK", ROWS[0], "also broken"]
    report = seed.load(write_csv(rows), platform.target(), tmp_path)
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
        seed.load(write_csv(), platform.target(), tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_ctrl_c_stops_all_services(platform: FakePlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("seed.seeding.wait", interrupt)
    platform.faults["put"] = [lambda request, normal: {"Records": [{"ErrorCode": "x"} for _ in request]}] * 10_000
    with pytest.raises(KeyboardInterrupt):
        seed.load(None, platform.target(), tmp_path)
    assert "put seeded.json" not in platform.log
