"""The tables' items and streams, which DynamoDB Local keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stockroom_localstack.state.hooks import StateHooks


class DynamoDBHooks(StateHooks):
    """DynamoDB Local saves and loads."""

    has_data = True

    def save_data(self, provider: Any, folder: Path) -> None:
        provider.server.save(folder)

    def load_data(self, provider: Any, folder: Path | None) -> None:
        provider.server.load(folder)


HOOKS = DynamoDBHooks()
