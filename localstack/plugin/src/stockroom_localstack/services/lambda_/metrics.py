"""Metrics of functions."""

from __future__ import annotations

from typing import Any

from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.invocation import version_manager
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager
from localstack.utils.aws.arns import parse_arn
from localstack.utils.patch import patch

from stockroom_localstack.services.cloudwatch.collector import COLLECTOR, Metric, Owner

UNITS = {"Duration": "Milliseconds", "IteratorAge": "Milliseconds"}


def invocation(function_name: str, account_id: str, region_name: str) -> None:
    """Count an invocation without an error."""
    _add(account_id, region_name, function_name, Invocations=1, Errors=0)


def error(function_name: str, account_id: str, region_name: str) -> None:
    """Count an invocation with an error."""
    _add(account_id, region_name, function_name, Invocations=1, Errors=1)


def throttle(function_arn: str) -> None:
    """Count a call that was throttled."""
    _add_for(function_arn, Throttles=1)


def duration(function_arn: str, milliseconds: float) -> None:
    """Note how long an invocation took."""
    _add_for(function_arn, Duration=round(milliseconds, 2))


def iterator_age(function_arn: str, seconds: float) -> None:
    """Note how old the last record of a batch was, in seconds."""
    _add_for(function_arn, IteratorAge=round(seconds * 1000))


def _add_for(function_arn: str, **values: float) -> None:
    arn = parse_arn(function_arn)
    _add(arn["account"], arn["region"], arn["resource"].split(":")[1], **values)


def _add(account: str, region: str, function: str, **values: float) -> None:
    for name, value in values.items():
        owner = Owner(account, region, "AWS/Lambda")
        COLLECTOR.add(Metric(owner, ("FunctionName", function), name, UNITS.get(name, "Count")), value)


def apply_patches() -> None:
    """Have invocations counted here. LocalStack has no seam for it, and forgets throttles."""
    vars(version_manager).update(record_cw_metric_invocation=invocation, record_cw_metric_error=error)

    @patch(LambdaVersionManager.invoke)
    def invoke(original: Any, self: LambdaVersionManager, *, invocation: Any) -> Any:
        try:
            return original(self, invocation=invocation)
        except TooManyRequestsException:
            throttle(self.function_arn)
            raise
