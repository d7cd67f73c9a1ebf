"""Schedules that go on firing."""

from __future__ import annotations

from typing import Any

from stockroom_localstack.state.hooks import StateHooks


class SchedulerHooks(StateHooks):
    """Schedules go on."""

    def resume(self, provider: Any) -> None:
        provider.resume()


HOOKS = SchedulerHooks()
