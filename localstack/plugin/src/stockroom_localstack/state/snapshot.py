"""Saves the emulator's whole state into a folder, and loads it from there."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from moto.core.model_instances import model_data

from . import background, hooks, own_data, roots, running, settling
from .gate import GATE, Kind
from .objects import ObjectsReader, ObjectsWriter
from .pickles import StatePickler, StateUnpickler

FORMAT = 2
ABOUT, STORES, OBJECTS = "emulator.json", "stores.pickle", "objects"
S3_STORE = "provider s3:_storage_backend"

INVOCATIONS_SECONDS = 1.0  # somebody waits, and what does not end in time comes again
REQUESTS_SECONDS = 1.0
REST_SECONDS = 0.2
TRIES = 3
SETTLE_SECONDS = 600.0
SETTLED_EVERY_SECONDS = 0.5
LEFT = "somebody has changed something since"

_one_at_a_time = threading.Lock()


class StateError(Exception):
    """One line: why a state could not be saved or loaded."""


class BadStateError(StateError):
    """The fault lies in the state itself: nobody can ever load it."""


def save(target: Path, unless_left: str | None = None) -> dict[str, Any]:
    """Write the state into the folder `target`, which then holds all of it, or what it held before.

    unless_left: the moment (Gate.moment) that must not have passed. Returns how long it took in seconds, its bytes,
    the services in it and its moment. Raises StateError.
    """
    with _one_at_a_time:
        began = time.monotonic()
        draft = target.with_name(f"{target.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        with background.event_sources_rest():
            for action in hooks.BEFORE_SAVING:
                action()
            GATE.wait_until_quiet(Kind.WORK, background.is_queued, INVOCATIONS_SECONDS)
            try:
                GATE.admit(Kind.WORK)
                GATE.wait_until_quiet(Kind.OUTSIDE, background.is_queued, REQUESTS_SECONDS)
                GATE.admit(Kind.NOTHING)
                GATE.wait_until_quiet(Kind.OUTSIDE, lambda: False, REST_SECONDS)
                moment = GATE.moment()
                if unless_left not in (None, moment):
                    raise StateError(LEFT)
                saved = _write(draft)
            except Exception:
                shutil.rmtree(draft, ignore_errors=True)
                raise
            finally:
                GATE.open()
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
        size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
        seconds = round(time.monotonic() - began, 3)
        return {"seconds": seconds, "bytes": size, "services": saved, "moment": moment}


def save_settled(target: Path, moment: str) -> dict[str, Any]:
    """As `save`, once all that follows from what happened before that moment has happened.

    Raises StateError when somebody outside changes anything meanwhile, or when that takes too long.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    while not settling.is_settled():
        if GATE.moment() != moment:
            raise StateError(LEFT)
        if time.monotonic() > deadline:
            raise StateError("what is on its way does not come to an end")
        time.sleep(SETTLED_EVERY_SECONDS)
    return save(target, unless_left=moment)


def load(folder: Path) -> dict[str, Any]:
    """Put the running emulator back to a saved state. Returns as `save`.

    Raises StateError: the state is then neither the old nor the saved one.
    """
    with _one_at_a_time:
        began = time.monotonic()
        about = read_about(folder)
        _start(about["services"])
        try:
            GATE.admit(Kind.WORK)
            for _, provider, its in hooks.of_running():
                its.before_replacing(provider)
            GATE.wait_until_quiet(Kind.OUTSIDE, lambda: False, REQUESTS_SECONDS)
            GATE.admit(Kind.NOTHING)
            GATE.refuse_held_work()
            _replace(folder, {*about["services"], *running.running_services()})
            GATE.admit(Kind.WORK)
            _resume()
        finally:
            GATE.open()
        return {"seconds": round(time.monotonic() - began, 3), "services": about["services"]}


def load_at_start(folder: Path) -> None:
    """Load the state in an emulator that admits nobody yet. Raises StateError."""
    with _one_at_a_time:
        _replace(folder, read_about(folder)["services"])
        _resume()
        GATE.open()


def prove(folder: Path) -> None:
    """Do all that `load_at_start` does in an emulator that never admits anything, not even its own work.

    Raises StateError when the state can't be loaded.
    """
    with _one_at_a_time:
        about = read_about(folder)
        _start(about["services"])
        GATE.admit(Kind.NOTHING)
        _replace(folder, about["services"])
        own_data.check(folder)
        _resume()


def read_about(folder: Path) -> dict[str, Any]:
    """What a saved state says of itself, its services among it. Raises StateError."""
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text())
    except (FileNotFoundError, ValueError) as error:
        raise BadStateError(f"{folder} holds no state of an emulator: {error}") from error
    except OSError as error:
        raise StateError(f"{folder} can't be read: {error}") from error
    if about.get("format") != FORMAT:
        raise BadStateError(f"{folder} holds a state of another version")
    return about


def _write(folder: Path) -> list[str]:
    """Returns the names of the services."""
    for _, provider, its in hooks.of_running():
        if reason := its.why_not_saved(provider):
            raise StateError(reason)
    services = running.running_services()
    with ThreadPoolExecutor(1, "save-own-data") as pool:
        saving = pool.submit(own_data.save, folder)
        for attempt in range(1, TRIES + 1):
            try:
                _write_stores(folder)
                break
            except RuntimeError as error:  # something changed while it was read: an invocation that nobody waited for
                if attempt == TRIES:
                    raise StateError(f"the state does not come to rest: {error}") from error
        saving.result()
    (folder / ABOUT).write_text(json.dumps({"format": FORMAT, "services": services}))
    return services


def _write_stores(folder: Path) -> None:
    known = roots.loaded()
    names = {id(root): name for name, root in [*known.items(), *roots.objects().items()]}
    contents = [(name, *roots.content(root)) for name, root in known.items() if root]
    reducers = {kind: reduce for *_, its in hooks.of_running() for kind, reduce in its.reducers().items()}
    with (folder / STORES).open("wb") as stores, (folder / OBJECTS).open("wb") as objects:
        writer = ObjectsWriter(objects)
        pickler = StatePickler(stores, names, writer.place, reducers)
        pickler.dump([name for name, *_ in contents])
        # One after the other, so that it is known which can't be saved or loaded; the pickler knows what it has written
        # of the others before, so that what they share is still shared.
        for name, *content in contents:
            try:
                pickler.dump(content)
            except (OSError, RuntimeError):
                raise
            except Exception as error:
                raise StateError(f"{name} can't be saved: {_in_one_line(error)}") from error


def _start(services: Collection[str]) -> None:
    for service in services:
        running.started(service)


def _resume() -> None:
    """Make anew what is derived from the state, and let work begin."""
    for _, provider, its in hooks.of_running():
        its.after_replacing(provider)
    for _, provider, its in hooks.of_running():
        its.resume(provider)


def _replace(folder: Path, names: Collection[str]) -> None:
    """names: of the services that are to run."""
    try:
        with ThreadPoolExecutor(3, "load-own-data") as pool:
            loads = [pool.submit(load) for load in own_data.loads(folder, names)]
            for service in hooks.LOADERS:
                if service in names:
                    hooks.hooks_of(service).before_reading()
            _read_stores(folder)
            for load in loads:
                load.result()
    except StateError:
        raise
    except Exception as error:
        raise StateError(f"{folder} can't be loaded: {_in_one_line(error)}") from error


def _read_stores(folder: Path) -> None:
    s3_store = roots.objects().get(S3_STORE)
    _forget_instances()
    with (folder / STORES).open("rb") as stores, (folder / OBJECTS).open("rb") as objects:
        reader = ObjectsReader(objects, s3_store) if s3_store else None
        unpickler = StateUnpickler(stores, roots.find, reader)
        saved = {name: _read(unpickler, name) for name in _read(unpickler, "the list of all stores")}
    for name, root in roots.loaded().items():
        if name not in saved:
            roots.fill(root, (), {})
    for name, (held, attributes) in saved.items():
        roots.fill(roots.find(name), held, attributes)


def _read(unpickler: StateUnpickler, what: str) -> Any:
    """The next of what was written. Raises BadStateError for what nobody can read, OSError and others for the machine's
    faults."""
    try:
        return unpickler.load()
    except (OSError, MemoryError):
        raise
    except Exception as error:
        raise BadStateError(f"{what} can't be loaded: {_in_one_line(error)}") from error


def _in_one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _forget_instances() -> None:
    """moto keeps every object that it ever made, for a reset that LocalStack does not know."""
    for models in model_data.values():
        for model in models.values():
            model.instances_tracked.clear()  # type: ignore[attr-defined]
