"""Metric math in GetMetricData; its functions have unit tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest


def test_expressions_over_metrics(aws: Callable[[str], Any], unique: str) -> None:
    cloudwatch, now = aws("cloudwatch"), datetime.now(UTC).replace(second=0, microsecond=0)
    for name, known in {"errors": [1, 2], "calls": [10, 40]}.items():
        data = [
            {"MetricName": name, "Value": value, "Timestamp": now - timedelta(minutes=5 - number)}
            for number, value in enumerate(known)
        ]
        cloudwatch.put_metric_data(Namespace=unique, MetricData=data)
    queries: list[dict[str, Any]] = [
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": unique, "MetricName": name}, "Period": 60, "Stat": "Sum"},
        }
        for name in ("errors", "calls")
    ]

    def values(expression: str) -> Any:
        answer = cloudwatch.get_metric_data(
            StartTime=now - timedelta(minutes=10),
            EndTime=now,
            ScanBy="TimestampAscending",
            MetricDataQueries=[*queries, {"Id": "e", "Expression": expression, "Label": "share"}],
        )["MetricDataResults"]
        assert {(one["Id"], one["Label"]) for one in answer} == {("e", "share")}
        return [one["Values"] for one in answer]

    assert values("100 * errors / calls") == [[10, 5]]
    assert values("METRICS() / 10") == [[0.1, 0.2], [1, 4]]
    for expression in ("ANOMALY_DETECTION_BAND(errors)", "SUM([1, 2])", "missing + 1"):
        with pytest.raises(cloudwatch.exceptions.ClientError, match="ValidationError"):
            values(expression)
