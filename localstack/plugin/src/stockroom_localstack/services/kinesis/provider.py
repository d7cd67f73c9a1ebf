"""The provider of Kinesis. Resource policies are LocalStack's own."""

from __future__ import annotations

from localstack.services.plugins import Service

from stockroom_localstack.services.request_checks import checked

from .record_operations import RecordOperations
from .shard_operations import ShardOperations
from .stream_operations import StreamOperations
from .tag_operations import TagOperations


class StockroomKinesisProvider(StreamOperations, ShardOperations, RecordOperations, TagOperations):
    """LocalStack's provider without the servers that it manages."""

    def __init__(self) -> None:
        """Nothing is to be started."""

    def on_before_stop(self) -> None:
        """Nothing is to be stopped."""

    def on_before_state_load(self) -> None:
        """Nothing is to be stopped."""

    def on_before_state_reset(self) -> None:
        """Nothing is to be stopped."""


def create() -> Service:
    """LocalStack's service with this provider."""
    return checked(Service.for_provider(StockroomKinesisProvider()))
