"""Delivery streams that read a Kinesis stream can't be saved: their readers are threads."""

from __future__ import annotations

from typing import Any

from stockroom_localstack.state.hooks import StateHooks


class FirehoseHooks(StateHooks):
    """What reads a stream prevents saving."""

    def why_not_saved(self, provider: Any) -> str | None:
        reading = next(iter(provider.kinesis_listeners), None)
        return f"Firehose reads a Kinesis stream for {reading}" if reading else None


HOOKS = FirehoseHooks()
