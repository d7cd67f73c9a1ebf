"""Lets DynamoDB Local boot while LocalStack is being imported, which takes as long."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from stockroom_localstack.backends.dynamodb_local import command
from stockroom_localstack.lifecycle.supervisor import SupervisedProcess
from stockroom_localstack.settings import Settings


class Booting(NamedTuple):
    """A backend that was started and that nobody has claimed yet."""

    process: SupervisedProcess
    address: command.Address


# In capitals: it is no state of the emulator (state/roots.py).
BOOTING: dict[str, Booting] = {}


def begin(settings: Settings, temporary: Path) -> None:
    """Start DynamoDB Local if it is to begin with a saved state. Raises NotInstalledError.

    Without a state it is not needed before the first table is made; until then, others need the processors.
    """
    if "dynamodb" in settings.services and settings.state:
        address = command.free_address()
        BOOTING["dynamodb"] = Booting(command.start_dynamodb_local(settings, address, temporary), address)


def claim(service: str) -> Booting | None:
    """The backend of the service that is booting, or None. Whoever claims it has to end it."""
    return BOOTING.pop(service, None)
