"""LocalStack's CloudWatch with tags of alarms, and with percentiles: of metric data, and in alarms."""

from __future__ import annotations

import math
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.cloudwatch import DescribeAlarmsOutput, PutMetricAlarmInput, ScanBy
from localstack.services.cloudwatch import alarm_scheduler
from localstack.services.cloudwatch.cloudwatch_database_helper import CloudwatchDatabase
from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider
from localstack.utils.aws import arns
from localstack.utils.patch import patch


class StockroomCloudwatchProvider(CloudwatchProvider):
    def __init__(self) -> None:
        super().__init__()
        _know_percentiles()

    @handler("PutMetricAlarm", expand=False)
    def put_metric_alarm(  # type: ignore[override]  # as LocalStack's own class does
        self, context: RequestContext, request: PutMetricAlarmInput
    ) -> None:
        arn = arns.cloudwatch_alarm_arn(request["AlarmName"], context.account_id, context.region)
        store = self.get_store(context.account_id, context.region)
        is_new = arn not in store.alarms
        tags: list[Any] = request.get("Tags") or []
        alarm: Any = {name: value for name, value in request.items() if name != "Tags"}
        super().put_metric_alarm(context, alarm)
        if is_new:
            old: list[Any] = store.TAGS.list_tags_for_resource(arn)["Tags"]
            store.TAGS.untag_resource(arn, [tag["Key"] for tag in old])
            store.TAGS.tag_resource(arn, tags)

    def describe_alarms(self, context: RequestContext, *arguments: Any, **options: Any) -> DescribeAlarmsOutput:
        # Copies: LocalStack's own change while the answer is written, and then there is none.
        found = super().describe_alarms(context, *arguments, **options)
        copies: Any = {
            kind: [dict(one) for one in alarms] for kind, alarms in found.items() if isinstance(alarms, list)
        }
        answer: DescribeAlarmsOutput = found | copies
        return answer


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` per cent of the values do not exceed, between two values in proportion."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low + (high - low) * (place % 1)


@cache
def _know_percentiles() -> None:
    # Patches of functions that LocalStack calls by name; its SQL knows no percentiles.
    @patch(CloudwatchDatabase.get_metric_data_stat)
    def get_metric_data_stat(original: Any, self: CloudwatchDatabase, **query: Any) -> dict[str, list[float]]:
        statistic = query["query"]["MetricStat"]["Stat"]
        if not statistic.startswith("p"):
            found: dict[str, list[float]] = original(self, **query)
            return found
        points = sorted(_values_by_period(self, **query).items())
        if query["scan_by"] in (None, ScanBy.TimestampDescending):
            points.reverse()
        return {
            "timestamps": [start for start, _ in points],
            "values": [percentile(values, float(statistic[1:])) for _, values in points],
        }

    @patch(alarm_scheduler.get_metric_alarm_details_for_alarm_arn)
    def get_metric_alarm_details_for_alarm_arn(original: Any, alarm_arn: str) -> Any:
        alarm = original(alarm_arn)
        if alarm and "Statistic" not in alarm and "ExtendedStatistic" in alarm:
            return alarm | {"Statistic": alarm["ExtendedStatistic"]}
        return alarm


def _values_by_period(
    database: CloudwatchDatabase, account_id: str, region: str, query: Any, start_time: Any, end_time: Any, scan_by: Any
) -> dict[int, list[float]]:
    """All values of a metric by the start of their period."""
    wanted = query["MetricStat"]
    metric, period = wanted["Metric"], wanted["Period"]
    start, end = (database._convert_timestamp_to_unix(moment) for moment in (start_time, end_time))
    conditions = ["account_id = ?", "region = ?", "namespace = ?", "metric_name = ?", "timestamp >= ?", "timestamp < ?"]
    arguments = [account_id, region, metric.get("Namespace"), metric.get("MetricName"), start, end]
    if dimensions := metric.get("Dimensions"):
        conditions.append("dimensions LIKE ?")
        arguments.append(database._get_ordered_dimensions_with_separator(dimensions, for_search=True))
    else:
        conditions.append("dimensions IS NULL")
    if unit := wanted.get("Unit"):
        conditions.append("COALESCE(unit, 'NULL_VALUE') = ?")
        arguments.append(unit)
    statement = f"SELECT timestamp, value FROM SINGLE_METRICS WHERE {' AND '.join(conditions)}"  # noqa: S608
    found = defaultdict(list)
    with database.DATABASE_LOCK, sqlite3.connect(database.METRICS_DB_READ_ONLY, uri=True) as connection:
        for moment, value in connection.execute(statement, arguments):
            found[start + (moment - start) // period * period].append(value)
    return found
