import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from unittest.mock import Mock

import psutil
import pytest

from stockroom.engines.emulator_state import settled_folder
from stockroom.errors import StockroomError
from stockroom.project import ROOT
from stockroom.snapshots import background
from stockroom.snapshots.archive import Header, unpack, verify, write
from stockroom.snapshots.record import BASE, keep_base, read_base
from stockroom.snapshots.store import Bounds, Entry, Store, beyond, put, remove_drafts
from stockroom.system.processes import processes_in
from tests.unit.toolkit.snapshot_headers import HEADER

KEY = b"k" * 32
WIDE = Bounds(count=100, size=2**40)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "stores.pickle").write_bytes(random.Random(1).randbytes(30_000))
    return folder


def save(store: Store, header: Header, state: Path, used: float = 0) -> Path:
    path = store.path(header)
    put(path, lambda file: write(file, header, state, KEY))
    if used:
        os.utime(path, (used, used))
    return path


def of_release(release: str, name: str | None = None) -> Header:
    return replace(HEADER, parts=replace(HEADER.parts, release=release), name=name)


def text(words: bytes) -> Callable[[IO[bytes]], None]:
    def write_text(file: IO[bytes]) -> None:
        file.write(words)

    return write_text


def test_a_snapshot_lies_under_its_key_or_its_name(tmp_path: Path, state: Path) -> None:
    store = Store(tmp_path / "snapshots")
    assert store.all() == []
    assert save(store, HEADER, state, 10) == store.folder / f"{HEADER.parts.key}.snapshot"
    assert save(store, of_release("2", "mine"), state) == store.folder / "named" / "mine.snapshot"
    save(store, of_release("3"), state, 20)
    (store.folder / "other.snapshot").write_text("no snapshot")
    assert [entry.header.parts.release for entry in store.all()] == ["2", "3", "release 2"]
    assert [entry.used for entry in store.automatic()] == [20, 10]


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "-x", ".hidden", "a b", "x" * 65, "ä"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(StockroomError, match="can't be a snapshot's name"):
        Store(tmp_path).named(name)


def entry(name: str, size: int, used: float) -> Entry:
    return Entry(Path(name), HEADER, size, used)


@pytest.mark.parametrize(
    ("bounds", "dropped"),
    [
        (Bounds(5, 1000), []),
        (Bounds(3, 60), []),
        (Bounds(2, 1000), ["old"]),
        (Bounds(5, 59), ["old"]),
        (Bounds(5, 39), ["middle"]),
        (Bounds(5, 5), ["new", "middle", "old"]),
        (Bounds(0, 1000), ["new", "middle", "old"]),
    ],
)
def test_what_was_used_longest_ago_goes_first(bounds: Bounds, dropped: list[str]) -> None:
    entries = [entry("old", 20, 1), entry("new", 10, 3), entry("middle", 30, 2)]
    assert [gone.path.name for gone in beyond(entries, bounds)] == dropped


def test_those_with_a_name_stay(tmp_path: Path, state: Path) -> None:
    store = Store(tmp_path)
    named = save(store, of_release("1", "mine"), state, 1)
    for number in range(4):
        save(store, of_release(str(number)), state, 10 + number)
    store.drop_beyond(Bounds(2, 2**30))
    assert [entry.header.parts.release for entry in store.automatic()] == ["3", "2"]
    store.drop_beyond(Bounds(0, 0))
    assert [entry.path for entry in store.all()] == [named]


def test_a_failed_saving_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "x.snapshot"
    put(target, text(b"old"))

    def fail(file: IO[bytes]) -> None:
        file.write(b"new, but not whole")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        put(target, fail)
    assert target.read_bytes() == b"old"
    with pytest.raises(FileExistsError):
        put(target, text(b"new"), replace=False)
    assert target.read_bytes() == b"old"
    put(target, text(b"new"))
    assert target.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.snapshot"]


def test_a_draft_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "x.snapshot"
    (tmp_path / "dead.draft").touch()

    def write_slowly(file: IO[bytes]) -> None:
        file.write(b"all")
        remove_drafts(tmp_path)
        assert len(list(tmp_path.glob("*.draft"))) == 1

    put(target, write_slowly)
    assert target.read_bytes() == b"all"
    remove_drafts(tmp_path / "nowhere")


SAVES_FOR_EVER = """
import sys
from pathlib import Path
from stockroom.snapshots.archive import write
from stockroom.snapshots.store import Store, put
from tests.unit.toolkit.snapshot_headers import HEADER
store, state = Store(Path(sys.argv[1])), Path(sys.argv[2])
while True:
    put(store.path(HEADER), lambda file: write(file, HEADER, state, b"k" * 32))
    print("saved", flush=True)
"""


def test_killed_at_any_moment_it_leaves_a_whole_snapshot(tmp_path: Path, state: Path) -> None:
    (state / "big").write_bytes(random.Random(3).randbytes(4_000_000))
    store, draw = Store(tmp_path / "snapshots"), random.Random()
    drafts = 0
    for number in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", SAVES_FOR_EVER, store.folder, state], cwd=ROOT, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == b"saved\n"
            time.sleep(draw.random() * 0.05)
            process.kill()
        drafts += len(list(store.folder.glob("*.draft")))
        with store.path(HEADER).open("rb") as file:
            assert verify(file, [KEY]) == HEADER
            unpack(file, tmp_path / str(number))
        assert (tmp_path / str(number) / "big").read_bytes() == (state / "big").read_bytes()
        store.clean()
        assert not list(store.folder.glob("*.draft"))
    assert drafts, "it was never killed while it wrote"


def job(store: Store, state: Path, bounds: Bounds = WIDE) -> background.Job:
    return background.Job(store.folder, bounds, KEY, HEADER, state)


def test_a_job_survives_json(tmp_path: Path, state: Path) -> None:
    one = job(Store(tmp_path), state)
    settling = replace(
        one, state=None, settling=background.Settling("http://127.0.0.1:1", tmp_path, tmp_path / "lock", "moment")
    )
    for each in (one, settling):
        assert background.parse_job(each.to_json()) == each


@pytest.mark.parametrize(
    ("answer", "bad", "settled"),
    [
        ((200, {"bytes": 7, "moment": "m"}), None, True),
        ((200, {"bytes": 7, "moment": "m"}), "somebody can't load it", False),
        ((500, {"error": "somebody has changed something since"}), None, False),
    ],
)
def test_a_settled_state_takes_the_place_of_the_first(
    tmp_path: Path,
    state: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, dict[str, Any]],
    bad: str | None,
    settled: bool,
) -> None:
    proven: list[Path] = []

    def prove(state: Path) -> Callable[[], None]:
        proven.append(state)
        return Mock(side_effect=StockroomError(bad) if bad else None)

    monkeypatch.setattr(background, "proving", lambda *_: nullcontext(prove))

    class Emulator(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/_stockroom/state/save_settled?moment=m"
            settled_folder(tmp_path).mkdir()
            (settled_folder(tmp_path) / "stores.pickle").write_text("settled")
            self.send_response(answer[0])
            self.end_headers()
            self.wfile.write(json.dumps(answer[1]).encode())

        def log_message(self, *_: object) -> None:
            pass

    store = Store(tmp_path / "snapshots")
    keep_base(tmp_path, HEADER, state)
    with ThreadingHTTPServer(("127.0.0.1", 0), Emulator) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        settling = background.Settling(endpoint, tmp_path, tmp_path / "lock", "m")
        background.run(replace(job(store, state), settling=settling))
        server.shutdown()
    [entry] = store.automatic()
    assert entry.header.settled is settled
    assert entry.header.bytes == (7 if settled else HEADER.bytes)
    with entry.path.open("rb") as file:
        assert verify(file, [KEY]) == entry.header
        unpack(file, tmp_path / "unpacked")
    assert ((tmp_path / "unpacked" / "stores.pickle").read_bytes() == b"settled") is settled
    assert ("somebody" in capsys.readouterr().out) is not settled
    assert proven == ([settled_folder(tmp_path)] if answer[0] == 200 else [])
    assert read_base(tmp_path) == entry.header, "what `invoke reset` goes back to"
    assert ((tmp_path / BASE / "stores.pickle").read_bytes() == b"settled") is settled


def test_reset_does_not_go_back_to_what_settles_late(tmp_path: Path, state: Path) -> None:
    later = replace(HEADER, name="loaded-meanwhile")
    keep_base(tmp_path, later, state)
    settled = settled_folder(tmp_path)
    settled.mkdir()
    background.keep_settled(
        background.Settling("", tmp_path, tmp_path / "lock", "m"), HEADER, replace(HEADER, settled=True), settled
    )
    assert read_base(tmp_path) == later


def test_the_background_packs_states_and_keeps_the_bounds(tmp_path: Path, state: Path) -> None:
    store, engine = Store(tmp_path / "snapshots"), tmp_path / "engine"
    engine.mkdir()
    for number in range(2):
        save(store, of_release(str(number)), state, 10 + number)
    (store.folder / "dead.draft").touch()
    process = psutil.Process(background.begin(job(store, state, bounds=Bounds(2, 2**30)), engine))
    process.wait(30)
    assert [entry.header.parts.release for entry in store.automatic()] == ["release 2", "1"]
    with store.path(HEADER).open("rb") as file:
        assert verify(file, [KEY]) == HEADER
    assert not state.exists()
    assert not list(store.folder.glob("*.draft"))
    assert "saved" in (engine / "snapshots.log").read_text()


def test_the_background_ends_with_its_platform_and_shows_nobody_the_key(tmp_path: Path, state: Path) -> None:
    store, engine = Store(tmp_path / "snapshots"), tmp_path / "run" / "engine"
    engine.mkdir(parents=True)
    (state / "big").write_bytes(random.Random(3).randbytes(50_000_000))
    process = psutil.Process(background.begin(job(store, state), engine))
    assert process.pid in [found.pid for found in processes_in(tmp_path / "run")]
    seen = json.dumps([process.cmdline(), process.environ()])
    assert KEY.hex() not in seen
    assert KEY.decode() not in seen
    process.kill()
    process.wait(30)
    store.clean()
    assert store.all() == []


def test_the_background_says_in_its_log_why_it_failed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "stockroom.snapshots.background"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        _, errors = process.communicate(job(Store(tmp_path), tmp_path / "nowhere").to_json())
    assert process.returncode == 1
    assert "could not save a snapshot: [Errno 2]" in errors
    assert "Traceback" not in errors
