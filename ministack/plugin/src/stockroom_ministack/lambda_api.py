"""What Lambda's API tells of functions and event sources, and how many calls a function takes, as on AWS."""

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc

# What AWS tells of a mapping of a stream that was made without these.
STREAM_DEFAULTS = {
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}


def patch() -> None:
    """Change what is told of mappings and policies, and what is checked of them."""
    told, policy, checked = lambda_svc._esm_response, lambda_svc._get_policy, lambda_svc._validate_scaling_config

    def tell_mapping(mapping: dict[str, Any]) -> dict[str, Any]:
        """Mappings of streams have a starting position."""
        answer: dict[str, Any] = told(mapping)
        return STREAM_DEFAULTS | answer if "StartingPosition" in mapping else answer

    def check(data: dict[str, Any], source_arn: str) -> Any:
        """What is asked of a mapping, before it is made or changed; an answer refuses it."""
        return refusal(data) or checked(data, source_arn)

    def get_policy(name: str, *args: Any, **more: Any) -> Any:
        function = lambda_svc._functions.get(name)
        if function and not function["policy"]["Statement"]:
            message = "No policy is associated with the given resource."
            return error_response_json("ResourceNotFoundException", message, 404)
        return policy(name, *args, **more)

    lambda_svc._esm_response = tell_mapping
    lambda_svc._get_policy = get_policy
    lambda_svc._validate_scaling_config = check
    lambda_svc._reserved_concurrency = reserved_concurrency


def refusal(mapping: dict[str, Any]) -> Any:
    """None for a mapping whose options this engine has."""
    for option, without in (("ParallelizationFactor", 1), ("TumblingWindowInSeconds", 0)):
        if (mapping.get(option) or without) != without:
            message = f"{option} has no effect on the engine ministack; leave it out."
            return error_response_json("InvalidParameterValueException", message, 400)
    return None


def reserved_concurrency(_function: dict[str, Any], config: dict[str, Any]) -> int | None:
    """Of the function, whichever version is called: MiniStack knows it of $LATEST only."""
    function = lambda_svc._functions.get(config.get("FunctionName")) or {}
    reserved = function.get("concurrency")
    return None if reserved is None else int(reserved)
