"""The time that is left of a function's call, and pauses between attempts that stay within it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# What is kept of the function's time to tell what is done and what failed: a call that is cut off has done nothing, and
# all of its messages come again.
SHARE_TO_REPORT, SECONDS_TO_REPORT = 0.1, 1.0

Seconds = Callable[[], float]


class OutOfTimeError(Exception):
    """The function's time ends before the work is done; the next delivery does what is left."""


def seconds_left(context: Any) -> Seconds:
    """Tells how many seconds the call of this Lambda context, which has just begun, may still work.

    No more than 0 when its time is up.
    """
    to_report = max(SHARE_TO_REPORT * context.get_remaining_time_in_millis() / 1000, SECONDS_TO_REPORT)
    return lambda: float(context.get_remaining_time_in_millis()) / 1000 - to_report


@dataclass
class GrowingPause:
    """Waits for a random time of at most `longest` seconds, which doubles up to 2 with each wait."""

    time_left: Seconds
    longest: float = 0.05

    def wait(self) -> None:
        time.sleep(min(random.uniform(0, self.longest), max(self.time_left(), 0)))  # noqa: S311 - jitter, no secret
        self.longest = min(self.longest * 2, 2.0)
