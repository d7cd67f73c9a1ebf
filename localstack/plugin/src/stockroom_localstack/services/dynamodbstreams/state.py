"""Where the shards of global tables' streams are."""

from __future__ import annotations

from stockroom_localstack.state.hooks import StateHooks


class DynamoDBStreamsHooks(StateHooks):
    """The regions of shards are saved."""

    saved_attributes = ("shard_to_region",)


HOOKS = DynamoDBStreamsHooks()
