"""Dead letters, waited for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.e2e.data_platform.platform import Platform


def await_dead_letters(
    platform: Platform, wait_until: Callable[..., Any], of: str, count: int, queue: str = "orders"
) -> list[str]:
    """Take dead letters that carry `of` until there are `count`, in the time that they need to be given up."""
    taken: list[str] = []

    def enough() -> bool:
        taken.extend(platform.take_dead_letters(of, queue))
        return len(taken) >= count

    wait_until(enough, timeout=platform.dead_letter_seconds(queue))
    return taken
