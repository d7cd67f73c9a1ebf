"""What AWS refuses of functions and event source mappings, and LocalStack takes. Worded as on AWS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localstack.aws.api import CommonServiceException
from localstack.aws.api.lambda_ import InvalidParameterValueException, InvocationType, RequestTooLargeException

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
RESERVED = (
    "_HANDLER _X_AMZN_TRACE_ID AWS_DEFAULT_REGION AWS_REGION AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_NAME "
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE "
    "AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY "
    "AWS_SESSION_TOKEN AWS_LAMBDA_RUNTIME_API LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR"
)
VARIABLE = re.compile(r"[a-zA-Z]([a-zA-Z0-9_])+")
LARGEST_REQUEST = 6 * 2**20
LARGEST_EVENT = 2**20  # of an asynchronous invocation


def check_variables(variables: Mapping[str, str]) -> None:
    if reserved := sorted(set(RESERVED.split()).intersection(variables)):
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}",
            Type="User",
        )
    if not all(map(VARIABLE.fullmatch, variables)):
        raise CommonServiceException(
            "ValidationException",
            "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must "
            f"satisfy constraint: [Member must satisfy regular expression pattern: {VARIABLE.pattern}]",
        )


def check_payload(size: int, invocation_type: str | None) -> None:
    """size: of an event, in bytes."""
    largest = LARGEST_EVENT if invocation_type == InvocationType.Event else LARGEST_REQUEST
    if size > largest:
        raise RequestTooLargeException(
            f"Request must be smaller than {largest} bytes for the InvokeFunction operation", Type="User"
        )


def check_visibility(visibility: int, timeout: int) -> None:
    """Seconds, of a queue and of the function that is to read it."""
    if visibility < timeout:
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds",
            Type="User",
        )


def check_options(unsupported: str | None, configuration: Mapping[str, Any]) -> None:
    """Of an event source mapping. unsupported: the option that its kind of source has not."""
    if unsupported:
        raise InvalidParameterValueException(
            f"Unsupported {unsupported} parameter for given event source mapping type.", Type="User"
        )
    most = (configuration.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if most is not None and not 2 <= most <= 1000:
        bound = "greater than or equal to 2" if most < 2 else "less than or equal to 1000"
        raise CommonServiceException(
            "ValidationException",
            f"1 validation error detected: Value '{most}' at 'scalingConfig.maximumConcurrency' failed to satisfy "
            f"constraint: Member must have value {bound}",
        )
