"""Lets DynamoDB Local and Kinesis Mock boot while LocalStack is being imported, which takes as long."""

from __future__ import annotations

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
BOOTING: dict[str, Booting] = {}


def begin(settings: Settings, temporary: Path) -> None:
    """Those of the services that are to be started early. Raises NotInstalledError."""
    if settings.state:
        backend_commands.put_kinesis_data(settings.state / "kinesis", temporary)
    if "dynamodb" in settings.services:
        port = backend_commands.free_port()
        BOOTING["dynamodb"] = Booting(backend_commands.start_dynamodb_local(settings, port, temporary), port)
    if "kinesis" in settings.services:
        port = backend_commands.free_port()
        started = backend_commands.start_kinesis_mock(settings, port, temporary, DEFAULT_ACCOUNT)
        BOOTING["kinesis"] = Booting(started, port)


def take(service: str) -> Booting | None:
    """The backend of the service that is booting, if there is one; whoever takes it ends it."""
    return BOOTING.pop(service, None)
