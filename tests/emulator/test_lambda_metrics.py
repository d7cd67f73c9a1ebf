"""CloudWatch metrics of Lambda functions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from .functions import Functions
from .recipe import wait_for


def test_invocations_and_errors_are_counted(functions: Functions, aws: Callable[[str], Any]) -> None:
    name = functions.make("def handler(event, context):\n    return 1 / event\n")
    for divisor in (1, 2, 0):
        functions.invoke(name, divisor)

    def sums() -> dict[str, float]:
        now = datetime.now(UTC)
        return {
            metric: sum(
                point["Sum"]
                for point in aws("cloudwatch").get_metric_statistics(
                    Namespace="AWS/Lambda",
                    MetricName=metric,
                    Dimensions=[{"Name": "FunctionName", "Value": name}],
                    StartTime=now - timedelta(minutes=5),
                    EndTime=now + timedelta(minutes=5),
                    Period=60,
                    Statistics=["Sum"],
                )["Datapoints"]
            )
            for metric in ("Invocations", "Errors")
        }

    wait_for("the counts", lambda: sums() == {"Invocations": 3, "Errors": 1})
