"""`invoke snapshot.…` and `invoke reset`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from stockroom.console import Steps
from stockroom.engines import make_engine
from stockroom.environments import LOCAL, enter_local_environment, read_environment
from stockroom.errors import StockroomError
from stockroom.local.running import platform_lock, running_engine
from stockroom.settings import Settings
from stockroom.snapshots.archive import Header, UntrustedError, sign_again, verify
from stockroom.snapshots.keys import Parts, fits_emulator
from stockroom.snapshots.platform import PlatformSnapshots, label_of_snapshot, open_snapshots, unfinished
from stockroom.snapshots.record import BASE, read_base, read_record
from stockroom.snapshots.store import Entry, check_name, put


def save(settings: Settings, name: str, steps: Steps) -> None:
    """Save the running platform under a name."""
    check_name(name)
    with platform_lock(settings, f"invoke snapshot.save {name}", steps):
        snapshots = _open(settings, steps)
        running_engine(settings)
        record = read_record(settings.engine_dir)
        if record is None:
            raise StockroomError(
                "the platform is not whole, so it can't be saved", "complete it with `invoke infra-up`"
            )
        path = snapshots.store.named(name)
        if path.exists():
            raise _exists(name)
        with steps.step("snapshot") as step:
            header = snapshots.save_to(path, replace(record, name=name), overwrite=False)
            step.say(f"saved {label_of_snapshot(header)}; {path.stat().st_size >> 20} MB on disk")


def load(settings: Settings, name: str, steps: Steps) -> None:
    """Put the platform to what was saved under a name; starts it where it does not run."""
    enter_local_environment(settings.local_endpoint, read_environment(LOCAL).region)
    with platform_lock(settings, f"invoke snapshot.load {name}", steps):
        snapshots = _open(settings, steps)
        entry = _find(snapshots, name)
        wanted = unfinished(settings).parts
        if not fits_emulator(entry.header.parts, wanted):
            raise StockroomError(
                f"the snapshot '{name}' can't be loaded here: it is of another {_difference(entry.header, wanted)}",
                "use the version of Stockroom and the STOCKROOM_PORT that it was saved with",
            )
        if not snapshots.engine.is_running():
            header = snapshots.start_with(entry.path)
            snapshots.adopt(header)
        else:
            with steps.step("snapshot") as step:
                header = snapshots.load_running(entry.path)
                step.say(f"loaded {label_of_snapshot(header)}")
        _check_whole(snapshots, header)


def reset(settings: Settings, steps: Steps) -> None:
    """Put the running platform back to where the last `infra-up` or `snapshot.load` left it."""
    with platform_lock(settings, "invoke reset", steps):
        snapshots = _open(settings, steps)
        running_engine(settings)
        base = read_base(settings.engine_dir)
        if base is None:
            raise StockroomError(
                "there is nothing to go back to: no state of this platform was saved",
                "`invoke infra-down && invoke infra-up` starts afresh",
            )
        with steps.step("reset") as step:
            snapshots.reset(base, settings.engine_dir / BASE)
            step.say(f"back to {label_of_snapshot(base)}")


def delete(settings: Settings, name: str, steps: Steps) -> None:
    """Delete a snapshot by its name, or by the begin of its key."""
    entry = _find(_open(settings, steps), name)
    entry.path.unlink(missing_ok=True)
    steps.note(f"deleted {label_of_snapshot(entry.header)}")


def export(settings: Settings, file: str, name: str, steps: Steps) -> None:
    """Write a snapshot to a file, signed with STOCKROOM_SNAPSHOT_KEY if that is set; without a name the last used."""
    snapshots = _open(settings, steps)
    target = Path(file).expanduser().absolute()
    entry = _find(snapshots, name) if name else next(iter(snapshots.store.automatic()), None)
    if entry is None:
        raise StockroomError("there is no snapshot yet", "`invoke infra-up` saves one")
    with entry.path.open("rb") as source:
        header = verify(source, snapshots.keys)
        put(target, lambda written: sign_again(source, written, header, snapshots.keys))
    steps.note(f"wrote {label_of_snapshot(header)} to {target}")
    if settings.snapshot_key is None:
        steps.note("only this machine accepts it: set STOCKROOM_SNAPSHOT_KEY here and there to share it")


def import_(settings: Settings, file: str, steps: Steps) -> None:
    """Take a snapshot from a file that `snapshot.export` wrote, if it was signed with a key of here."""
    snapshots = _open(settings, steps)
    path = Path(file).expanduser().absolute()
    with path.open("rb") as source:
        try:
            header = verify(source, snapshots.keys)
        except UntrustedError as error:
            raise StockroomError(
                f"{path} is not accepted: {error.message}",
                "it must be signed with this machine's key, or with the STOCKROOM_SNAPSHOT_KEY that is set here",
            ) from None
        target = snapshots.store.path(header)
        if header.name and target.exists():
            raise _exists(header.name)
        put(target, lambda written: sign_again(source, written, header, snapshots.keys))
    steps.note(f"took {label_of_snapshot(header)}")


def table(settings: Settings, steps: Steps) -> Table | str:
    """Every snapshot: name or key, when it was saved, sizes, whether it is intact and of this emulator."""
    snapshots = _open(settings, steps)
    entries = snapshots.store.all()
    if not entries:
        return "there are no snapshots yet; `invoke infra-up` saves one"
    here = unfinished(settings).parts
    running = read_record(settings.engine_dir)
    shown = Table(
        "name", "saved (UTC)", "release", "data", "MB", "on disk", "", box=None, pad_edge=False, header_style="dim"
    )
    with ThreadPoolExecutor() as pool:
        for entry, state in zip(entries, pool.map(lambda one: _state(snapshots, one), entries), strict=True):
            header = entry.header
            notes = [state] if state else []
            notes += [] if fits_emulator(header.parts, here) else [f"of another {_difference(header, here)}"]
            notes += ["runs now"] if running and running.parts == header.parts and not header.name else []
            shown.add_row(
                escape(header.name or header.parts.key[:12]),
                header.created[:16].replace("T", " "),
                escape(header.parts.release[:12]),
                "none" if not header.parts.seeded else "processed" if header.settled else "seeded",
                str(header.bytes >> 20),
                str(entry.size >> 20),
                escape(", ".join(notes)),
            )
    return shown


def _difference(header: Header, here: Parts) -> str:
    """In words, why an emulator can't take a state."""
    if header.parts.endpoint != here.endpoint:
        return f"endpoint ({header.parts.endpoint})"
    return "version of the emulator"


def _state(snapshots: PlatformSnapshots, entry: Entry) -> str | None:
    try:
        with entry.path.open("rb") as file:
            verify(file, snapshots.keys)
    except UntrustedError:
        return "damaged or not of this machine"
    except OSError as error:
        return str(error.strerror)
    return None


def _open(settings: Settings, steps: Steps) -> PlatformSnapshots:
    return open_snapshots(settings, make_engine(settings), steps)


def _check_whole(snapshots: PlatformSnapshots, header: Header) -> None:
    if missing := snapshots.missing(header):
        raise StockroomError(
            f"the platform is not whole, missing: {', '.join(missing)}", "mend it with `invoke infra-up`"
        )


def _find(snapshots: PlatformSnapshots, name: str) -> Entry:
    """A snapshot by its name, or by the begin of its key, of which six characters are enough."""
    check_name(name)
    entries = snapshots.store.all()
    found = [entry for entry in entries if entry.header.name == name]
    if not found and len(name) >= 6:
        found = [entry for entry in entries if not entry.header.name and entry.path.name.startswith(name)]
    if len(found) != 1:
        raise StockroomError(
            f"there {'is no' if not found else 'is more than one'} snapshot '{name}'",
            "`invoke snapshot.list` shows all",
        )
    return found[0]


def _exists(name: str) -> StockroomError:
    return StockroomError(
        f"there is a snapshot '{name}' already", f"take another name, or delete it with `invoke snapshot.delete {name}`"
    )
