"""Lets DynamoDB Local and Kinesis Mock boot while LocalStack is being imported, which takes as long."""

from __future__ import annotations

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from . import backend_commands
from .settings import Settings
from .supervisor import SupervisedProcess

DEFAULT_ACCOUNT = "000000000000"


class Booting(NamedTuple):
    """A backend that was started and that nobody has taken yet."""

    process: SupervisedProcess
    port: int


# In capitals: it is no state of the emulator (state/roots.py).
BOOTING: dict[str, Future[Booting]] = {}

TOOLKIT = os.getppid()
LOOK_EVERY_SECONDS = 0.01


class StateMissingError(RuntimeError):
    """The folder of the state with which the emulator was to begin did not appear."""


def begin(settings: Settings, temporary: Path) -> None:
    """Those of the services that are to be started early."""

    def boot_dynamodb_local() -> Booting:
        port = backend_commands.free_port()
        return Booting(backend_commands.start_dynamodb_local(settings, port, temporary), port)

    def boot_kinesis_mock() -> Booting:
        if settings.state:
            wait_for_state(settings.state)
            backend_commands.put_kinesis_data(settings.state / "kinesis", temporary)
        port = backend_commands.free_port()
        return Booting(backend_commands.start_kinesis_mock(settings, port, temporary, DEFAULT_ACCOUNT), port)

    pool = ThreadPoolExecutor(thread_name_prefix="boot")
    for service, boot in (("dynamodb", boot_dynamodb_local), ("kinesis", boot_kinesis_mock)):
        if service in settings.services:
            BOOTING[service] = pool.submit(boot)
    pool.shutdown(wait=False)


def take(service: str) -> Booting | None:
    """The backend of the service that is booting, if there is one; whoever takes it ends it.

    Raises NotInstalledError and StateMissingError.
    """
    booting = BOOTING.pop(service, None)
    return booting.result() if booting else None


def wait_for_state(folder: Path) -> None:
    """Until the folder is there, all of it at once: the toolkit, which started us, unpacks it meanwhile.

    Raises StateMissingError when the toolkit ended before it was done.
    """
    while not folder.exists():
        if os.getppid() != TOOLKIT:
            raise StateMissingError(f"nobody is there any more to put a state into {folder}")
        time.sleep(LOOK_EVERY_SECONDS)
