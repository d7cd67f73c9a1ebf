"""Services that the plugin makes itself, or whose backend it replaces. The latter are chosen in start.py."""

from __future__ import annotations

from typing import Any

from localstack.aws.forwarder import HttpFallbackDispatcher
from localstack.services.plugins import Service, aws_provider


@aws_provider(api="ce")
def ce() -> Service:
    from .cost_explorer import cost_explorer

    return cost_explorer()


@aws_provider(api="dynamodb", name="stockroom")
def dynamodb() -> Service:
    from .dynamodb_local import StockroomDynamoDBProvider

    return _forwarding(StockroomDynamoDBProvider())


@aws_provider(api="dynamodbstreams", name="stockroom")
def dynamodbstreams() -> Service:
    from .dynamodb_local import StockroomDynamoDBStreamsProvider

    return Service.for_provider(StockroomDynamoDBStreamsProvider())


@aws_provider(api="kinesis", name="stockroom")
def kinesis() -> Service:
    from .kinesis_mock import StockroomKinesisProvider

    return _forwarding(StockroomKinesisProvider())


@aws_provider(api="lambda", name="stockroom")
def lambda_() -> Service:
    from .lambda_executor.provider import StockroomLambdaProvider

    return Service.for_provider(StockroomLambdaProvider())


def _forwarding(provider: Any) -> Service:
    """A service that passes to its backend what LocalStack does not do itself."""
    return Service.for_provider(
        provider, dispatch_table_factory=lambda _: HttpFallbackDispatcher(provider, provider.get_forward_url)
    )
