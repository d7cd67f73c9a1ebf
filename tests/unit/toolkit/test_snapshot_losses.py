"""Whatever goes wrong at a start, no good snapshot is lost; one that is proven to be bad is set aside.

Whatever goes wrong when one is saved, nothing is stopped, and what was saved before stays.
"""

import errno
import os
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from stockroom.engines.emulator_state import RefusedStateError, Saved, state_folder
from stockroom.engines.localstack import LocalStackEngine
from stockroom.errors import StockroomError
from stockroom.local import down
from stockroom.snapshots import platform as snapshots_of_platform
from stockroom.snapshots.platform import PlatformSnapshots
from stockroom.snapshots.record import kept_file, read_started
from tests.unit.toolkit.test_snapshot_platform import Engine, Platform, platform

__all__ = ["platform"]


def system(number: int, file: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), file)


def aws(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "HeadBucket")


@dataclass(frozen=True)
class Fault:
    """Where it happens: `check`, `start`, `unpack`, `ready` or `look`; and what is raised there."""

    where: str
    error: BaseException


HARMLESS = {
    "port taken": Fault("check", StockroomError("port 4566 is taken by process 1 (nginx)")),
    "disk too full to begin": Fault("check", StockroomError("no disk space")),
    "port taken at the last moment": Fault("start", StockroomError("port 4566 is taken by process 1 (nginx)")),
    "emulator can't be installed": Fault("start", StockroomError("could not install LocalStack (exit code 1)")),
    "interpreter missing": Fault("start", system(errno.ENOENT, "/emulator/python/bin/python")),
    "interpreter not executable": Fault("start", system(errno.EACCES, "/emulator/python/bin/python")),
    "no more processes": Fault("start", system(errno.EAGAIN)),
    "no memory for a process": Fault("start", system(errno.ENOMEM)),
    "run directory read-only": Fault("start", system(errno.EROFS, "/run/engine")),
    "run directory not ours": Fault("start", system(errno.EPERM, "/run/engine")),
    "disk full while it is unpacked": Fault("unpack", system(errno.ENOSPC)),
    "quota used up": Fault("unpack", system(errno.EDQUOT, "/run/unpacked/objects")),
    "disk broken": Fault("unpack", system(errno.EIO)),
    "too many open files": Fault("unpack", system(errno.EMFILE, "/run/unpacked/objects")),
    "run directory removed meanwhile": Fault("unpack", system(errno.ENOENT, "/run/unpacked")),
    "Ctrl-C while it is unpacked": Fault("unpack", KeyboardInterrupt()),
    "emulator killed": Fault("ready", StockroomError("the emulator ended while it was starting", details="Killed")),
    "machine too slow": Fault("ready", StockroomError("http://127.0.0.1:4566 did not answer within 120 s")),
    "Ctrl-C while it starts": Fault("ready", KeyboardInterrupt()),
    "emulator killed before the check": Fault("look", EndpointConnectionError(endpoint_url="http://127.0.0.1:4566")),
    "emulator silent at the check": Fault("look", ConnectTimeoutError(endpoint_url="http://127.0.0.1:4566")),
    "emulator in trouble at the check": Fault("look", aws("InternalError", 500)),
    "a request refused at the check": Fault("look", aws("AccessDenied", 403)),
    "connection reset at the check": Fault("look", system(errno.ECONNRESET)),
}


@pytest.mark.parametrize("fault", HARMLESS.values(), ids=list(HARMLESS))
@pytest.mark.parametrize("kept", [False, True], ids=["snapshot", "kept"])
def test_no_snapshot_is_lost(platform: Platform, fault: Fault, kept: bool) -> None:
    if kept and fault.where == "look":
        return  # what was kept is not looked at: it is gone on with as it is
    path = platform.save(platform.here, kept_file(platform.settings.run_dir) if kept else None)
    other = platform.save(platform.here.unseeded())
    before = {path: path.read_bytes(), other: other.read_bytes()}
    with pytest.MonkeyPatch.context() as patched:
        failing(patched, fault)
        begun = outcome(platform)
    assert {path: path.read_bytes() for path in before} == before
    assert begun is None or isinstance(begun, StockroomError | OSError | KeyboardInterrupt)
    assert not platform.engine.running
    assert read_started(platform.settings.engine_dir) is None, "it was stopped, and did not end by itself"
    assert isinstance(begun, BaseException) or len(platform.notes.lines) == 2, "one line for each of them"
    again = outcome(platform)
    assert isinstance(again, tuple)
    assert again[0].parts == platform.here
    assert again[1] is kept
    assert platform.engine.held == "release 2 sample"


def failing(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise fault.error

    def fail_at_the_state(engine: Engine, say: Any = None, state: Future[Path] | None = None) -> bool:
        assert state
        engine.running = True
        state.result()
        raise AssertionError

    match fault.where:
        case "check":
            monkeypatch.setattr(Engine, "check", fail)
        case "start":
            monkeypatch.setattr(Engine, "start", fail)
        case "unpack":
            monkeypatch.setattr(snapshots_of_platform, "unpack", fail)
            monkeypatch.setattr(Engine, "start", fail_at_the_state)
        case "ready":
            monkeypatch.setattr(Engine, "wait_until_ready", fail)
        case "look":
            monkeypatch.setattr(snapshots_of_platform, "find_missing", fail)


def outcome(platform: Platform) -> Any:
    try:
        return platform.snapshots().begin(platform.here)
    except (StockroomError, OSError, KeyboardInterrupt) as error:
        return error


UNSAVED = {
    "the emulator refuses": Fault("save", StockroomError("an execution of Step Functions is running")),
    "the emulator has gone": Fault("save", StockroomError("the emulator did not save its state: refused")),
    "Ctrl-C while it is saved": Fault("save", KeyboardInterrupt()),
    "what was saved can't be loaded": Fault("proof", StockroomError("what was saved could not be loaded again: x")),
    "the proof can't be started": Fault("proof", system(errno.EAGAIN)),
    "no disk space for the proof": Fault("proof", StockroomError("no disk space")),
    "Ctrl-C while it is proven": Fault("proof", KeyboardInterrupt()),
    "disk full while it is packed": Fault("write", system(errno.ENOSPC)),
    "quota used up while it is packed": Fault("write", system(errno.EDQUOT)),
    "disk broken while it is packed": Fault("write", system(errno.EIO)),
    "Ctrl-C while it is packed": Fault("write", KeyboardInterrupt()),
    "no memory for the packing": Fault("write", MemoryError()),
    "disk full when it is written through": Fault("fsync", system(errno.ENOSPC)),
    "disk broken when it is written through": Fault("fsync", system(errno.EIO)),
    "it can't be given its name": Fault("rename", system(errno.EACCES, "platform.snapshot")),
    "the folder can't be made": Fault("mkdir", system(errno.EROFS, "/run/kept")),
}


@pytest.mark.parametrize("fault", UNSAVED.values(), ids=list(UNSAVED))
@pytest.mark.parametrize("before", [True, False], ids=["over another", "the first"])
def test_nothing_is_stopped_or_written_over_when_saving_fails(platform: Platform, fault: Fault, before: bool) -> None:
    kept = kept_file(platform.settings.run_dir)
    content = platform.save(platform.here, kept).read_bytes() if before else None
    platform.settings.engine_dir.mkdir(parents=True, exist_ok=True)
    engine = Engine(platform.settings)
    engine.running = True
    with pytest.MonkeyPatch.context() as patched:
        saving(patched, platform, fault)
        patched.setattr(down, "make_engine", lambda _: engine)
        patched.setattr(down, "open_snapshots", lambda *_: platform.snapshots())
        patched.setattr(down, "unfinished", lambda _: platform.header)
        with pytest.raises(type(fault.error)):
            down.infra_down(platform.settings, True, platform.notes)
    assert engine.running
    assert (kept.read_bytes() if kept.exists() else None) == content
    assert [path.name for path in kept.parent.rglob("*")] == (["platform.snapshot"] if before else [])


def saving(monkeypatch: pytest.MonkeyPatch, platform: Platform, fault: Fault) -> None:
    """A state that is saved and proven, but for the fault."""

    def fail(*_: Any, **__: Any) -> Any:
        raise fault.error

    def save_state(_: str) -> Saved:
        state = state_folder(platform.settings.engine_dir)
        state.mkdir()
        (state / "stores.pickle").write_text("saved")
        return Saved(5, "m1")

    monkeypatch.setattr(snapshots_of_platform, "save_state", fail if fault.where == "save" else save_state)
    wait = fail if fault.where == "proof" else lambda: None
    monkeypatch.setattr(snapshots_of_platform, "proving", lambda *_: nullcontext(lambda _: wait))
    match fault.where:
        case "write":
            monkeypatch.setattr(snapshots_of_platform, "write", fail)
        case "fsync":
            monkeypatch.setattr("stockroom.snapshots.store.os.fsync", fail)
        case "rename":
            monkeypatch.setattr(Path, "replace", fail)
        case "mkdir":
            monkeypatch.setattr("stockroom.snapshots.store.tempfile.NamedTemporaryFile", fail)


def deleted(path: Path) -> None:
    path.unlink()


def set_aside(path: Path) -> None:
    path.rename(path.with_suffix(".refused"))


@pytest.mark.parametrize("vanish", [deleted, set_aside])
@pytest.mark.parametrize("when", ["before it is opened", "while it is loaded", "before it is refused"])
def test_another_command_takes_a_snapshot_away(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, vanish: Callable[[Path], None], when: str
) -> None:
    path = platform.save(platform.here)
    platform.save(platform.here.unseeded())
    where = {"before it is opened": "start_with", "while it is loaded": "adopt", "before it is refused": "_check"}[when]
    original: Any = getattr(PlatformSnapshots, where)

    def take_away(self: PlatformSnapshots, *arguments: Any) -> Any:
        if path.exists():
            vanish(path)
            if when == "before it is refused":
                raise RefusedStateError("no")
        return original(self, *arguments)

    monkeypatch.setattr(PlatformSnapshots, where, take_away)
    begun = platform.snapshots().begin(platform.here)
    assert begun is not None
    assert begun[0].parts == (platform.here if when == "while it is loaded" else platform.here.unseeded())
    assert len(platform.notes.lines) == (0 if when == "while it is loaded" else 1)


def test_the_port_is_looked_at_before_a_snapshot_is_chosen(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    path = platform.save(platform.here)
    monkeypatch.setattr(Engine, "check", LocalStackEngine.check)
    with socket.create_server(("127.0.0.1", platform.settings.port)):
        with pytest.raises(StockroomError, match=f"port {platform.settings.port} is taken by"):
            platform.snapshots().begin(platform.here)
        assert path.exists()
    assert platform.notes.lines == []
