"""What becomes of each option of Lambda's API. Nothing is taken and then quietly left out.

done      it has the effect that it has on AWS
stored    it is stored and told; what it changes on AWS is not seen from outside, or the README names it
refused   it has no effect here that a function could live without: an error names it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from localstack.aws.api.lambda_ import InvalidParameterValueException

# By operation: names of options, and with those that are stored or refused the reason.
_INVOKE = "FunctionName InvocationType LogType ClientContext Payload Qualifier"
_CONFIGURATION = (
    "FunctionName Role Handler Description Timeout MemorySize Environment Runtime DeadLetterConfig Layers LoggingConfig"
)
_MAPPING = (
    "FunctionName Enabled BatchSize FilterCriteria MaximumBatchingWindowInSeconds DestinationConfig "
    "MaximumRecordAgeInSeconds BisectBatchOnFunctionError MaximumRetryAttempts ParallelizationFactor "
    "TumblingWindowInSeconds FunctionResponseTypes ScalingConfig"
)
DONE = {
    "CreateFunction": f"{_CONFIGURATION} Code Publish PackageType Tags",
    "UpdateFunctionConfiguration": f"{_CONFIGURATION} RevisionId",
    "UpdateFunctionCode": "FunctionName ZipFile S3Bucket S3Key S3ObjectVersion ImageUri Publish RevisionId",
    "CreateEventSourceMapping": f"{_MAPPING} EventSourceArn StartingPosition StartingPositionTimestamp Tags",
    "UpdateEventSourceMapping": f"{_MAPPING} UUID",
    "Invoke": _INVOKE,
    "InvokeWithResponseStream": _INVOKE,
}
_OF_FUNCTIONS = {
    "VpcConfig": "functions have the network of this machine",
    "KMSKeyArn": "variables are not encrypted here",
    "TracingConfig": "there is no X-Ray to send traces to",
    "EphemeralStorage": "the temporary folder is as large as this machine allows",
    "SnapStart": "environments start anew, and in little time",
}
_OF_MAPPINGS = {
    "KMSKeyArn": "filters are not encrypted here",
    "ProvisionedPollerConfig": "one poller is enough on one machine",
}
STORED: dict[str, Mapping[str, str]] = {
    "CreateFunction": _OF_FUNCTIONS | {"Architectures": "functions run on the processor of this machine"},
    "UpdateFunctionConfiguration": _OF_FUNCTIONS,
    "UpdateFunctionCode": {"Architectures": "functions run on the processor of this machine"},
    "CreateEventSourceMapping": _OF_MAPPINGS,
    "UpdateEventSourceMapping": _OF_MAPPINGS,
}
_NOT_OF_FUNCTIONS = {
    "FileSystemConfigs": "there are no EFS file systems",
    "ImageConfig": "container images do not run",
    "CapacityProviderConfig": "there are no managed instances",
    "DurableConfig": "there are no durable executions",
}
_NOT_OF_MAPPINGS = {
    "SourceAccessConfigurations": "only queues and streams of SQS, Kinesis and DynamoDB are event sources",
    "AmazonManagedKafkaEventSourceConfig": "there is no Kafka",
    "SelfManagedKafkaEventSourceConfig": "there is no Kafka",
    "DocumentDBEventSourceConfig": "there is no DocumentDB",
    "MetricsConfig": "mappings have no metrics of their own",
    "LoggingConfig": "mappings have no log of their own",
}
REFUSED: dict[str, Mapping[str, str]] = {
    "CreateFunction": _NOT_OF_FUNCTIONS
    | {
        "CodeSigningConfigArn": "signatures of code are not checked",
        "TenancyConfig": "tenants are not isolated from each other",
        "PublishTo": "there are no managed instances",
    },
    "UpdateFunctionConfiguration": _NOT_OF_FUNCTIONS,
    "UpdateFunctionCode": {
        "DryRun": "code is updated or not",
        "SourceKMSKeyArn": "packages are not encrypted with keys of their own",
        "PublishTo": "there are no managed instances",
    },
    "CreateEventSourceMapping": _NOT_OF_MAPPINGS
    | {
        "Topics": "there is no Kafka",
        "Queues": "there is no Amazon MQ",
        "SelfManagedEventSource": "there is no Kafka",
    },
    "UpdateEventSourceMapping": _NOT_OF_MAPPINGS,
    "Invoke": {
        "DurableExecutionName": "there are no durable executions",
        "TenantId": "tenants are not isolated from each other",
    },
    "InvokeWithResponseStream": {"TenantId": "tenants are not isolated from each other"},
}
OF_STREAMS_ONLY = (
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPosition",
    "StartingPositionTimestamp",
    "TumblingWindowInSeconds",
)
OF_QUEUES_ONLY = ("ScalingConfig",)
SOURCES = ("sqs", "kinesis", "dynamodb")


def refuse(operation: str, request: Mapping[str, Any]) -> None:
    """Raises InvalidParameterValueException that names an option which has no effect here."""
    given = {name for name, value in request.items() if value}  # an empty one changes nothing
    for option, reason in REFUSED.get(operation, {}).items():
        if option in given:
            raise InvalidParameterValueException(
                f"{option} has no effect on the local emulator: {reason}.", Type="User"
            )


def unsupported(source: str, given: Iterable[str]) -> str | None:
    """The first of the given options that no event source of this service has, or None."""
    others = OF_STREAMS_ONLY if source == "sqs" else OF_QUEUES_ONLY
    return next((option for option in others if option in given), None)
