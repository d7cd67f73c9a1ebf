"""CloudWatch metrics of Lambda functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .functions import Functions
from .metrics import statistics
from .recipe import wait_for


def _sum(aws: Callable[[str], Any], function: str, metric: str) -> float:
    return statistics(aws, "AWS/Lambda", {"Name": "FunctionName", "Value": function}, metric)[0]


def test_invocations_and_errors_are_counted(functions: Functions, aws: Callable[[str], Any]) -> None:
    name = functions.make("def handler(event, context):\n    return 1 / event\n")
    for divisor in (1, 2, 0):
        functions.invoke(name, divisor)

    def sums() -> dict[str, float]:
        return {metric: _sum(aws, name, metric) for metric in ("Invocations", "Errors")}

    wait_for("the counts", lambda: sums() == {"Invocations": 3, "Errors": 1})


def test_a_throttle_is_counted_once_however_many_environments_there_were(
    functions: Functions, aws: Callable[[str], Any]
) -> None:
    functions.run("def handler(event, context):\n    pass\n")
    name = functions.make("def handler(event, context):\n    pass\n")
    functions.service.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(functions.service.exceptions.TooManyRequestsException):
        functions.invoke(name)
    assert wait_for("the throttle", lambda: _sum(aws, name, "Throttles")) == 1
    assert _sum(aws, name, "Invocations") == 0
