"""Metrics of the emulator's own services, added up and sent to CloudWatch once a second."""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import batched
from typing import Any, NamedTuple

from localstack.aws.connect import connect_to

from stockroom_localstack.state.hooks import before_saving

LOG = logging.getLogger(__name__)

SEND_EVERY_SECONDS = 1.0
VALUES_PER_METRIC = 150  # what PutMetricData takes


class Owner(NamedTuple):
    """Whose metrics are sent in one request."""

    account: str
    region: str
    namespace: str


class Metric(NamedTuple):
    """dimension: its name and value. unit: as CloudWatch has it, such as Count."""

    owner: Owner
    dimension: tuple[str, str]
    name: str
    unit: str


class MetricCollector:
    """Adds up what happened, and sends it from a thread that runs only while there is something to send.

    LocalStack sends a request to itself for each value. Under load these pile up by the hundred and cost more than what
    they count.
    """

    def __init__(self) -> None:
        self._values: defaultdict[Metric, Counter[float]] = defaultdict(Counter)
        self._lock = threading.Lock()

    def add(self, metric: Metric, value: float) -> None:
        """Count a value of a metric; it is sent within a second."""
        with self._lock:
            first = not self._values
            self._values[metric][value] += 1
        if first:
            timer = threading.Timer(SEND_EVERY_SECONDS, self.send)
            timer.daemon = True
            timer.start()

    def send(self) -> None:
        """Send all that has not been sent yet. What CloudWatch does not take is lost."""
        with self._lock:
            values, self._values = self._values, defaultdict(Counter)
        now = datetime.now(UTC)
        for owner in {metric.owner for metric in values}:
            own = {metric: counts for metric, counts in values.items() if metric.owner == owner}
            try:
                cloudwatch = connect_to(aws_access_key_id=owner.account, region_name=owner.region).cloudwatch
                cloudwatch.put_metric_data(Namespace=owner.namespace, MetricData=[*metric_data(own, now)])
            except Exception as error:
                LOG.debug("could not send metrics of %s: %s", owner.namespace, error)


def metric_data(values: Mapping[Metric, Counter[float]], now: datetime) -> Iterator[dict[str, Any]]:
    """The argument MetricData of PutMetricData."""
    for metric, counts in values.items():
        name, value = metric.dimension
        for some in batched(counts.items(), VALUES_PER_METRIC, strict=False):
            yield {
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": value}],
                "Timestamp": now,
                "Unit": metric.unit,
                "Values": [float(value) for value, _ in some],
                "Counts": [float(count) for _, count in some],
            }


COLLECTOR = MetricCollector()
before_saving(COLLECTOR.send)
