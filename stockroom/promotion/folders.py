"""Where promotions work, and the engine that plays the account in a rehearsal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stockroom.console import Steps
from stockroom.engines import make_engine
from stockroom.project import HOME
from stockroom.settings import Settings
from stockroom.system.processes import processes_in
from stockroom.terraform.release_directory import UNSAVED_STATE

_FOLDERS_KEPT = 5
UNSAVED_STATES = f"*/terraform/stacks/*/{UNSAVED_STATE}"


def promotions_dir(settings: Settings, environment: str, rehearse: bool) -> Path:
    """Where promotions to an environment work; those of a rehearsal go with their engine."""
    return (settings.run_dir if rehearse else HOME) / "promotion" / environment


@contextmanager
def promotion_folder(top: Path, name: str) -> Iterator[Path]:
    """A folder for one promotion; those of earlier ones are removed but for a few, for those still at work, and for
    those that hold a state which nobody has saved yet."""
    folder = top / name
    folder.mkdir(parents=True)
    for old in sorted(path for path in top.iterdir() if path.is_dir())[:-_FOLDERS_KEPT]:
        if not any(processes_in(old)) and not any(old.glob(UNSAVED_STATES)):
            shutil.rmtree(old, ignore_errors=True)
    yield folder


def ensure_engine(settings: Settings, steps: Steps) -> None:
    """A rehearsal needs the local engine and no platform on it."""
    engine = make_engine(settings)
    if engine.status().state != "running":
        with steps.step("engine") as step:
            engine.start(step.say)
            engine.wait_until_ready()
            step.say(f"{engine.name} ready at {engine.endpoint}, which plays the account")
