"""The state with which an emulator begins: nobody is answered before it is loaded."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from stockroom_localstack.lifecycle import shutdown
from stockroom_localstack.lifecycle.early_start import EarlyStart

from .gate import GATE

LOG = logging.getLogger(__name__)

FAILED, BAD_STATE = 1, 3  # exit statuses
LOOK_EVERY_SECONDS = 0.01


class StateMissingError(RuntimeError):
    """The folder of the state with which the emulator was to begin did not appear."""


def load(folder: Path, parent: int, early_services: Sequence[str], start: EarlyStart) -> None:
    """Load the state with which the emulator begins, in a thread. Ends the emulator when it can't be loaded.

    Nobody is answered before it is loaded, not even who asks whether the emulator is ready.
    """
    from . import snapshot

    GATE.close_until_loaded()
    try:
        _wait_for(folder, parent)
        about = snapshot.read_about(folder)
    except Exception as error:
        _end(error)

    def load_it() -> None:
        try:
            snapshot.load_at_start(folder)
        except Exception as error:
            _end(error)

    services = dict.fromkeys([*early_services, *about["services"]])
    start([*services], then=load_it)


def prove(folder: Path, parent: int, early_services: Sequence[str], start: EarlyStart) -> NoReturn:
    """Load the state as `load` does, and end the emulator: with status 0 if it could be loaded. Nobody is ever
    answered, and nothing that is loaded begins to work."""
    from . import snapshot

    GATE.close_until_loaded()

    def load_it() -> None:
        try:
            _wait_for(folder, parent)
            snapshot.prove(folder)
        except Exception as error:
            _end(error)
        shutdown.end_at_once(0)

    # What is started early is there already when the state, which is being saved meanwhile, is there.
    start(early_services, then=load_it)
    while True:
        signal.pause()


def _end(error: Exception) -> NoReturn:
    from .snapshot import BadStateError

    LOG.debug("the state that could not be loaded", exc_info=error)
    print(f"The state could not be loaded: {error}", file=sys.stderr)
    shutdown.end_at_once(BAD_STATE if isinstance(error, BadStateError) else FAILED)


def _wait_for(folder: Path, parent: int) -> None:
    """Wait for the folder, which appears with all that is in it: the toolkit, whose process is our parent, unpacks it.

    Raises StateMissingError when the toolkit ended before it was done.
    """
    while not folder.exists():
        if os.getppid() != parent:
            raise StateMissingError(f"nobody is there any more to put a state into {folder}")
        time.sleep(LOOK_EVERY_SECONDS)
