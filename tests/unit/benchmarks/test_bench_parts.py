"""The small decisions of single benchmarks."""

import os
import sys
from itertools import chain
from pathlib import Path

import pytest

from benchmarks.commands import Checkout, run, setting_names
from benchmarks.figures import Figure
from benchmarks.latency import describe
from benchmarks.machine import localstack_version, processor_name
from benchmarks.memory import Memory, figures_of, part_of
from benchmarks.one_by_one import SERVICES, Target, awslocal_args
from benchmarks.platform import setting_variables
from benchmarks.seeding import EVENTS_OF_THE_SAMPLE, compare, dataset_of, scale_of, whole_rates
from benchmarks.start import ByHand, by_hand_seconds, other_engines, sample_counts, sample_records, step_seconds
from benchmarks.throughput import Turn, as_turn, parts_of, rates
from benchmarks.throughput import compare as compare_commits
from stockroom.errors import StockroomError
from stockroom.project import ROOT
from stockroom.settings import Settings

TARGET = Target("stream", "http://127.0.0.1:1/queue", "table", "bucket")


def test_steps_are_read_from_what_infra_up_prints() -> None:
    output = "✓ engine       localstack ready at http://127.0.0.1:1 3.4 s\n  a note\n✓ apply        added 5 s 61.0 s\n"
    assert step_seconds(output) == {"engine": 3.4, "apply": 61.0}


def test_loading_by_hand_is_reckoned_from_the_mean_of_the_puts() -> None:
    done = ByHand({"engine": 4.0}, {"kinesis": [1.0, 3.0], "s3": [0.5]})
    assert by_hand_seconds(done, {"kinesis": 10, "s3": 2}) == {"engine": 4.0, "data": 21.0}


def test_the_sample_has_as_many_records_of_each_service_as_are_counted() -> None:
    everything = {service: len(records) for service, records in sample_records(10_000).items()}
    counts = sample_counts()
    assert counts["kinesis"] == everything["kinesis"] == EVENTS_OF_THE_SAMPLE
    assert counts["sqs"] == everything["sqs"]
    assert counts["s3"] == everything["s3"]
    assert counts["dynamodb"] > everything["dynamodb"] > 0


@pytest.mark.parametrize("service", SERVICES)
def test_awslocal_gets_one_record(service: str) -> None:
    (record,) = sample_records(1)[service]
    words = awslocal_args(service, record, TARGET)
    assert words[0] == service
    assert any(where in word for word in words for where in ("stream", "queue", "table", "bucket"))


def test_only_engines_of_this_machine_are_started() -> None:
    found = other_engines(Settings(), ["localstack", "ministack", "docker", "external"])
    assert [settings.engine for settings in found] == ["ministack"]


@pytest.mark.parametrize(("events", "scale"), [(1, 1), (1_000, 1), (10_000, 11), (1_000_000, 1129)])
def test_the_scale_fits_the_number_of_events(events: int, scale: int) -> None:
    assert scale_of(events) == scale


def test_a_loader_is_compared_with_both_loops() -> None:
    figures = compare("sqs", 100.0, 10.0, 1.0)
    assert [figure.ratio for figure in figures] == [10.0, 100.0, None, None]
    assert {figure.unit for figure in compare("s3", 1.0, 1.0, 1.0)} == {"files/s"}


def test_latencies_are_percentiles_in_milliseconds() -> None:
    put, half, most = describe("flow", [0.01] * 100, [0.1] * 98 + [0.5] * 2)
    assert (put.value, half.value, most.value) == (10.0, 100.0, 500.0)
    assert half.ratio == pytest.approx(10)
    assert most.ratio == pytest.approx(5)


def test_throughput_is_compared_with_the_older_commit() -> None:
    now, before = [Figure("events stored", 30.0, "events/s")], [Figure("events stored", 10.0, "events/s")]
    assert compare_commits({"now": now}) == [Figure("events stored, now", 30.0, "events/s")]
    (figure,) = compare_commits({"now": now, "at 1234567": before})
    assert (figure.ratio, figure.beside) == (3.0, "events stored, at 1234567")


def test_records_are_stored_at_two_rates_most_of_them_and_all() -> None:
    turn = as_turn(100, 2.0, [(1.0, 10), (5.0, 96), (20.0, 100)])
    assert turn == Turn(100, put=2.0, most=5.0, stored=20.0)
    put, most, everything = rates({"orders": [turn]})
    assert (put.value, most.value, everything.value) == (50.0, 19.0, 5.0)
    assert {figure.unit for figure in (put, most, everything)} == {"orders/s"}


def test_a_rate_is_that_of_all_turns_together() -> None:
    turns = [Turn(100, 1.0, 2.0, 5.0), Turn(300, 3.0, 10.0, 35.0)]
    assert [figure.value for figure in rates({"events": turns})] == [100.0, 380 / 12, 10.0]


def test_turns_have_a_part_of_the_orders_and_events_each(tmp_path: Path) -> None:
    whole = dataset_of(2_000, tmp_path)
    parts = parts_of(tmp_path, 3)
    for records in ("orders", "events"):
        assert list(chain.from_iterable(getattr(part, records)() for part in parts)) == list(getattr(whole, records)())
    counts = [part.counts for part in parts]
    assert sum(each.events for each in counts) == whole.counts.events
    assert max(each.events for each in counts) - min(each.events for each in counts) <= 1
    assert {each.products for each in counts} == {whole.counts.products}


def test_memory_is_summed_up_by_part() -> None:
    found = figures_of(
        [
            Memory("python -m stockroom_localstack", 500.0, 400.0),
            Memory("python -m awslambdaric one.handler", 60.0, 20.0),
            Memory("python -m awslambdaric two.handler", 60.0, 20.0),
            Memory("sh", 10.0, 0.0),
        ]
    )
    values = {figure.name: figure.value for figure in found}
    assert values == {
        "emulator and all that it started, PSS": 440.0,
        "emulator and all that it started, RSS": 630.0,
        "LocalStack, PSS": 400.0,
        "functions, PSS": 40.0,
        "other, PSS": 0.0,
    }


def test_where_the_system_tells_no_shares_memory_is_resident() -> None:
    names = [figure.name for figure in figures_of([Memory("python -m stockroom_localstack", 500.0, None)])]
    assert names == ["emulator and all that it started, RSS", "LocalStack, RSS"]


def test_parts_are_known_by_their_command_lines() -> None:
    plugin = "/x/localstack/plugin/src/stockroom_localstack"
    assert part_of(f"python {plugin}/backends/dynamodb_local/main.py") == "DynamoDB Local"
    assert part_of("/x/python -m stockroom_localstack") == "LocalStack"
    assert part_of("python -m awslambdaric capture_sales.handler") == "functions"
    assert part_of(f"python {plugin}/runtime/fork_server_main.py") == "functions"
    assert part_of("anything") == "other"


def test_machine_facts_are_read_from_files_of_the_system_and_the_repository() -> None:
    assert processor_name("processor\t: 0\nmodel name\t: Fast One @ 2 GHz\n") == "Fast One @ 2 GHz"
    assert processor_name("") is None
    assert localstack_version((ROOT / "localstack" / "requirements.in").read_text()) == "4.14.0"


def test_an_older_checkout_gets_only_settings_that_it_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env.example").write_text("# A comment\nSTOCKROOM_PORT=4566\n")
    (tmp_path / "tasks.py").write_text(
        "import os\nfrom invoke import task\n\n@task\ndef show(c):\n"
        "    print(*sorted(name for name in os.environ if name.startswith('STOCKROOM_')))\n"
    )
    monkeypatch.setenv("STOCKROOM_START_TIMEOUT", "7")
    checkout = Checkout(tmp_path, {"STOCKROOM_PORT": "1", "STOCKROOM_SNAPSHOTS": "on"})
    assert checkout.invoke("show").output == "STOCKROOM_PORT\n"


def test_settings_of_a_run_are_settings_of_this_checkout() -> None:
    known = setting_names((ROOT / ".env.example").read_text())
    assert set(setting_variables(Settings(terraform=Path("/bin/true"), provider_mirror=Path("/opt")))) <= known


def test_a_command_tells_its_time_and_its_own_peak_of_memory(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import time; held = b'x' * 100_000_000; print('done'); del held; time.sleep(0.3)"]
    done = run(words, tmp_path, os.environ)
    assert done.output == "done\n"
    assert done.seconds >= 0.3
    assert done.peak_mb > 100


def test_a_command_that_fails_is_told_with_the_end_of_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(StockroomError, match="exit code 3") as failed:
        run([sys.executable, "-c", "import sys; print('why'); sys.exit(3)"], tmp_path, os.environ)
    assert failed.value.details == "why"


def test_the_rate_of_a_whole_dataset_weighs_services_by_their_records() -> None:
    rates = whole_rates({"kinesis": 90, "s3": 10}, {"kinesis": [0.1, 1.0], "s3": [1.0, 1.0]})
    assert rates == pytest.approx([100 / 19, 1.0])
