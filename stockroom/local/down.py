"""Taking the local platform down, with or without keeping its data."""

from __future__ import annotations

import shutil
from contextlib import suppress

from stockroom.console import Steps
from stockroom.engines import Engine, make_engine
from stockroom.errors import StockroomError
from stockroom.local.running import platform_lock
from stockroom.settings import Settings
from stockroom.snapshots.platform import open_snapshots, unavailable_reason, unfinished
from stockroom.snapshots.record import (
    forget_started,
    kept_file,
    read_record,
    read_started,
)
from stockroom.system.processes import processes_in, stop

# What a platform keeps in its folder; it may be a folder of the user's, so nothing else in it is touched.
_PLATFORM_FOLDERS = ("committed", "engine", "folders", "kept", "proof", "seed", "terraform", "unpacked")


def infra_down(settings: Settings, keep_state: bool, steps: Steps) -> bool:
    """Stop the engine and everything of ours; without `keep_state` also remove what the platform keeps in its folder.

    With it, the next `infra-up` goes on with the data. Raises StockroomError, and stops nothing, when that can't be
    kept; and when the emulator has ended by itself, with its data. Returns whether anything was running.
    """
    with platform_lock(settings, "invoke infra-down", steps):
        engine = make_engine(settings)
        lost = False
        if keep_state and engine.is_running():
            _keep_data(settings, engine, steps)
        elif keep_state:
            lost = read_started(settings.engine_dir) is not None
        forget_started(settings.engine_dir)  # before it is stopped: a command that is killed then has lost nothing
        with steps.step("engine") as step:
            stopped = engine.stop()
            step.say("stopped" if stopped else "was not running")
        left = list(processes_in(settings.run_dir))
        stop(left, patience=10)
        if not keep_state:
            for name in _PLATFORM_FOLDERS:
                shutil.rmtree(settings.run_dir / name, ignore_errors=True)
            with suppress(OSError):
                settings.run_dir.rmdir()
        if lost:
            raise _nothing_to_keep(settings)
        return stopped or bool(left)


def _nothing_to_keep(settings: Settings) -> StockroomError:
    kept = kept_file(settings.run_dir).exists()
    return StockroomError(
        "the emulator had ended by itself, and the data in it is lost: there was nothing to keep",
        f"`invoke infra-up` {'goes on with what was kept before' if kept else 'starts afresh'}; "
        "`invoke logs` shows the emulator's last words",
    )


def _keep_data(settings: Settings, engine: Engine, steps: Steps) -> None:
    if reason := unavailable_reason(settings):
        steps.note(f"the data is not kept: {reason}")
        return
    with steps.step("data") as step:
        try:
            snapshots = open_snapshots(settings, engine, steps)
            header = read_record(settings.engine_dir) or read_started(settings.engine_dir) or unfinished(settings)
            header = snapshots.save_to(kept_file(settings.run_dir), header, overwrite=True)
        except StockroomError as error:
            error.hint = "nothing was stopped; `invoke infra-down` stops it without keeping its data"
            raise
        step.say(f"kept {header.bytes >> 20} MB; `invoke infra-up` goes on with it")
