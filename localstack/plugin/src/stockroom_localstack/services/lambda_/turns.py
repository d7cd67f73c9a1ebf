"""As many environments initialise at a time as there are processors; more would only make each other too late."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# In capitals: it is no state of the emulator (state/roots.py).
TURNS = threading.BoundedSemaphore(os.process_cpu_count() or 1)


@contextmanager
def turn(longest_wait: float) -> Iterator[None]:
    """Wait for a turn, so many seconds at most, and hold it.

    A function that does nothing but wait meanwhile, perhaps for another one, does not hold up the others for ever.
    """
    is_ours = TURNS.acquire(timeout=longest_wait)
    try:
        yield
    finally:
        if is_ours:
            TURNS.release()
