"""The commands about snapshots where there is nothing to do, and what they refuse."""

from pathlib import Path

import pytest

from tests.commands.stockroom_command import Commands


def on(tmp_path: Path) -> dict[str, str | None]:
    return {"STOCKROOM_SNAPSHOTS": "on", "XDG_DATA_HOME": str(tmp_path / "data")}


@pytest.mark.parametrize("words", [["reset"], ["snapshot.save", "mine"]])
def test_nothing_runs(stockroom: Commands, tmp_path: Path, words: list[str]) -> None:
    answer = stockroom(*words, **on(tmp_path))
    assert answer.error == "the local platform does not run"
    assert "next:  start it with `invoke infra-up`" in answer.err
    assert answer.left == []


def test_there_are_none_yet(stockroom: Commands, tmp_path: Path) -> None:
    answer = stockroom("snapshot.list", **on(tmp_path))
    assert answer.out == "there are no snapshots yet; `invoke infra-up` saves one\n"
    assert stockroom("snapshot.export", tmp_path / "file", **on(tmp_path)).error == "there is no snapshot yet"
    assert not (tmp_path / "file").exists()
    for command in ("snapshot.load", "snapshot.delete"):
        answer = stockroom(command, "mine", **on(tmp_path))
        assert answer.error == "there is no snapshot 'mine'"
        assert "`invoke snapshot.list` shows all" in answer.err


@pytest.mark.parametrize("command", ["save", "delete"])
def test_a_name_that_is_none(stockroom: Commands, tmp_path: Path, command: str) -> None:
    answer = stockroom(f"snapshot.{command}", "../mine", **on(tmp_path))
    assert answer.error == "'../mine' can't be a snapshot's name"


def test_import_of_what_is_none(stockroom: Commands, tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert stockroom("snapshot.import", file, **on(tmp_path)).error == f"No such file or directory: {file}"
    file.write_text("no snapshot")
    answer = stockroom("snapshot.import", file, **on(tmp_path))
    assert answer.error == f"{file} is not accepted: it is damaged, or it was not signed on this machine"
    assert "STOCKROOM_SNAPSHOT_KEY" in answer.err


def test_a_shared_key_that_could_be_guessed(stockroom: Commands, tmp_path: Path) -> None:
    answer = stockroom("snapshot.list", **on(tmp_path), STOCKROOM_SNAPSHOT_KEY="correct horse")
    words = "STOCKROOM_SNAPSHOT_KEY in the environment: is shorter than 32 characters; `openssl rand -hex 32` makes one"
    assert answer.error == words
    assert "horse" not in answer.out + answer.err


def test_where_there_are_no_snapshots(stockroom: Commands) -> None:
    assert stockroom("reset").error == "STOCKROOM_SNAPSHOTS=off switches snapshots off"
    docker = stockroom("snapshot.list", STOCKROOM_ENGINE="docker")
    assert docker.error == "the engine `docker` has no snapshots"
    assert "docs/snapshots.md" in docker.err
