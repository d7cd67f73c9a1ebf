"""Ends the emulator at once: when it is told to, and when it can't go on."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from localstack import config
from localstack.runtime import hooks

BEFORE_ALL_OTHERS = 1000


@hooks.on_infra_shutdown(priority=BEFORE_ALL_OTHERS)
def stockroom() -> None:
    """End at once: there is nothing to save without persistence.

    LocalStack's own shutdown takes four seconds and sometimes never ends: a service that was stopped is started
    again by the next one that stops, with a thread that nobody ends.
    """
    if not config.PERSISTENCE:
        end_at_once(0)


def end_at_once(status: int) -> NoReturn:
    """Ends the emulator from whatever thread, with this exit status; child processes end with their lifelines."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
