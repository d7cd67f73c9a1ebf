"""Whose turn it is: tests run side by side, but for what disturbs others. That is done alone.

The platform has flows, and what disturbs one of them the tests of another never see. The locks are on files, so
that they hold between the processes of a run and between runs on one platform. The kernel lifts them when a process
ends, however it ends.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Collection, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

FLOWS = ("orders", "sales_events", "objects")
"""From the queue of orders to totals and restock requests; from the stream of sales events to raw objects; from these
to the curated data."""

Alone = Callable[[], AbstractContextManager[None]]
"""The fixture `alone`, which is used in `with alone():`."""


class Turn:
    """The turn of one test in these flows of the platform whose outputs are the file `outputs`: beside others, alone,
    or none.

    Each flow has a lock, which those who have a turn share, and a gate before it. Those who are going to be alone keep
    it shut, so they come first.
    """

    def __init__(self, outputs: Path, flows: Collection[str]) -> None:
        # Always in the same order, so that no two wait for each other.
        self._flows = [outputs.with_name(f"{outputs.name}.{flow}") for flow in FLOWS if flow in flows]
        self._held = ExitStack()

    def begin(self) -> None:
        """Wait until nobody is alone or is going to be, and keep others from being alone."""
        with ExitStack() as gates:
            for flow in self._flows:
                _lock(gates, flow, "gate", fcntl.LOCK_EX)
            for flow in self._flows:
                _lock(self._held, flow, "lock", fcntl.LOCK_SH)

    def keep_others_from_beginning(self) -> None:
        """Until this was alone."""
        for flow in self._flows:
            _lock(self._held, flow, "gate", fcntl.LOCK_SH)

    def end(self) -> None:
        self._held.close()

    @contextmanager
    def alone(self, before_others: bool) -> Generator[None]:
        """Be alone until the end of the block, and have no turn after it: then others may be alone.

        This waits until no turn is left. It comes `before_others` if it keeps them from beginning; if not, a test may
        come here at any time, and disturbs last of all.
        """
        if not before_others:
            self.end()
        for flow in self._flows:
            _lock(self._held, flow, "lock", fcntl.LOCK_EX)
        try:
            yield
        finally:
            self.end()


def _lock(until: ExitStack, flow: Path, name: str, kind: int) -> None:
    fcntl.flock(until.enter_context(flow.with_name(f"{flow.name}.{name}").open("a")), kind)
