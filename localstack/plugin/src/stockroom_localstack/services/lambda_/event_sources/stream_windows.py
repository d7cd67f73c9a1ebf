"""Tumbling windows: a function aggregates the records of a span of time into a state. Pure functions.

https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

STATE_BYTES = 1024 * 1024
LATE_SECONDS = 1.0  # records of a table's stream tell the second only


@dataclass(frozen=True)
class Window:
    """start, end: in seconds since 1970. state: as the function returned it last."""

    start: float
    end: float
    state: Mapping[str, Any] = field(default_factory=dict)

    def is_over(self, now: float) -> bool:
        """Whether no record can come to it any more."""
        return now >= self.end + LATE_SECONDS


def window_at(moment: float, seconds: int) -> Window:
    """The window of so many seconds that the moment is in, in seconds since 1970."""
    start = moment // seconds * seconds
    return Window(start, start + seconds)


def new_state(answer: Any) -> Mapping[str, Any]:
    """The state in a function's answer. Raises ValueError when there is none, which AWS takes for a failure."""
    state = answer.get("state") if isinstance(answer, Mapping) else None
    if not isinstance(state, Mapping):
        raise ValueError("a function of a tumbling window has to answer with a state")
    return state


def state_is_too_large(state: Mapping[str, Any]) -> bool:
    """Whether the window ends early because of it."""
    return len(json.dumps(state)) > STATE_BYTES


def window_event(window: Window, shard: str, source_arn: str, *, final: bool, early: bool) -> dict[str, Any]:
    """What the function's event holds beside the records."""
    return {
        "window": {"start": _told(window.start), "end": _told(window.end)},
        "state": window.state,
        "shardId": shard,
        "eventSourceARN": source_arn,
        "isFinalInvokeForWindow": final,
        "isWindowTerminatedEarly": early,
    }


def _told(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
