"""Metric math."""

from __future__ import annotations

from typing import Any

import pytest

from .plugin import load

metric_math: Any = load("services.cloudwatch.metric_math")

SERIES = {"errors": {0.0: 1.0, 60.0: 3.0}, "calls": {0.0: 10.0, 60.0: 0.0, 120.0: 5.0}}


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("SUM([1,2])", 3.0),
        ("errors + 1", {0.0: 2.0, 60.0: 4.0}),
        ("errors + calls", {0.0: 11.0, 60.0: 3.0}),
        ("100 * errors / calls", {0.0: 10.0}),
        ("-errors", {0.0: -1.0, 60.0: -3.0}),
        ("SUM([errors, calls])", {0.0: 11.0, 60.0: 3.0, 120.0: 5.0}),
        ("SUM(METRICS())", {0.0: 11.0, 60.0: 3.0, 120.0: 5.0}),
        ("MAX(errors)", 3.0),
        ("AVG([errors, calls])", {0.0: 5.5, 60.0: 1.5, 120.0: 5.0}),
        ("FILL(errors, 0)", {0.0: 1.0, 60.0: 3.0, 120.0: 0.0}),
        ("RATE(errors)", {60.0: 2 / 60}),
        ("calls / PERIOD(calls)", {0.0: 10 / 60, 60.0: 0.0, 120.0: 5 / 60}),
        ("IF(errors > 2, errors, 0)", {0.0: 0.0, 60.0: 3.0}),
        ("CEIL(errors / 2)", {0.0: 1.0, 60.0: 2.0}),
    ],
)
def test_values(expression: str, wanted: Any) -> None:
    assert metric_math.evaluate(expression, SERIES, SERIES) == wanted


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("ANOMALY_DETECTION_BAND(errors, 2)", "ANOMALY_DETECTION_BAND"),
        ("SEARCH('x', 'Sum', 300)", "'x'"),
        ("unknown + 1", "unknown"),
        ("errors +", "can't be read"),
        ("__import__('os')", "'os'"),
        ("errors.__class__", "errors.__class__"),
    ],
)
def test_what_is_not_done_is_named(expression: str, named: str) -> None:
    with pytest.raises(metric_math.ExpressionError, match=named):
        metric_math.evaluate(expression, SERIES, SERIES)


def test_expressions_may_name_each_other() -> None:
    found = metric_math.evaluate_all({"a": "b * 2", "b": "errors + 1"}, SERIES)
    assert found == {"a": {0.0: 4.0, 60.0: 8.0}, "b": {0.0: 2.0, 60.0: 4.0}}
    with pytest.raises(metric_math.ExpressionError, match="need each other"):
        metric_math.evaluate_all({"a": "b", "b": "a"}, SERIES)
