"""Metrics of functions, sent to CloudWatch once a second."""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import batched
from typing import Any, NamedTuple

from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation import version_manager
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager
from localstack.utils.aws.arns import parse_arn
from localstack.utils.patch import patch

LOG = logging.getLogger(__name__)

SEND_EVERY_SECONDS = 1.0
VALUES_PER_METRIC = 150  # what PutMetricData takes
UNITS = {"Duration": "Milliseconds", "IteratorAge": "Milliseconds"}


class Metric(NamedTuple):
    account: str
    region: str
    function: str
    name: str


class MetricCollector:
    """Adds up what happened, and sends it from a thread that runs only while there is something to send."""

    def __init__(self) -> None:
        self._values: defaultdict[Metric, Counter[float]] = defaultdict(Counter)
        self._lock = threading.Lock()

    def invocation(self, function_name: str, account_id: str, region_name: str) -> None:
        self._add(account_id, region_name, function_name, Invocations=1, Errors=0)

    def error(self, function_name: str, account_id: str, region_name: str) -> None:
        self._add(account_id, region_name, function_name, Invocations=1, Errors=1)

    def throttle(self, function_arn: str) -> None:
        self._add_for(function_arn, Throttles=1)

    def duration(self, function_arn: str, milliseconds: float) -> None:
        self._add_for(function_arn, Duration=round(milliseconds, 2))

    def iterator_age(self, function_arn: str, seconds: float) -> None:
        self._add_for(function_arn, IteratorAge=round(seconds * 1000))

    def _add_for(self, function_arn: str, **values: float) -> None:
        arn = parse_arn(function_arn)
        self._add(arn["account"], arn["region"], arn["resource"].split(":")[1], **values)

    def _add(self, account: str, region: str, function: str, **values: float) -> None:
        with self._lock:
            first = not self._values
            for name, value in values.items():
                self._values[Metric(account, region, function, name)][value] += 1
        if first:
            timer = threading.Timer(SEND_EVERY_SECONDS, self._send)
            timer.daemon = True
            timer.start()

    def _send(self) -> None:
        with self._lock:
            values, self._values = self._values, defaultdict(Counter)
        for account, region in {(metric.account, metric.region) for metric in values}:
            here = {metric: counts for metric, counts in values.items() if metric[:2] == (account, region)}
            try:
                cloudwatch = connect_to(aws_access_key_id=account, region_name=region).cloudwatch
                cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=[*metric_data(here, datetime.now(UTC))])
            except Exception as error:
                LOG.debug("could not send the metrics of Lambda functions: %s", error)


def metric_data(values: Mapping[Metric, Counter[float]], now: datetime) -> Iterator[dict[str, Any]]:
    """The argument MetricData of PutMetricData."""
    for metric, counts in values.items():
        for some in batched(counts.items(), VALUES_PER_METRIC, strict=False):
            yield {
                "MetricName": metric.name,
                "Dimensions": [{"Name": "FunctionName", "Value": metric.function}],
                "Timestamp": now,
                "Unit": UNITS.get(metric.name, "Count"),
                "Values": [float(value) for value, _ in some],
                "Counts": [float(count) for _, count in some],
            }


COLLECTOR = MetricCollector()


def collect() -> None:
    # Patches, because LocalStack has no seam here: it sends a request to itself for each invocation, each from a thread
    # of its own. Under load these pile up by the hundred and cost more than the invocations. Throttles it forgets.
    vars(version_manager).update(
        record_cw_metric_invocation=COLLECTOR.invocation,
        record_cw_metric_error=COLLECTOR.error,
    )

    @patch(LambdaVersionManager.invoke)
    def invoke(original: Any, self: LambdaVersionManager, *, invocation: Any) -> Any:
        try:
            return original(self, invocation=invocation)
        except TooManyRequestsException:
            COLLECTOR.throttle(self.function_arn)
            raise
