"""Whose turn it is: tests run side by side, but for those that disturb what all of them use. These run alone.

Locks are on files, so that they hold between the processes of a run and between runs on one platform. The kernel
lifts them when a process ends, however it ends.
"""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path


class Turn:
    """The turn of one test on the platform whose outputs are the file `outputs`."""

    def __init__(self, outputs: Path) -> None:
        self._gate = outputs.with_name(f"{outputs.name}.gate")
        self._platform = outputs.with_name(f"{outputs.name}.lock")
        self._held = ExitStack()

    def begin(self, alone: bool) -> None:
        """Wait for the turn, which is beside others or alone."""
        with ExitStack() as gate:
            # Whoever waits to be alone keeps the gate shut: turns under way end, and none begins.
            fcntl.flock(gate.enter_context(self._gate.open("a")), fcntl.LOCK_EX)
            platform = self._held.enter_context(self._platform.open("a"))
            fcntl.flock(platform, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            if alone:
                self._held.push(gate.pop_all())

    def end(self) -> None:
        self._held.close()

    @contextmanager
    def alone(self) -> Generator[None]:
        """Be alone for a part of a test that began beside others. Before that part, others may be alone."""
        self.end()
        self.begin(alone=True)
        try:
            yield
        finally:
            self.end()
            self.begin(alone=False)
