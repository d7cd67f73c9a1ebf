"""What infra-up does, by what it begins with; who does it is replaced."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stockroom.console import Steps
from stockroom.engines import Capabilities
from stockroom.errors import StockroomError
from stockroom.local import down as local_down
from stockroom.local import up as infra
from stockroom.local.up import Request
from stockroom.releases.artifacts import Artifacts
from stockroom.releases.release import Release
from stockroom.settings import Settings
from stockroom.snapshots.archive import Header
from stockroom.snapshots.keys import Parts
from stockroom.snapshots.record import kept_file, write_started
from stockroom.terraform.local_directory import Stack
from stockroom.terraform.process import ResourceExistsError
from tests.unit.toolkit.snapshot_headers import HEADER, PARTS

SEEDED = replace(PARTS, release="release 2")
DEPLOY, SEED, SEED_AT_WORK, START, STOP = "deploy", "seed", "seed, at work", "start", "stop"
FOR_ALL, FOR_RESET = "take for all", "take for reset"


class World:
    """Notes what is done. `begins` is what snapshots have to begin with, `errors` are raised by deployments in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
        self.done: list[str] = []
        self.begins: tuple[Header, bool] | None = None
        self.running = self.unchanged = self.is_set_up = self.given_up = self.rests = False
        self.errors: list[StockroomError] = []
        self.settings = settings
        self._seeding = "sample"
        for name, value in {
            "make_engine": lambda _: self._engine(),
            "open_snapshots": lambda *_: self._snapshots(),
            "find_binary": lambda _: None,
            "build_artifacts": lambda *_: (),
            "read_release": lambda *_: Release("release 2", None, False),
            "read_parts": lambda settings, binary, stacks, release, dataset: replace(
                PARTS, dataset=dataset, release=""
            ),
            "dataset_part": lambda seed, *_: self._seeding if seed else "not seeded",
            "count_seeded": lambda *_: {"products": 1},
            "deployed_outputs": lambda *_: {},
            "session_for": lambda *_: None,
            "enter_local_environment": lambda *_: None,
            "unfinished": lambda _: HEADER,
            "_deploy": lambda *_: self._deploy(),
            "_seed": lambda *_: self.done.append(SEED if self.rests else SEED_AT_WORK),
            "_was_deployed": lambda *_: False,
            "wait_for_left_behind": lambda *_: [],
            "event_sources_rest": self._rest,
        }.items():
            monkeypatch.setattr(infra, name, value, raising=False)
            monkeypatch.setattr(local_down, name, value, raising=False)
        monkeypatch.setattr(Stack, "set_up", lambda *_: self._set_up())
        monkeypatch.setattr(Stack, "running_provider", lambda *_: nullcontext({}))

    def _engine(self) -> Any:
        def start(say: object) -> bool:
            self.done.append(START)
            started, self.running = not self.running, True
            if started:
                self.settings.engine_dir.mkdir(parents=True, exist_ok=True)
            return started

        def stop() -> bool:
            self.done.append(STOP)
            self.running = False
            return True

        return SimpleNamespace(
            name="localstack", endpoint="", capabilities=Capabilities(snapshots=True), start=start, stop=stop,
            is_running=lambda: self.running,
            check=lambda: None, wait_until_ready=lambda: None,
        )  # fmt: skip

    def _snapshots(self) -> Any:
        return SimpleNamespace(
            may_begin=lambda wanted: self.begins is not None,
            is_unchanged=lambda wanted: self.unchanged,
            begin=lambda wanted, watch: self.begins,
            take=lambda parts, tables, publish: self.done.append(
                f"{FOR_ALL if publish else FOR_RESET}: {parts.release} {parts.dataset}"
            ),
        )

    @contextmanager
    def _rest(self, _: str) -> Iterator[None]:
        self.rests = True
        yield
        self.rests = False

    def _set_up(self) -> bool:
        self.is_set_up = True
        return False

    def _deploy(self) -> dict[str, Any]:
        assert self.is_set_up
        self.done.append(DEPLOY)
        if self.errors:
            raise self.errors.pop(0)
        return {}

    def up(self, seed: bool = True, snapshots: bool = True, dataset: str = "sample") -> str | None:
        self._seeding = dataset
        request = Request([infra.SEEDED_STACK], seed, None, None, "keep", snapshots)
        return infra.infra_up(self.settings, request, Steps(quiet=True), self._watch).origin

    def _watch(self) -> None:
        if self.given_up:
            raise KeyboardInterrupt


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> World:
    return World(monkeypatch, settings)


def held(parts: Parts) -> Header:
    return replace(HEADER, parts=parts)


SAVED_EMPTY = f"{FOR_ALL}: release 2 not seeded"
SAVED = f"{FOR_ALL}: release 2 sample"


def test_cold(world: World) -> None:
    assert world.up() is None
    assert world.done == [START, DEPLOY, SAVED_EMPTY, SEED, SAVED]


def test_cold_and_empty(world: World) -> None:
    world.up(seed=False)
    assert world.done == [START, DEPLOY, SAVED_EMPTY]


@pytest.mark.parametrize("how", ["asked for", "in the settings", "docker"])
def test_without_snapshots(world: World, how: str) -> None:
    world.begins = held(SEEDED), False
    changes = {"asked for": {}, "in the settings": {"snapshots": "off"}, "docker": {"engine": "docker"}}
    world.settings = world.settings.model_copy(update=changes[how])
    assert world.up(snapshots=how != "asked for") is None
    assert world.done == [START, DEPLOY, SEED]


def test_snapshots_that_can_not_be_opened_are_no_reason_to_stop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StockroomError("the key can be read by others")

    monkeypatch.setattr(infra, "open_snapshots", fail)
    assert world.up() is None
    assert world.done == [START, DEPLOY, SEED]


def test_from_its_own_snapshot(world: World) -> None:
    world.begins = held(SEEDED), False
    assert "from the snapshot" in str(world.up())
    assert world.done == []
    tree = world.settings.run_dir / "terraform" / "local" / "stacks" / infra.SEEDED_STACK
    assert (tree / "release.auto.tfvars.json").exists(), "what was deployed can be looked up as ever"


def test_from_the_snapshot_without_data(world: World) -> None:
    world.begins = held(SEEDED.unseeded()), False
    assert "from the snapshot" in str(world.up())
    assert world.done == [SEED, SAVED]


def test_from_another_release(world: World) -> None:
    world.begins = held(replace(SEEDED, release="release 1").unseeded()), False
    assert "from the snapshot" in str(world.up())
    assert world.done == [DEPLOY, SAVED_EMPTY, SEED, SAVED]


def test_another_release_from_which_terraform_can_not_go_on(world: World) -> None:
    world.begins = held(replace(SEEDED, release="release 1").unseeded()), False
    world.errors = [StockroomError("terraform apply failed")]
    assert world.up() is None
    assert world.done == [DEPLOY, STOP, START, DEPLOY, SAVED_EMPTY, SEED, SAVED]


def test_with_what_was_kept(world: World) -> None:
    world.begins = held(SEEDED), True
    assert world.up() == "with the data that was kept at 2026-01-02 03:04 UTC"
    assert world.done == []


def test_with_what_was_kept_of_another_release(world: World) -> None:
    """It may hold what a user made, so nobody else begins with it, and it is not thrown away when an apply fails."""
    world.begins = held(replace(SEEDED, release="release 1")), True
    assert world.up() == "with the data that was kept at 2026-01-02 03:04 UTC"
    taken = f"{FOR_RESET}: release 2 sample"
    assert world.done == [DEPLOY, SEED_AT_WORK, taken], "what is seeded already is not seeded twice"
    world.done.clear()
    world.errors = [StockroomError("terraform apply failed")]
    with pytest.raises(StockroomError, match="terraform apply failed"):
        world.up()
    assert STOP not in world.done


def test_with_what_was_kept_and_another_dataset(world: World) -> None:
    world.begins = held(SEEDED), True
    world.up(dataset="sales.csv")
    assert world.done == [SEED_AT_WORK, f"{FOR_RESET}: release 2 sales.csv"]


def test_running_and_unchanged(world: World) -> None:
    world.running = world.unchanged = True
    assert world.up() == "nothing has changed"
    assert world.done == []


def test_running_and_changed(world: World) -> None:
    world.running = True
    assert world.up() is None
    assert world.done == [START, DEPLOY, SEED_AT_WORK, f"{FOR_RESET}: release 2 sample"]


def test_a_killed_run_left_resources_without_a_state(world: World) -> None:
    world.running = True
    world.errors = [ResourceExistsError("it exists")]
    world.up()
    assert world.done == [START, DEPLOY, STOP, START, DEPLOY, SAVED_EMPTY, SEED, SAVED]


def test_nothing_is_started_afresh_where_somebody_gave_up(world: World) -> None:
    world.running = world.given_up = True
    world.errors = [ResourceExistsError("it exists")]
    with pytest.raises(KeyboardInterrupt):
        world.up()
    assert world.done == [START, DEPLOY]


def test_a_platform_that_is_being_changed_is_not_taken_for_whole(world: World) -> None:
    world.running = True
    world.settings.engine_dir.mkdir(parents=True)
    record = world.settings.engine_dir / "record.json"
    record.touch()
    world.errors = [StockroomError("no")]
    with pytest.raises(StockroomError):
        world.up()
    assert not record.exists()


def test_building_goes_on_while_the_engine_starts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where there may be something to begin with, what is to be deployed has to be known first."""
    started: Future[None] = Future()
    engine = world._engine()

    def start(say: object) -> bool:
        started.set_result(None)
        return bool(engine.start(say))

    def build(*_: object) -> Artifacts:
        started.result(timeout=10)
        return ()

    monkeypatch.setattr(infra, "make_engine", lambda _: SimpleNamespace(**{**vars(engine), "start": start}))
    monkeypatch.setattr(infra, "build_artifacts", build)
    world.up()
    assert world.done[:2] == [START, DEPLOY]


def test_a_dataset_that_is_not_there_starts_nothing(world: World, tmp_path: Path) -> None:
    request = Request([infra.SEEDED_STACK], True, tmp_path / "sales.csv", None, "keep")
    with pytest.raises(StockroomError, match=r"sales\.csv"):
        infra.infra_up(world.settings, request, Steps(quiet=True))
    assert world.done == []


@pytest.mark.parametrize("changed", [True, False])
def test_a_file_that_changed_before_it_was_loaded_makes_no_snapshot(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: bool
) -> None:
    """Others would begin with it who ask for the file as it was."""
    file = tmp_path / "sales.csv"
    file.write_text("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n1,,,,,,,\n")
    world._seeding = f"{'a' * 64} sales.csv order as found keep"
    loaded = ("b" if changed else "a") * 64
    monkeypatch.setattr(infra, "_seed", lambda *_: SimpleNamespace(digest=loaded))
    infra.infra_up(world.settings, Request([infra.SEEDED_STACK], True, file, None, "keep"), Steps(quiet=True))
    taken = [step for step in world.done if "sales.csv" in step]
    assert taken == ([] if changed else [f"{FOR_ALL}: release 2 {world._seeding}"])


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
