"""The time that is left of a function's call, and pauses between attempts that stay within it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SECONDS_TO_REPORT = 1.0  # what is kept of the function's time to tell what is done and what failed

Seconds = Callable[[], float]


class OutOfTimeError(Exception):
    """The function's time ends before the work is done; the next delivery does what is left."""


def seconds_left(context: Any) -> Seconds:
    """Tells how many seconds the call of this Lambda context may still work; no more than 0 when its time is up."""
    return lambda: float(context.get_remaining_time_in_millis()) / 1000 - SECONDS_TO_REPORT


@dataclass
class GrowingPause:
    """Waits for a random time of at most `longest` seconds, which doubles up to 2 with each wait."""

    time_left: Seconds
    longest: float = 0.05

    def wait(self) -> None:
        time.sleep(min(random.uniform(0, self.longest), max(self.time_left(), 0)))  # noqa: S311 - jitter, no secret
        self.longest = min(self.longest * 2, 2.0)
