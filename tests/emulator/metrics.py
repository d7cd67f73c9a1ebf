"""Reads what CloudWatch has counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any


def statistics(
    aws: Callable[[str], Any], namespace: str, dimension: dict[str, str], metric: str
) -> tuple[float, float]:
    """Sum and number of the metric's values in the last minutes."""
    now = datetime.now(UTC)
    points = aws("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[dimension],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points), sum(point["SampleCount"] for point in points)
