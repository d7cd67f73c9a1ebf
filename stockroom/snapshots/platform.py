"""What one platform does with snapshots: begin with one, see that nothing has changed, take one of itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

from stockroom.aws import session_for
from stockroom.console import Steps
from stockroom.deployed.completeness import Counts, find_missing, prepare
from stockroom.engines import Engine, make_engine
from stockroom.engines.emulator_state import (
    Moment,
    RefusedStateError,
    copy_state,
    load_state,
    read_moment,
    save_state,
    state_folder,
)
from stockroom.engines.localstack import LocalStackEngine
from stockroom.environments import LOCAL, read_environment
from stockroom.errors import StockroomError
from stockroom.explain import explain
from stockroom.seeder import Seeder
from stockroom.settings import Settings
from stockroom.snapshots import background
from stockroom.snapshots.archive import Header, UntrustedError, unpack, verify, write
from stockroom.snapshots.keys import Parts, first_choice, fits_emulator, may_begin, on_emulator
from stockroom.snapshots.proof import proving
from stockroom.snapshots.record import (
    forget_base,
    forget_record,
    forget_started,
    keep_base,
    kept_file,
    read_record,
    read_seen,
    read_started,
    write_record,
    write_seen,
    write_started,
)
from stockroom.snapshots.signing import data_folder, signing_keys
from stockroom.snapshots.sources import read_parts
from stockroom.snapshots.store import Bounds, Entry, Store, put
from stockroom.stacks import read_manifests, seeders

if TYPE_CHECKING:
    import boto3

UNPACKED = "unpacked"
"""Folder of the platform where a state is unpacked before its emulator starts."""

PROOF = "proof"
"""Folder of the platform where an emulator proves that a state can be loaded."""


class NotWholeError(StockroomError):
    """A snapshot was loaded, and does not hold what it says."""


# Records of a table's stream expire after a day, and those of seeded data are unread when a snapshot is taken.
_RECORDS_LIVE = timedelta(hours=20)


def unavailable_reason(settings: Settings) -> str | None:
    """Why there are no snapshots with these settings, or None."""
    if not make_engine(settings).capabilities.snapshots:
        return f"the engine `{settings.engine}` has no snapshots"
    return "STOCKROOM_SNAPSHOTS=off switches snapshots off" if settings.snapshots == "off" else None


def open_snapshots(settings: Settings, engine: Engine, steps: Steps) -> PlatformSnapshots:
    """Raises StockroomError where there are none, or nothing can be signed; drafts of killed commands are removed."""
    if (reason := unavailable_reason(settings)) or not isinstance(engine, LocalStackEngine):
        raise StockroomError(reason or "this engine has no snapshots", "docs/snapshots.md tells when there are some")
    shared = settings.snapshot_key.get_secret_value() if settings.snapshot_key else None
    keys = signing_keys(shared, data_folder(os.environ))
    store = Store(settings.snapshots_dir)
    store.clean()
    return PlatformSnapshots(settings, engine, store, keys, steps)


@dataclass(frozen=True)
class PlatformSnapshots:
    """The snapshots of a checkout as one platform sees them. `keys` sign them, see signing_keys."""

    settings: Settings
    engine: LocalStackEngine
    store: Store
    keys: list[bytes]
    steps: Steps

    @cached_property
    def session(self) -> boto3.Session:
        return session_for(read_environment(LOCAL), self.engine.endpoint)

    def is_unchanged(self, wanted: Parts) -> bool:
        """Whether the running platform is what is wanted already, and whole."""
        record = read_record(self.settings.engine_dir)
        # An emulator of another version runs on until it is stopped, and says nothing about what is deployed to it.
        if record is None or not record.parts.covers(on_emulator(wanted, record.parts)):
            return False
        with self.steps.step("check") as step:
            if self._is_as_seen():
                step.say("nothing has changed since everything was there")
                return True
            missing = self.missing(record)
            step.say(f"missing: {', '.join(missing)}" if missing else "nothing has changed, and everything is there")
        return not missing

    def _is_as_seen(self) -> bool:
        moment = self._moment()
        return moment is not None and moment.name == read_seen(self.settings.engine_dir)

    def _moment(self) -> Moment | None:
        with suppress(StockroomError):
            return read_moment(self.engine.endpoint)
        return None

    def missing(self, header: Header) -> list[str]:
        """What a running platform lacks of what the header tells, in words; that it lacks nothing is noted."""
        moment, parts = self._moment(), header.parts
        missing = find_missing(
            read_environment(LOCAL), self.session, parts.stacks, parts.release, header.counts, self._seeders(parts)
        )
        if moment and not missing:
            write_seen(self.settings.engine_dir, moment.name)
        return missing

    def _seeders(self, parts: Parts) -> dict[str, Seeder]:
        return seeders(read_manifests(), parts.seeds)

    def may_begin(self, wanted: Parts) -> bool:
        """Whether `begin` may find something, whatever release is wanted."""
        return kept_file(self.settings.run_dir).exists() or may_begin(
            wanted, (one.header.parts for one in self._fresh())
        )

    def _fresh(self) -> list[Entry]:
        now = datetime.now(UTC)
        return [entry for entry in self.store.automatic() if is_fresh(entry.header, now)]

    def begin(self, wanted: Parts, watch: Callable[[], None] = lambda: None) -> tuple[Header, bool] | None:
        """Start the engine with what `infra-down --keep-state` kept, or else with the best snapshot.

        Returns what it then holds and whether that was kept; None where the engine is to start afresh. Raises
        StockroomError where that would lose what was kept, and where no engine could start. `watch` is called before a
        snapshot is given up, and may raise.
        """
        self.engine.check()
        if kept := self._begin_with_kept(wanted):
            return kept, True
        entries = self._fresh()
        while choice := first_choice(wanted, (entry.header.parts for entry in entries)):
            entry = next(entry for entry in entries if entry.header.parts == choice)
            if self._begin_with(entry, watch):
                self._settle(entry.header)
                return entry.header, False
            entries.remove(entry)
        return None

    def _begin_with(self, entry: Entry, watch: Callable[[], None]) -> bool:
        """Start the engine with the snapshot; when that can't be used, it is told and nothing runs.

        Only one that is proven to be of no use is set aside: a full disk or a killed emulator says nothing about it,
        and what somebody else signed is not ours to judge.
        """
        try:
            header = self.start_with(entry.path)
            if header != entry.header:
                raise UntrustedError("it is not what it was a moment ago")
            self._check(header)
        except Exception as error:
            known = explain(error) or (StockroomError(str(error)) if isinstance(error, OSError) else None)
            if known is None:
                raise
            self.engine.stop()
            forget_started(self.settings.engine_dir)
            watch()
            if isinstance(error, RefusedStateError | NotWholeError):
                self.store.set_aside(entry)
            reason = ": ".join([known.message, *(known.details or "").splitlines()[-1:]])
            self.steps.note(f"the snapshot {entry.header.parts.key[:12]} can't be used: {reason}")
            return False
        with suppress(FileNotFoundError):  # another command may have deleted it meanwhile
            os.utime(entry.path)
        self.adopt(header)
        return True

    def _settle(self, header: Header) -> None:
        """Have the snapshot that the platform began with replaced when its data has been processed, if it was not."""
        if not header.parts.seeded or header.settled:
            return
        moment = self._moment()
        if moment and moment.untouched:
            self._pack(header, None, moment.name)

    def _begin_with_kept(self, wanted: Parts) -> Header | None:
        path = kept_file(self.settings.run_dir)
        if not path.exists():
            return None
        hint = "`invoke infra-down` drops what was kept; then `invoke infra-up` starts afresh"
        try:
            with path.open("rb") as file:
                header = verify(file, self.keys)
        except UntrustedError as error:
            # A key that was changed, or that is not set in this shell, makes a good one look like that too.
            raise StockroomError(f"what `infra-down --keep-state` kept can't be used: {error.message}", hint) from None
        if not fits_emulator(header.parts, wanted):
            raise StockroomError("another emulator made what `infra-down --keep-state` kept", hint)
        try:
            self.start_with(path)
        except StockroomError as error:
            error.hint = hint
            raise
        # It stays until `infra-down`: should the emulator be killed, it is what the next start goes on with.
        self.adopt(header)
        return header

    def start_with(self, path: Path) -> Header:
        """Start the engine with a snapshot. Raises StockroomError when that can't be used."""
        folder = self.settings.run_dir / UNPACKED
        shutil.rmtree(folder, ignore_errors=True)
        with path.open("rb") as file, ThreadPoolExecutor() as pool:

            def verified() -> Header:
                with self.steps.step("snapshot") as step:
                    header = verify(file, self.keys)
                    step.say(f"{label_of_snapshot(header)} is intact")
                return header

            def unpacked() -> Path:
                verifying.result()
                unpack(file, folder)
                return folder

            verifying = pool.submit(verified)
            try:
                with self.steps.step("engine") as step:
                    self.engine.start(step.say, pool.submit(unpacked))
                    pool.submit(lambda: prepare(self.session))
                    self.engine.wait_until_ready()
                    step.say(f"{self.engine.name} ready at {self.engine.endpoint}, with what was saved")
            except BaseException:
                self.engine.stop()  # it may wait for a state that never comes
                raise
            write_started(self.settings.engine_dir, unfinished(self.settings))
            return verifying.result()

    def _check(self, header: Header) -> None:
        with self.steps.step("check") as step:
            if missing := self.missing(header):
                raise NotWholeError(f"{', '.join(missing)} missing")
            step.say("everything is there")

    def adopt(self, header: Header) -> None:
        """Note that the engine now holds what lies in its state folder."""
        keep_base(self.settings.engine_dir, header, state_folder(self.settings.engine_dir))
        write_record(self.settings.engine_dir, header)

    def forget(self) -> None:
        """Note that the platform is being changed."""
        forget_record(self.settings.engine_dir)

    def take(self, parts: Parts, counts: Counts, publish: bool) -> None:
        """Save the platform's state to go back to, and with `publish` for others to begin with, in the background.

        A state that can't be saved is told of, and is no reason to stop.
        """
        engine_dir = self.settings.engine_dir
        if started := read_started(engine_dir):
            parts = on_emulator(parts, started.parts)
        header = Header(parts, _now(), 0, None, {stack: dict(counted) for stack, counted in counts.items()})
        with self.steps.step("snapshot") as step:
            try:
                saved = save_state(self.engine.endpoint)
                header = replace(header, bytes=saved.bytes)
                self.adopt(header)
                write_seen(engine_dir, saved.moment)
                step.say(f"{header.bytes >> 20} MB of state")
            except StockroomError as error:
                forget_base(engine_dir)
                write_record(engine_dir, header)
                step.fail(f"not saved: {error.message}")
                return
            if publish:
                folder = engine_dir / f"saving-{parts.key[:12]}"
                copy_state(state_folder(engine_dir), folder)
                self._pack(header, folder, saved.moment)
                step.say(f"{step.text}, being packed as {parts.key[:12]}")

    def _pack(self, header: Header, state: Path | None, moment: str) -> None:
        """Let the background pack the state, and what becomes of it when the seeded data has been processed."""
        engine_dir = self.settings.engine_dir
        bounds = Bounds(self.settings.snapshots_kept, self.settings.snapshots_mb << 20)
        settling = background.Settling(self.engine.endpoint, engine_dir, self.settings.platform_lock, moment)
        job = background.Job(self.store.folder, bounds, self.keys[0], header, state)
        background.begin(replace(job, settling=settling) if header.parts.seeded else job, engine_dir)

    def save_to(self, path: Path, header: Header, overwrite: bool) -> Header:
        """Save the running platform in a file, under the header with time and size of now.

        Raises FileExistsError when there is one that is not to be replaced, and StockroomError when what was saved is
        not proven to be good: it was loaded once, as the next start will load it.
        """
        with proving(self.settings, self.settings.run_dir / PROOF) as prove:
            header = replace(header, created=_now(), bytes=save_state(self.engine.endpoint).bytes, settled=False)
            state = state_folder(self.settings.engine_dir)
            wait_until_proven = prove(state)

            def write_proven(file: IO[bytes]) -> None:
                write(file, header, state, self.keys[0])
                wait_until_proven()

            put(path, write_proven, overwrite)
        return header

    def load_running(self, path: Path) -> Header:
        """Put the running engine to a snapshot. Raises StockroomError when that can't be used."""
        state, draft = state_folder(self.settings.engine_dir), self.settings.run_dir / UNPACKED
        shutil.rmtree(draft, ignore_errors=True)
        with path.open("rb") as file:
            header = verify(file, self.keys)
            unpack(file, draft)
        shutil.rmtree(state, ignore_errors=True)
        draft.replace(state)
        self.forget()
        load_state(self.engine.endpoint)
        self.adopt(header)
        return header

    def reset(self, base: Header, folder: Path) -> None:
        """Put the running engine back to its base."""
        copy_state(folder, state_folder(self.settings.engine_dir))
        self.forget()
        load_state(self.engine.endpoint)
        write_record(self.settings.engine_dir, base)


def is_fresh(header: Header, now: datetime) -> bool:
    """Whether data that was on its way when it was saved can still arrive."""
    # However the clock was put right since then.
    return not header.parts.seeded or abs(now - datetime.fromisoformat(header.created)) < _RECORDS_LIVE


def label_of_snapshot(header: Header) -> str:
    """A snapshot in a few words."""
    name = f"'{header.name}'" if header.name else header.parts.key[:12]
    return f"{name} of {header.created[:16].replace('T', ' ')} UTC, {header.bytes >> 20} MB"


def unfinished(settings: Settings) -> Header:
    """The header of a running platform that no command made whole: nothing is known of it but its emulator."""
    return Header(read_parts(settings, None, [], "", {}, read_manifests()), _now(), 0, None, {})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
