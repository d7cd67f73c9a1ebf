import json
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from stockroom.console import Steps
from stockroom.engines.emulator_state import RefusedStateError, copy_state, load_state, save_state, state_folder
from stockroom.engines.localstack import LocalStackEngine
from stockroom.errors import StockroomError
from stockroom.settings import Settings
from stockroom.snapshots import background
from stockroom.snapshots import platform as snapshots_of_platform
from stockroom.snapshots.archive import Header, write
from stockroom.snapshots.keys import Parts
from stockroom.snapshots.platform import (
    PlatformSnapshots,
    is_fresh,
    label_of_snapshot,
    open_snapshots,
    unavailable_reason,
)
from stockroom.snapshots.record import BASE, kept_file, read_base, read_record, write_started
from stockroom.snapshots.signing import signing_keys
from stockroom.snapshots.store import Store, put
from tests.unit.toolkit.snapshot_headers import HEADER, PARTS

OTHER_KEY = b"o" * 32


class Emulator(BaseHTTPRequestHandler):
    """Answers as the emulator does when it saves and loads states; `answer` replaces that."""

    state: Path
    asked: list[tuple[str, str | None]]
    answer: tuple[int, bytes] | None = None

    def do_POST(self) -> None:
        self.asked.append((self.path, self.headers.get("X-Stockroom")))
        action = self.path.rpartition("/")[2].partition("?")[0]
        if action.startswith("save") and not self.answer:
            folder = self.state if action == "save" else self.state.with_name("settled")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "stores.pickle").write_text(f"saved {len(self.asked)}")
        told = {"seconds": 0.1, "bytes": 5 << 20, "services": [], "moment": "m1", "untouched": True}
        status, body = self.answer or (200, json.dumps(told).encode())
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def emulator(settings: Settings) -> Iterator[type[Emulator]]:
    kind = type("One", (Emulator,), {"state": state_folder(settings.engine_dir), "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", settings.port), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kind
    server.shutdown()
    server.server_close()


class Engine(LocalStackEngine):
    """An engine without a process; `held` is what lay in its state folder when it started."""

    def __init__(self, settings: Settings, error: Exception | None = None) -> None:
        super().__init__(settings)
        self._own = settings
        self._error = error
        self.held: str | None = None
        self.running = False

    def check(self) -> None:
        pass  # whoever plays the emulator holds the port

    def start(self, say: Callable[[str], None] = lambda _: None, state: Future[Path] | None = None) -> bool:
        assert state
        folder = state_folder(self._own.engine_dir)
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.parent.mkdir(parents=True)
        self.running = True
        state.result().replace(folder)
        self.held = (folder / "stores.pickle").read_text()
        return True

    def wait_until_ready(self, watch: Callable[[], None] | None = None) -> None:
        if self._error:
            raise self._error

    def stop(self) -> bool:
        self.running = False
        return True

    def is_running(self) -> bool:
        return self.running


class Notes(Steps):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []

    def note(self, words: str) -> None:
        self.lines.append(words)


class Platform:
    """A platform and its store, in which `save` puts snapshots."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.store = Store(folder / "snapshots")
        self.keys = signing_keys(None, folder / "data")
        self.notes = Notes()
        self.here = replace(PARTS, endpoint=settings.local_endpoint)
        self.engine = Engine(settings)
        self.header = replace(HEADER, created=datetime.now(UTC).isoformat(timespec="seconds"))

    def snapshots(self, error: Exception | None = None) -> PlatformSnapshots:
        self.engine = Engine(self.settings, error)
        return PlatformSnapshots(self.settings, self.engine, self.store, self.keys, self.notes)

    def save(self, parts: Parts, path: Path | None = None, key: bytes | None = None, settled: bool = False) -> Path:
        header = replace(self.header, parts=parts, settled=settled)
        state = self.store.folder.with_name("state-to-save")
        state.mkdir(exist_ok=True)
        (state / "stores.pickle").write_text(f"{parts.release} {' '.join(parts.seeds.values()) or 'not seeded'}")
        path = path or self.store.path(header)
        put(path, lambda file: write(file, header, state, key or self.keys[0]))
        return path


@pytest.fixture
def platform(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    platform = Platform(settings, tmp_path)
    missing(monkeypatch)
    monkeypatch.setattr(snapshots_of_platform, "prepare", lambda _: None)
    # What the checkout's emulator is, is not what these tests are about.
    monkeypatch.setattr(snapshots_of_platform, "unfinished", lambda _: replace(HEADER, parts=platform.here))
    return platform


def missing(monkeypatch: pytest.MonkeyPatch, *what: str) -> None:
    """Let the running platform lack this."""
    monkeypatch.setattr(snapshots_of_platform, "find_missing", lambda *_: list(what))


def test_nothing_to_begin_with(platform: Platform) -> None:
    assert not platform.snapshots().may_begin(platform.here)
    assert platform.snapshots().begin(platform.here) is None
    assert platform.notes.lines == []


def test_the_platforms_own_snapshot_is_begun_with(platform: Platform) -> None:
    path = platform.save(platform.here)
    used = path.stat().st_mtime
    platform.save(platform.here.unseeded())
    snapshots = platform.snapshots()
    assert snapshots.may_begin(replace(platform.here, release=""))
    assert snapshots.begin(platform.here) == (replace(platform.header, parts=platform.here), False)
    assert platform.engine.held == "release 2 sample"
    engine_dir = platform.settings.engine_dir
    assert read_record(engine_dir) == read_base(engine_dir) == replace(platform.header, parts=platform.here)
    assert (engine_dir / BASE / "stores.pickle").read_text() == "release 2 sample"
    assert path.stat().st_mtime > used
    assert snapshots.is_unchanged(platform.here)
    assert not snapshots.is_unchanged(replace(platform.here, release="release 3"))


@pytest.mark.parametrize("kind", ["damaged", "cut", "empty", "foreign", "moved"])
def test_what_is_not_ours_is_told_in_one_line_and_left_alone(platform: Platform, kind: str) -> None:
    path = platform.save(platform.here, key=OTHER_KEY if kind == "foreign" else None)
    content = path.read_bytes()
    match kind:
        case "damaged":
            path.write_bytes(content[:-40] + bytes([content[-40] ^ 1]) + content[-39:])
        case "cut":
            path.write_bytes(content[:-1])
        case "empty":
            path.write_bytes(b"")
        case "moved":
            platform.save(replace(platform.here, release="another"), path)
    assert platform.snapshots().begin(platform.here) is None
    assert not platform.engine.running
    assert platform.engine.held is None
    assert path.exists()
    # Of a file that tells nothing or another key nobody thinks that it is meant.
    assert len(platform.notes.lines) == (0 if kind in {"empty", "moved"} else 1)
    assert all(f"the snapshot {platform.here.key[:12]} can't be used" in line for line in platform.notes.lines)


def test_a_snapshot_with_another_header_than_a_moment_ago_is_not_used(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = platform.save(platform.here)
    entries = platform.store.automatic()
    platform.save(replace(platform.here, release="another"), path)
    monkeypatch.setattr(Store, "automatic", lambda _: entries)
    assert platform.snapshots().begin(platform.here) is None
    assert "it is not what it was a moment ago" in platform.notes.lines[0]


def test_a_snapshot_that_is_not_whole_is_told_of_and_set_aside(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = platform.save(platform.here)
    missing(monkeypatch, "table orders", "bucket raw")
    assert platform.snapshots().begin(platform.here) is None
    assert not platform.engine.running
    assert not path.exists()
    assert path.with_suffix(".refused").exists()
    assert platform.notes.lines == [
        f"the snapshot {platform.here.key[:12]} can't be used: table orders, bucket raw missing"
    ]


def test_a_snapshot_that_the_emulator_refuses_is_told_of_and_set_aside(platform: Platform) -> None:
    path = platform.save(platform.here)
    refusal = RefusedStateError("the emulator ended while it was starting", details="Ready.\nno such class")
    assert platform.snapshots(refusal).begin(platform.here) is None
    assert not platform.engine.running
    assert not path.exists()
    assert path.with_suffix(".refused").exists()
    assert platform.notes.lines[0].endswith("can't be used: the emulator ended while it was starting: no such class")
    assert not platform.snapshots().may_begin(platform.here), "nobody tries it again"


def test_a_snapshot_whose_emulator_was_stopped_by_somebody_stays(platform: Platform) -> None:
    path = platform.save(platform.here)
    with pytest.raises(KeyboardInterrupt):
        platform.snapshots(StockroomError("the emulator ended")).begin(
            platform.here, watch=Mock(side_effect=KeyboardInterrupt)
        )
    assert not platform.engine.running
    assert path.exists()


def test_after_one_that_can_not_be_used_comes_the_next(platform: Platform) -> None:
    damaged = platform.save(platform.here)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    platform.save(platform.here.unseeded())
    platform.save(replace(platform.here, release="release 1").unseeded())
    begun = platform.snapshots().begin(platform.here)
    assert begun is not None
    assert begun[0].parts == platform.here.unseeded()
    assert platform.engine.held == "release 2 not seeded"
    assert len(platform.notes.lines) == 1


def test_an_engine_that_waits_for_a_state_is_not_left_behind(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = platform.save(platform.here)
    snapshots = platform.snapshots()
    monkeypatch.setattr(snapshots_of_platform, "unpack", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        snapshots.begin(platform.here)
    assert not platform.engine.running
    assert path.exists()


def test_data_that_was_on_its_way_must_still_arrive(platform: Platform) -> None:
    now = datetime(2026, 1, 2, 22, tzinfo=UTC)
    for hour, fresh in ((1, False), (2, False), (3, True), (21, True)):
        seeded = replace(HEADER, created=datetime(2026, 1, 2, hour, tzinfo=UTC).isoformat())
        assert is_fresh(seeded, now) == fresh
        assert is_fresh(replace(seeded, parts=PARTS.unseeded()), now)
    platform.header = HEADER
    platform.save(platform.here)
    assert not platform.snapshots().may_begin(platform.here)
    platform.save(platform.here.unseeded())
    assert platform.snapshots().may_begin(platform.here)
    assert platform.snapshots().begin(platform.here) == (replace(HEADER, parts=platform.here.unseeded()), False)


def test_what_was_kept_goes_before_any_snapshot_and_stays(platform: Platform) -> None:
    platform.save(platform.here)
    kept = platform.save(replace(platform.here, release="release 1"), kept_file(platform.settings.run_dir))
    snapshots = platform.snapshots()
    assert snapshots.may_begin(platform.here)
    begun = snapshots.begin(platform.here)
    assert begun is not None
    assert (begun[0].parts.release, begun[1]) == ("release 1", True)
    assert platform.engine.held == "release 1 sample"
    assert kept.exists(), "the next start after a crash goes on with it"


def test_what_was_kept_and_does_not_look_like_ours_is_told_of_and_stays(platform: Platform) -> None:
    kept = platform.save(platform.here, kept_file(platform.settings.run_dir), OTHER_KEY)
    with pytest.raises(
        StockroomError, match="kept can't be used: it is damaged, or it was not signed on this"
    ) as error:
        platform.snapshots().begin(platform.here)
    assert "`invoke infra-down` drops what was kept" in str(error.value.hint)
    assert kept.exists()


def test_what_was_kept_is_not_lost_because_the_emulator_is_another(platform: Platform) -> None:
    kept = platform.save(replace(platform.here, plugin="before"), kept_file(platform.settings.run_dir))
    with pytest.raises(StockroomError, match="another emulator made what") as error:
        platform.snapshots().begin(platform.here)
    assert "`invoke infra-down` drops what was kept" in str(error.value.hint)
    platform.save(platform.here, kept)
    with pytest.raises(StockroomError, match="it ended"):
        platform.snapshots(StockroomError("it ended")).begin(platform.here)
    assert not platform.engine.running
    assert kept.exists()


def test_a_platform_of_which_nothing_is_noted_has_changed(platform: Platform) -> None:
    assert not platform.snapshots().is_unchanged(platform.here)


def test_a_platform_that_lacks_something_has_changed(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    platform.save(platform.here)
    snapshots = platform.snapshots()
    snapshots.begin(platform.here)
    assert snapshots.is_unchanged(replace(platform.here, plugin="later")), "a running emulator stays what it is"
    missing(monkeypatch, "queue orders")
    assert not snapshots.is_unchanged(platform.here)
    snapshots.forget()
    missing(monkeypatch)
    assert not snapshots.is_unchanged(platform.here)


def test_a_platform_that_nobody_has_changed_is_not_looked_at(
    platform: Platform, emulator: type[Emulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.save(platform.here, settled=True)
    snapshots = platform.snapshots()
    snapshots.begin(platform.here)
    missing(monkeypatch, "queue orders")
    assert snapshots.is_unchanged(platform.here), "nobody can have deleted it"
    emulator.answer = (200, b'{"moment": "m2", "untouched": false}')
    assert not snapshots.is_unchanged(platform.here)
    missing(monkeypatch)
    assert snapshots.is_unchanged(platform.here)
    missing(monkeypatch, "queue orders")
    assert snapshots.is_unchanged(platform.here), "it was looked at since"
    emulator.answer = (404, b"[]")
    assert not snapshots.is_unchanged(platform.here), "an older emulator does not tell"


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[background.Job]:
    """What the background is told to do; what no emulator has made is taken for good."""
    told: list[background.Job] = []
    monkeypatch.setattr(background, "proving", lambda *_: nullcontext(lambda _: lambda: None))
    monkeypatch.setattr(background, "begin", lambda job, _: told.append(job))
    return told


def test_taking_a_snapshot(platform: Platform, emulator: type[Emulator], jobs: list[background.Job]) -> None:
    engine_dir = platform.settings.engine_dir
    engine_dir.mkdir(parents=True)
    write_started(engine_dir, replace(HEADER, parts=replace(platform.here, plugin="of the running one")))
    snapshots = platform.snapshots()
    snapshots.take(platform.here, {"data_platform": {"products": 2}}, publish=True)
    record = read_record(engine_dir)
    assert record is not None
    assert record == read_base(engine_dir)
    assert (record.parts.plugin, record.bytes) == ("of the running one", 5 << 20)
    assert record.counts == {"data_platform": {"products": 2}}
    background.run(jobs.pop())
    [entry] = platform.store.automatic()
    assert entry.header == replace(record, created=entry.header.created, settled=True)
    assert not list(engine_dir.glob("saving-*"))
    assert emulator.asked == [("/_stockroom/state/save", "1"), ("/_stockroom/state/save_settled?moment=m1", "1")]
    snapshots.take(platform.here, {}, publish=False)
    assert (engine_dir / BASE / "stores.pickle").read_text() == "saved 3"


@pytest.mark.parametrize(
    ("seeded", "settled", "asked"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_what_is_begun_with_is_saved_again_when_its_data_is_processed(
    platform: Platform,
    emulator: type[Emulator],
    jobs: list[background.Job],
    seeded: bool,
    settled: bool,
    asked: bool,
) -> None:
    parts = platform.here if seeded else platform.here.unseeded()
    platform.save(parts, settled=settled)
    assert platform.snapshots().begin(parts)
    for job in jobs:
        background.run(job)
    [entry] = platform.store.automatic()
    assert entry.header.settled is seeded
    assert (("/_stockroom/state/save_settled?moment=m1", "1") in emulator.asked) is asked


def test_a_state_that_can_not_be_saved_is_no_reason_to_stop(platform: Platform, emulator: type[Emulator]) -> None:
    emulator.answer = (500, b'{"error": "lambda: a thing can\'t be pickled"}')
    platform.settings.engine_dir.mkdir(parents=True)
    platform.snapshots().take(platform.here, {}, publish=True)
    assert platform.store.automatic() == []
    assert read_base(platform.settings.engine_dir) is None
    record = read_record(platform.settings.engine_dir)
    assert record is not None
    assert record.parts == platform.here, "what is deployed is known all the same"


def test_reset_and_load(platform: Platform, emulator: type[Emulator]) -> None:
    engine_dir = platform.settings.engine_dir
    base_file = platform.save(platform.here, settled=True)
    snapshots = platform.snapshots()
    snapshots.begin(platform.here)
    later = replace(platform.here, release="release 3")
    snapshots.take(later, {}, publish=False)
    snapshots.load_running(base_file)
    assert read_record(engine_dir) == replace(platform.header, parts=platform.here, settled=True)
    (state_folder(engine_dir) / "stores.pickle").unlink()
    base = read_base(engine_dir)
    assert base is not None
    snapshots.reset(base, engine_dir / BASE)
    assert (state_folder(engine_dir) / "stores.pickle").read_text() == "release 2 sample"
    assert [path for path, _ in emulator.asked] == [
        "/_stockroom/state/moment", "/_stockroom/state/save", "/_stockroom/state/load", "/_stockroom/state/load",
    ]  # fmt: skip


def test_a_platform_whose_reset_fails_is_not_taken_for_whole(platform: Platform, emulator: type[Emulator]) -> None:
    platform.save(platform.here)
    snapshots = platform.snapshots()
    snapshots.begin(platform.here)
    emulator.answer = (500, b'{"error": "no"}')
    base = read_base(platform.settings.engine_dir)
    assert base is not None
    with pytest.raises(StockroomError, match="the emulator did not load its state: no"):
        snapshots.reset(base, platform.settings.engine_dir / BASE)
    assert read_record(platform.settings.engine_dir) is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((500, b'{"error": "dynamodb: disk full"}'), "dynamodb: disk full"),
        ((200, b"<html>"), "it answered something else (HTTP 200)"),
        ((404, b"[]"), "it answered something else (HTTP 404)"),
    ],
)
def test_what_the_emulator_refuses(
    settings: Settings, emulator: type[Emulator], answer: tuple[int, bytes], reason: str
) -> None:
    emulator.answer = answer
    with pytest.raises(StockroomError) as error:
        save_state(settings.local_endpoint)
    assert error.value.message == f"the emulator did not save its state: {reason}"


def test_an_emulator_that_has_gone(settings: Settings) -> None:
    with pytest.raises(StockroomError, match=r"the emulator did not load its state: .*refused"):
        load_state(settings.local_endpoint)


def test_a_copy_of_a_state_takes_no_room(tmp_path: Path) -> None:
    (tmp_path / "state" / "s3").mkdir(parents=True)
    (tmp_path / "state" / "s3" / "object").write_text("1")
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "old").touch()
    copy_state(tmp_path / "state", tmp_path / "base")
    assert [path.name for path in (tmp_path / "base").rglob("*")] == ["s3", "object"]
    assert (tmp_path / "base" / "s3" / "object").samefile(tmp_path / "state" / "s3" / "object")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"snapshots": "off"}, "STOCKROOM_SNAPSHOTS=off switches snapshots off"),
        ({"engine": "docker"}, "the engine `docker` has no snapshots"),
        ({"engine": "external"}, "the engine `external` has no snapshots"),
    ],
)
def test_where_there_are_none(settings: Settings, change: dict[str, Any], reason: str | None) -> None:
    settings = settings.model_copy(update=change)
    assert unavailable_reason(settings) == reason
    if reason:
        with pytest.raises(StockroomError) as error:
            open_snapshots(settings, LocalStackEngine(settings), Notes())
        assert error.value.message == reason


def test_a_snapshot_in_words() -> None:
    named: Header = replace(HEADER, name="mine", bytes=3 << 20)
    assert label_of_snapshot(named) == "'mine' of 2026-01-02 03:04 UTC, 3 MB"
    assert label_of_snapshot(HEADER).startswith(PARTS.key[:12])
