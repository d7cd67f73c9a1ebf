"""What infra-down keeps and stops, in which order."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stockroom.console import Steps
from stockroom.engines import Capabilities
from stockroom.errors import StockroomError
from stockroom.local import down as local_down
from stockroom.settings import Settings
from stockroom.snapshots.archive import Header
from stockroom.snapshots.record import kept_file, write_started
from tests.unit.toolkit.snapshot_headers import HEADER

STOP = "stop"


class World:
    """An engine that notes what is done to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
        self.done: list[str] = []
        self.running = False
        self.settings = settings
        monkeypatch.setattr(local_down, "make_engine", lambda _: self._engine())
        monkeypatch.setattr(local_down, "unfinished", lambda _: HEADER)

    def _engine(self) -> Any:
        def stop() -> bool:
            self.done.append(STOP)
            self.running = False
            return True

        return SimpleNamespace(
            name="localstack", capabilities=Capabilities(snapshots=True), is_running=lambda: self.running, stop=stop
        )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> World:
    return World(monkeypatch, settings)


class Notes(Steps):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def note(self, words: str) -> None:
        self.lines.append(words)


def down(world: World) -> list[str]:
    """Stop the platform, keeping its data; returns what is said."""
    notes = Notes()
    local_down.infra_down(world.settings, keep_state=True, steps=notes)
    return notes.lines


def test_the_data_is_kept_before_anything_is_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def save_to(path: Path, header: Header, overwrite: bool) -> Header:
        assert overwrite
        world.done.append(f"save {path.relative_to(world.settings.run_dir)}")
        return header

    monkeypatch.setattr(local_down, "open_snapshots", lambda *_: SimpleNamespace(save_to=save_to))
    world.running = True
    down(world)
    assert world.done == ["save kept/platform.snapshot", STOP]


def test_what_can_not_be_kept_is_not_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def save_to(*_: object, **__: object) -> None:
        raise StockroomError("the emulator did not save its state")

    monkeypatch.setattr(local_down, "open_snapshots", lambda *_: SimpleNamespace(save_to=save_to))
    world.running = True
    with pytest.raises(StockroomError) as error:
        down(world)
    assert str(error.value.hint).startswith("nothing was stopped")
    assert world.done == []


def test_an_engine_that_can_not_keep_data_says_so_and_stops(world: World) -> None:
    world.running = True
    world.settings = world.settings.model_copy(update={"engine": "docker"})
    assert down(world) == ["the data is not kept: the engine `docker` has no snapshots"]
    assert world.done == [STOP]


def test_nothing_that_stopped_before_is_kept(world: World) -> None:
    down(world)
    assert world.done == [STOP]


@pytest.mark.parametrize("before", [True, False], ids=["kept before", "never kept"])
def test_an_emulator_that_ended_by_itself_is_not_said_to_be_kept(world: World, before: bool) -> None:
    """What was written since then is lost, whatever was kept before."""
    kept = kept_file(world.settings.run_dir)
    if before:
        kept.parent.mkdir(parents=True)
        kept.write_text("kept before")
    world.settings.engine_dir.mkdir(parents=True)
    write_started(world.settings.engine_dir, HEADER)
    with pytest.raises(StockroomError, match="ended by itself") as error:
        down(world)
    assert ("goes on with what was kept before" if before else "starts afresh") in str(error.value.hint)
    assert kept.exists() is before
    assert world.done == [STOP]
    assert down(world) == [], "it was told once, and nothing is left of it"


def test_what_was_kept_and_stopped_may_be_kept_once_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        local_down, "open_snapshots", lambda *_: SimpleNamespace(save_to=lambda path, header, **_: header)
    )
    world.settings.engine_dir.mkdir(parents=True)
    write_started(world.settings.engine_dir, HEADER)
    world.running = True
    assert [down(world), down(world)] == [[], []]
