"""Reads what CloudWatch has counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any


def statistics(
    aws: Callable[[str], Any], namespace: str, dimension: dict[str, str], metric: str
) -> tuple[float, float]:
    """Sum and number of the metric's values in the last minutes."""
    return (
        _statistic(aws, namespace, dimension, metric, "Sum"),
        _statistic(aws, namespace, dimension, metric, "SampleCount"),
    )


# One at a time: LocalStack reads them one after the other, so that a point may lack one that came meanwhile.
def _statistic(
    aws: Callable[[str], Any], namespace: str, dimension: dict[str, str], metric: str, statistic: str
) -> float:
    now = datetime.now(UTC)
    points = aws("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[dimension],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=[statistic],
    )["Datapoints"]
    return float(sum(point[statistic] for point in points))
