"""LocalStack's CloudWatch with metric math, with tags of alarms, with percentiles: of metric data, and in alarms, and
with alarms that are looked at as soon as there is reason to."""

from __future__ import annotations

import math
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext, handler
from localstack.aws.api.cloudwatch import DescribeAlarmsOutput, PutMetricAlarmInput, ScanBy, StateValue
from localstack.services.cloudwatch import alarm_scheduler
from localstack.services.cloudwatch.cloudwatch_database_helper import CloudwatchDatabase
from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider
from localstack.services.plugins import Service
from localstack.utils.aws import arns
from localstack.utils.patch import patch

from .metric_math import ExpressionError, evaluate_all

SECONDS_UNTIL_SEEN = 1.0  # what was put in this second is not among the data until now


class StockroomCloudwatchProvider(CloudwatchProvider):
    """LocalStack's provider with metric math, percentiles and alarms that look at once at what they are about."""

    def __init__(self) -> None:
        super().__init__()
        self._looks: dict[str, float] = {}  # by ARN of the alarm: when it will be looked at
        _know_percentiles()

    def put_metric_data(
        self, context: RequestContext, namespace: str, metric_data: Any = None, *arguments: Any, **options: Any
    ) -> None:
        super().put_metric_data(context, namespace, metric_data, *arguments, **options)
        stored = self.get_store(context.account_id, context.region).alarms
        alarms = {arn: each.alarm for arn, each in list(stored.items())}  # a list, since others may add to it
        for arn in alarms_to_look_at(alarms, namespace, metric_data or []):
            self._look_at(arn)

    def get_metric_data(
        self, context: RequestContext, metric_data_queries: Any, *arguments: Any, **options: Any
    ) -> Any:
        plain = [query for query in metric_data_queries if "MetricStat" in query]
        answer: Any = super().get_metric_data(context, plain, *arguments, **options)
        results = {result["Id"]: [result] for result in answer["MetricDataResults"]}
        if len(plain) < len(metric_data_queries):
            newest_first = options.get("scan_by") != ScanBy.TimestampAscending
            results |= _calculated(metric_data_queries, answer["MetricDataResults"], newest_first)
        shown = [query["Id"] for query in metric_data_queries if query.get("ReturnData") is not False]
        return answer | {"MetricDataResults": [result for each in shown for result in results[each]]}

    def _look_at(self, alarm_arn: str) -> None:
        """LocalStack looks at an alarm when its periods are over, counted from when it was made. Also on AWS nobody
        knows when that is."""
        now = time.time()
        if self._looks.get(alarm_arn, 0) > now:
            return
        self._looks[alarm_arn] = now + SECONDS_UNTIL_SEEN
        self.alarm_scheduler.scheduler.schedule(
            alarm_scheduler.calculate_alarm_state, start=now + SECONDS_UNTIL_SEEN, args=[alarm_arn]
        )

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


def _calculated(queries: Sequence[Any], metrics: Sequence[Any], newest_first: bool) -> dict[str, list[Any]]:
    """The results of expressions, by their ids: one for each series. Raises what AWS answers."""
    series = {
        result["Id"]: {
            moment.timestamp(): value for moment, value in zip(result["Timestamps"], result["Values"], strict=True)
        }
        for result in metrics
    }
    expressions = {query["Id"]: query["Expression"] for query in queries if "Expression" in query}
    labels = {query["Id"]: query.get("Label") or query["Id"] for query in queries}
    try:
        found = evaluate_all(expressions, series)
    except ExpressionError as error:
        raise CommonServiceException("ValidationError", str(error), sender_fault=True) from error
    results: dict[str, list[Any]] = {}
    for name, value in found.items():
        several = value if isinstance(value, list) else [value]
        if not all(isinstance(each, dict) for each in several):
            message = f"The expression {expressions[name]} makes a number, and not a time series"
            raise CommonServiceException("ValidationError", message, sender_fault=True)
        results[name] = [_result(name, labels[name], each, newest_first) for each in several if isinstance(each, dict)]
    return results


def _result(name: str, label: str, series: Mapping[float, float], newest_first: bool) -> Any:
    points = sorted(series.items(), reverse=newest_first)
    return {
        "Id": name,
        "Label": label,
        "StatusCode": "Complete",
        "Timestamps": [datetime.fromtimestamp(moment, UTC) for moment, _ in points],
        "Values": [value for _, value in points],
    }


def alarms_to_look_at(
    alarms: Mapping[str, Mapping[str, Any]], namespace: str, metric_data: Iterable[Mapping[str, Any]]
) -> list[str]:
    """The alarms that a new value may change at once: those that are not in alarm, and whose threshold one of the
    values exceeds by itself. The others can wait for their turn.

    alarms: by ARN, as DescribeAlarms tells them."""
    values: defaultdict[Any, list[float]] = defaultdict(list)
    for datum in metric_data:
        metric = (namespace, datum["MetricName"], _dimensions(datum))
        values[metric] += datum.get("Values") or ([datum["Value"]] if "Value" in datum else [])
    return [
        arn
        for arn, alarm in alarms.items()
        if alarm.get("StateValue") != StateValue.ALARM
        and (compare := alarm_scheduler.COMPARISON_OPS.get(alarm.get("ComparisonOperator", "")))
        and any(
            compare(value, alarm["Threshold"])
            for value in values.get((alarm.get("Namespace"), alarm.get("MetricName"), _dimensions(alarm)), [])
        )
    ]


def _dimensions(of: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset((each["Name"], each["Value"]) for each in of.get("Dimensions") or [])


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


def create() -> Service:
    """LocalStack's service with this provider."""
    return Service.for_provider(StockroomCloudwatchProvider())
