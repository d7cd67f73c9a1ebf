import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.command import make_request, write
from benchmarks.draw import compared, draw
from benchmarks.figures import Figure, Findings
from benchmarks.registry import BENCHMARKS, choose
from benchmarks.results import Results, markdown, number, row
from stockroom.errors import StockroomError

BY_HAND = Figure("by hand", 200.0, "s")
FOUND = {
    "start": Findings([BY_HAND, Figure("infra-up", 8.0, "s").than(BY_HAND)], ["A note."], {"infra-up": [8.0]}),
    "memory": Findings([Figure("a|b", 12.34, "MB")]),
}


@pytest.fixture
def results() -> Results:
    return Results({"cores": "2", "commit": "1234"}, "2026-01-02 03:04", True, "572ce49", dict(FOUND))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12_345.6, "12,346"),
        (123.4, "123"),
        (12.34, "12.3"),
        (1.234, "1.23"),
        (0.0413, "0.041"),
        (6e-4, "0.00060"),
        (0, "0"),
    ],
)
def test_numbers_have_as_many_digits_as_they_deserve(value: float, text: str) -> None:
    assert number(value) == text


def test_a_row_names_what_the_ratio_is_to() -> None:
    assert row(FOUND["start"].figures[1]) == ("infra-up", "8.00 s", "0.040", "by hand: 200 s")
    assert row(BY_HAND) == ("by hand", "200 s", "", "")


def test_markdown_has_the_command_the_machine_every_figure_and_what_failed(results: Results) -> None:
    results.failed["chain"] = "no chain"
    text = markdown(results)
    assert text.startswith("`invoke bench --quick --against 572ce49`, 2026-01-02 03:04: cores 2, commit 1234.\n")
    assert "| infra-up | 8.00 s | 0.040 | by hand: 200 s |" in text
    assert "| a\\|b | 12.3 MB |  |  |" in text
    assert "- A note." in text
    assert "### chain\n\nNot measured: no chain" in text


def test_results_are_written_as_json_markdown_and_picture(results: Results, tmp_path: Path) -> None:
    write(results, tmp_path / "new")
    content = json.loads((tmp_path / "new" / "results.json").read_text())
    assert content["benchmarks"]["start"]["figures"][1]["ratio"] == 0.04
    assert (tmp_path / "new" / "results.md").read_text() == markdown(results)
    assert (tmp_path / "new" / "results.png").read_bytes().startswith(b"\x89PNG")


def test_where_nothing_was_found_there_is_no_picture(results: Results, tmp_path: Path) -> None:
    write(replace(results, found={}), tmp_path)
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["results.json", "results.md"]
    with pytest.raises(ValueError, match="nothing to draw"):
        draw(replace(results, found={}))


def test_only_what_is_better_or_worse_is_drawn_as_a_ratio() -> None:
    share = Figure("apply by hand", 60.0, "s").of(BY_HAND)
    assert compared([BY_HAND, share, FOUND["start"].figures[1]]) == [FOUND["start"].figures[1]]


def test_benchmarks_run_in_the_order_of_the_registry() -> None:
    assert choose("") == list(BENCHMARKS)
    assert choose("chain, start") == ["start", "chain"]


def test_what_can_not_be_done_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StockroomError, match="no benchmark 'speed'"):
        make_request("speed", False, "", "")
    with pytest.raises(StockroomError, match="no such commit"):
        make_request("", False, "no-such-commit", "")
    (tmp_path / "file").touch()
    with pytest.raises(StockroomError, match="no folder"):
        make_request("", False, "", str(tmp_path / "file"))
