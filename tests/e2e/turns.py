"""Whose turn it is: tests run side by side, but for what disturbs all of them. That is done alone, after the others.

The lock is on a file, so that it holds between the processes of a run and between runs on one platform. The kernel
lifts it when a process ends, however it ends.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

Alone = Callable[[], AbstractContextManager[None]]
"""The fixture `alone`, which is used in `with alone():`."""


class Turn:
    """The turn of one test on the platform whose outputs are the file `outputs`: beside others, alone, or none."""

    def __init__(self, outputs: Path) -> None:
        self._platform = outputs.with_name(f"{outputs.name}.lock")
        self._held = ExitStack()

    def begin(self) -> None:
        """Wait until nobody is alone, and keep others from being alone."""
        self._hold(fcntl.LOCK_SH)

    def end(self) -> None:
        self._held.close()

    @contextmanager
    def alone(self) -> Generator[None]:
        """Be alone until the end of the block, and have no turn after it: then others may be alone.

        This waits until no turn is left, so that a test may come here at any time and disturbs last of all.
        """
        self.end()
        self._hold(fcntl.LOCK_EX)
        try:
            yield
        finally:
            self.end()

    def _hold(self, kind: int) -> None:
        fcntl.flock(self._held.enter_context(self._platform.open("a")), kind)
