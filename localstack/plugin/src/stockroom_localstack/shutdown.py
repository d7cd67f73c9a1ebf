"""Ends the emulator as soon as it is told to."""

from __future__ import annotations

import os
import sys

from localstack import config
from localstack.runtime import hooks

BEFORE_ALL_OTHERS = 1000


@hooks.on_infra_shutdown(priority=BEFORE_ALL_OTHERS)
def stockroom() -> None:
    """LocalStack's own shutdown takes four seconds and sometimes never ends: a service that was stopped is started
    again by the next that stops, with a thread that nobody ends. Without persistence it has nothing to save, and child
    processes end with their lifelines."""
    if config.PERSISTENCE:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
