"""How many execution environments this machine can run, and who gets one.

AWS has room for a thousand at a time. One machine has not: each takes file descriptors of the emulator and memory. What
comes when all are busy waits for one, and is throttled as on AWS when none is free for long: where functions wait for
each other, that may be for ever.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from localstack.aws.api import ServiceException
from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.invocation import lambda_service
from localstack.services.lambda_.invocation.assignment import AssignmentException, AssignmentService
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment, RuntimeStatus
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InitializationType
from stockroom_emulation.open_files import raise_file_limit

# Lifeline, output, Runtime API, its connection and a second one.
FILES_OF_ENVIRONMENT = 5
FILES_OF_ALL_ELSE = 100
MEMORY_OF_ENVIRONMENT = 64 * 2**20
FEWEST = 4
PATIENCE_SECONDS = 30.0


def most_environments(files: int, memory: int) -> int:
    """How many environments fit: half of the files and half of the memory are for functions.

    files: how many may be open. memory: of the machine, in bytes.
    """
    by_files = (files // 2 - FILES_OF_ALL_ELSE) // FILES_OF_ENVIRONMENT
    return max(min(by_files, memory // 2 // MEMORY_OF_ENVIRONMENT), FEWEST)


def throttled() -> TooManyRequestsException:
    """The error for a call that no environment can take."""
    return TooManyRequestsException("Rate Exceeded.", Reason="ConcurrentInvocationLimitExceeded", Type="User")


class Room:
    """A number of places, given to those who wait in the order in which they came. Safe for threads."""

    def __init__(self, most: int, patience: float = PATIENCE_SECONDS) -> None:
        """patience: for how many seconds nobody may leave before those who wait are sent away."""
        self._most = most
        self._patience = patience
        self._inside = 0
        self._left = 0
        self._changed = threading.Condition()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a place, and hold it. Raises TooManyRequestsException after `patience` seconds in which nobody
        left."""
        with self._changed:
            while self._inside >= self._most:
                left = self._left
                if not self._changed.wait(self._patience) and self._left == left:
                    raise throttled()
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._left += 1
                self._changed.notify()


class Environments(dict[str, ExecutionEnvironment]):
    """Environments by their ids, to be looked through while other invocations add and remove some."""

    def values(self) -> Any:
        return list(super().values())


class BoundedAssignmentService(AssignmentService):
    """LocalStack's assignment of environments to invocations, with a bound on how many there are."""

    def __init__(self) -> None:
        super().__init__()
        self.environments = defaultdict(Environments)
        self._most = most_environments(raise_file_limit(), psutil.virtual_memory().total)
        self._room = Room(self._most)

    @contextmanager
    def get_environment(
        self, version_manager_id: str, function_version: FunctionVersion, provisioning_type: InitializationType
    ) -> Iterator[ExecutionEnvironment]:
        """Raises TooManyRequestsException."""
        if provisioning_type == InitializationType.provisioned_concurrency:  # it has its place already
            with super().get_environment(version_manager_id, function_version, provisioning_type) as environment:
                yield environment
            return
        with (
            self._room.place(),
            super().get_environment(version_manager_id, function_version, provisioning_type) as environment,
        ):
            yield environment

    def start_environment(self, version_manager_id: str, function_version: FunctionVersion) -> Any:
        idle = [each for each in self._all() if _is_idle(each)]
        for longest_idle in sorted(idle, key=lambda each: each.last_returned)[: len(self._all()) + 1 - self._most]:
            longest_idle.keepalive_passed()
        try:
            return super().start_environment(version_manager_id, function_version)
        except AssignmentException as error:
            # The reason, where it is one that the API knows.
            raise error.__cause__ if isinstance(error.__cause__, ServiceException) else error from error.__cause__

    def _all(self) -> list[ExecutionEnvironment]:
        return [each for environments in list(self.environments.values()) for each in environments.values()]


def _is_idle(environment: ExecutionEnvironment) -> bool:
    on_demand = environment.initialization_type == InitializationType.on_demand
    return on_demand and environment.status == RuntimeStatus.READY


def replace_assignment_service() -> None:
    """To be called before LocalStack makes its Lambda service, which makes its assignment service by name."""
    vars(lambda_service)["AssignmentService"] = BoundedAssignmentService
