"""LocalStack's own services with what the plugin changes in them."""

from __future__ import annotations

from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.forwarder import ForwardingFallbackDispatcher
from localstack.http import Response
from localstack.services.plugins import Service, aws_provider

# Chosen in start.py.
NAMES = (
    "cloudwatch",
    "dynamodb",
    "dynamodbstreams",
    "events",
    "iam",
    "kinesis",
    "lambda",
    "logs",
    "s3",
    "scheduler",
    "sqs",
    "stepfunctions",
)


@aws_provider(api="cloudwatch", name="stockroom")
def cloudwatch() -> Service:
    from stockroom_localstack.services.cloudwatch.provider import StockroomCloudwatchProvider

    return Service.for_provider(StockroomCloudwatchProvider())


@aws_provider(api="dynamodb", name="stockroom")
def dynamodb() -> Service:
    from stockroom_localstack.services.dynamodb.provider import StockroomDynamoDBProvider, leave_values_as_they_are

    leave_values_as_they_are()
    return _forwarding(StockroomDynamoDBProvider())


@aws_provider(api="dynamodbstreams", name="stockroom")
def dynamodbstreams() -> Service:
    from stockroom_localstack.services.dynamodbstreams.provider import StockroomDynamoDBStreamsProvider

    from .request_checks import checked

    return checked(Service.for_provider(StockroomDynamoDBStreamsProvider()))


@aws_provider(api="events", name="stockroom")
def events() -> Service:
    from stockroom_localstack.services.events.provider import StockroomEventsProvider

    return Service.for_provider(StockroomEventsProvider())


@aws_provider(api="iam", name="stockroom")
def iam() -> Service:
    from localstack.services.moto import MotoFallbackDispatcher

    from stockroom_localstack.services.iam.provider import StockroomIamProvider

    return Service.for_provider(StockroomIamProvider(), dispatch_table_factory=MotoFallbackDispatcher)


@aws_provider(api="kinesis", name="stockroom")
def kinesis() -> Service:
    from stockroom_localstack.services.kinesis.provider import StockroomKinesisProvider

    from .request_checks import checked

    return checked(Service.for_provider(StockroomKinesisProvider()))


@aws_provider(api="lambda", name="stockroom")
def lambda_() -> Service:
    from stockroom_localstack.services.lambda_.provider import StockroomLambdaProvider

    return Service.for_provider(StockroomLambdaProvider())


@aws_provider(api="logs", name="stockroom")
def logs() -> Service:
    from localstack.services.moto import MotoFallbackDispatcher

    from stockroom_localstack.services.logs.provider import StockroomLogsProvider

    return Service.for_provider(StockroomLogsProvider(), dispatch_table_factory=MotoFallbackDispatcher)


@aws_provider(api="s3", name="stockroom")
def s3() -> Service:
    from stockroom_localstack.services.s3.provider import StockroomS3Provider

    return Service.for_provider(StockroomS3Provider())


@aws_provider(api="scheduler", name="stockroom")
def scheduler() -> Service:
    from localstack.services.moto import MotoFallbackDispatcher

    from stockroom_localstack.services.scheduler.provider import StockroomSchedulerProvider

    return Service.for_provider(StockroomSchedulerProvider(), dispatch_table_factory=MotoFallbackDispatcher)


@aws_provider(api="sqs", name="stockroom")
def sqs() -> Service:
    from stockroom_localstack.services.sqs.provider import StockroomSqsProvider

    return Service.for_provider(StockroomSqsProvider())


@aws_provider(api="stepfunctions", name="stockroom")
def stepfunctions() -> Service:
    from stockroom_localstack.services.stepfunctions.provider import StockroomStepFunctionsProvider

    return Service.for_provider(StockroomStepFunctionsProvider())


def _forwarding(provider: Any) -> Service:
    """A service that passes to its backend, as it is, what LocalStack does not do itself."""
    from stockroom_localstack.backends.proxy import BackendProxy

    def pass_on(context: RequestContext, request: Any) -> Response:
        return BackendProxy(provider.get_forward_url(context.account_id, context.region)).pass_on(context)

    return Service.for_provider(
        provider, dispatch_table_factory=lambda _: ForwardingFallbackDispatcher(provider, pass_on)
    )
