"""`invoke report` where no platform runs; tests/e2e reports on one."""

from pathlib import Path

import pytest

from tests.commands.stockroom_command import Commands


def test_report(stockroom: Commands) -> None:
    answer = stockroom("report")
    assert answer.error == "the local platform does not run"
    assert "next:  start it with `invoke infra-up`" in answer.err
    assert answer.left == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--day=yesterday"], "--day yesterday: not a date"),
        (["--day=2010-12-01", "--since=2010-12-01"], "--day and --since contradict each other"),
        (["--since=2011-01-01", "--until=2010-12-31"], "--since 2011-01-01 is after --until 2010-12-31"),
        (["--by=customer"], "--by customer: not known"),
        (["--top=all"], "--top all: not a number from 1"),
        (["--output=sales.pdf"], "--output sales.pdf: not a kind of file that can be written"),
        (["--env=production"], "there is no environment 'production'"),
    ],
)
def test_options_that_make_no_sense(stockroom: Commands, words: list[str], message: str) -> None:
    answer = stockroom("report", *words)
    assert answer.error == message
    assert "next:  " in answer.err
    assert answer.out == ""


def test_a_folder_that_is_not_there(stockroom: Commands, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    answer = stockroom("report", f"--output={folder / 'sales.png'}")
    assert answer.error == f"--output {folder / 'sales.png'}: there is no folder {folder}"
    assert not folder.exists()
