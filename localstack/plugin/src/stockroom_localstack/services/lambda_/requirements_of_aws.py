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

OF_STREAMS = ("ParallelizationFactor", "TumblingWindowInSeconds")
BOUNDS = {
    "scalingConfig.maximumConcurrency": (2, 1000),
    "parallelizationFactor": (1, 10),
    "tumblingWindowInSeconds": (0, 900),
}


def check_variables(variables: Mapping[str, str]) -> None:
    """Raises InvalidParameterValueException for names of variables that are reserved or malformed."""
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
    options = {"scalingConfig.maximumConcurrency": (configuration.get("ScalingConfig") or {}).get("MaximumConcurrency")}
    options |= {name[0].lower() + name[1:]: configuration.get(name) for name in OF_STREAMS}
    for place, (least, most) in BOUNDS.items():
        if (value := options[place]) is not None and not least <= value <= most:
            bound = f"greater than or equal to {least}" if value < least else f"less than or equal to {most}"
            raise CommonServiceException(
                "ValidationException",
                f"1 validation error detected: Value '{value}' at '{place}' failed to satisfy constraint: "
                f"Member must have value {bound}",
            )
    if (configuration.get("ParallelizationFactor") or 1) > 1 and configuration.get("TumblingWindowInSeconds"):
        raise InvalidParameterValueException(
            "ParallelizationFactor above 1 has no effect on the local emulator together with TumblingWindowInSeconds: "
            "a shard has one state.",
            Type="User",
        )
