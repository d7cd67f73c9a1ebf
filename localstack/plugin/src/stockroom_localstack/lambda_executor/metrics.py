"""Counts of invocations and errors, sent to CloudWatch once a second."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation import version_manager

LOG = logging.getLogger(__name__)

SEND_EVERY_SECONDS = 1.0


class Count(NamedTuple):
    account: str
    region: str
    function: str
    metric: str


class MetricCollector:
    """Adds up what happened, and sends the sums from a thread that runs only while there is something to send."""

    def __init__(self) -> None:
        self._counts: Counter[Count] = Counter()
        self._lock = threading.Lock()

    def invocation(self, function_name: str, account_id: str, region_name: str) -> None:
        self._add(Count(account_id, region_name, function_name, "Invocations"))

    def error(self, function_name: str, account_id: str, region_name: str) -> None:
        self._add(
            Count(account_id, region_name, function_name, "Invocations"),
            Count(account_id, region_name, function_name, "Errors"),
        )

    def _add(self, *counts: Count) -> None:
        with self._lock:
            first = not self._counts
            self._counts.update(counts)
        if first:
            timer = threading.Timer(SEND_EVERY_SECONDS, self._send)
            timer.daemon = True
            timer.start()

    def _send(self) -> None:
        with self._lock:
            counts, self._counts = self._counts, Counter()
        for account, region in {(count.account, count.region) for count in counts}:
            here = {count: number for count, number in counts.items() if count[:2] == (account, region)}
            try:
                connect_to(aws_access_key_id=account, region_name=region).cloudwatch.put_metric_data(
                    Namespace="AWS/Lambda", MetricData=metric_data(here, datetime.now(UTC))
                )
            except Exception as error:
                LOG.debug("could not send the metrics of Lambda functions: %s", error)


def metric_data(counts: Mapping[Count, int], now: datetime) -> list[dict[str, Any]]:
    """The argument MetricData of PutMetricData."""
    return [
        {
            "MetricName": count.metric,
            "Dimensions": [{"Name": "FunctionName", "Value": count.function}],
            "Timestamp": now,
            "Unit": "Count",
            "Values": [1.0],
            "Counts": [float(number)],
        }
        for count, number in counts.items()
    ]


def collect() -> None:
    # A patch, because LocalStack has no seam here: it sends a request to itself for each invocation, each from a thread
    # of its own. Under load these pile up by the hundred and cost more than the invocations.
    collector = MetricCollector()
    vars(version_manager).update(
        record_cw_metric_invocation=collector.invocation,
        record_cw_metric_error=collector.error,
    )
