"""The provider of CloudWatch Logs: filters of logs, of subscriptions and of metrics."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import batched
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.logs import InvalidParameterException
from localstack.aws.connect import connect_to
from localstack.services.logs import provider
from localstack.services.logs.models import get_moto_logs_backend
from localstack.services.logs.provider import LogsProvider
from localstack.services.moto import MotoFallbackDispatcher, call_moto
from localstack.services.plugins import Service
from moto.logs.models import LogStream

from .patterns import Pattern, PatternError, parse

MOST_DATA = 1000  # that PutMetricData takes at once


class StockroomLogsProvider(LogsProvider):
    """LocalStack's provider with filter patterns as on AWS."""

    def on_after_init(self) -> None:
        # What LocalStack calls by name, for other packages to replace.
        module: Any = provider
        module.get_pattern_matcher = _matcher
        _tell_each_subscription()

    def put_log_events(  # type: ignore[override]
        self, context: RequestContext, log_group_name: str, log_stream_name: str, log_events: Any, **options: Any
    ) -> Any:
        answer = call_moto(context)
        backend = get_moto_logs_backend(context.account_id, context.region)
        for each in list(backend.filters.metric_filters):
            if each.get("logGroupName") == log_group_name:
                _count(context, each, [one["message"] for one in log_events])
        return answer

    @handler("FilterLogEvents", expand=False)
    def filter_log_events(self, context: RequestContext, request: Any) -> Any:  # type: ignore[override]
        _require_pattern(request.get("filterPattern"))
        return call_moto(context)

    @handler("PutMetricFilter", expand=False)
    def put_metric_filter(self, context: RequestContext, request: Any) -> Any:  # type: ignore[override]
        _require_pattern(request.get("filterPattern"))
        return call_moto(context)

    @handler("PutSubscriptionFilter", expand=False)
    def put_subscription_filter(self, context: RequestContext, request: Any) -> Any:  # type: ignore[override]
        _require_pattern(request.get("filterPattern"))
        return call_moto(context)


@cache
def _tell_each_subscription() -> None:
    # A patch (of a patch, which `patch` can't find): LocalStack gives to the second of a group's filters what the first
    # has let through.
    streams: Any = LogStream
    original = streams.put_log_events

    def put_log_events(self: LogStream, log_events: Any) -> Any:
        filters = dict(self.log_group.subscription_filters)
        if len(filters) < 2:
            return original(self, log_events)
        stored = _with_filters(self, {})
        token = original(stored, log_events)
        for name in ("last_ingestion_time", "stored_bytes", "upload_sequence_token"):
            setattr(self, name, getattr(stored, name))
        for name, each in filters.items():
            stream = _with_filters(self, {name: each})
            stream.events = []
            original(stream, log_events)
        return token

    streams.put_log_events = put_log_events


def _with_filters(stream: LogStream, filters: dict[str, Any]) -> LogStream:
    """A copy with the same events."""
    other = copy.copy(stream)
    other.log_group = copy.copy(stream.log_group)
    other.log_group.subscription_filters = filters
    return other


def _require_pattern(pattern: str | None) -> None:
    try:
        parse(pattern or "")
    except PatternError as error:
        raise InvalidParameterException(f"Invalid filter pattern: {error}") from error


def _matcher(pattern: str) -> Callable[[str, Mapping[str, Any]], bool]:
    parsed = parse(pattern)
    return lambda _, event: parsed(event["message"])


def metric_data(pattern: Pattern, transformation: Mapping[str, Any], messages: Iterable[str]) -> list[dict[str, Any]]:
    """The argument MetricData of PutMetricData: what one transformation of a metric filter makes of messages."""
    unit = transformation.get("unit") or "None"
    data: list[dict[str, Any]] = []
    for message in messages:
        if not pattern(message):
            continue
        value = _number(pattern, message, transformation.get("metricValue") or "1")
        if value is None:
            continue
        named = {
            name: pattern.value(message, selector)
            for name, selector in (transformation.get("dimensions") or {}).items()
        }
        if None in named.values():
            continue
        dimensions = [{"Name": name, "Value": str(one)} for name, one in named.items()]
        data.append(
            {"MetricName": transformation["metricName"], "Value": value, "Unit": unit, "Dimensions": dimensions}
        )
    default = transformation.get("defaultValue")
    if not data and default is not None:
        data.append({"MetricName": transformation["metricName"], "Value": float(default), "Unit": unit})
    return data


def _number(pattern: Pattern, message: str, value: str) -> float | None:
    """The metric's value: a number, or what such as $.ms names in the message."""
    found = pattern.value(message, value) if value.startswith("$") else value
    try:
        return float(found)
    except (TypeError, ValueError):
        return None


def _count(context: RequestContext, each: Mapping[str, Any], messages: list[str]) -> None:
    cloudwatch = connect_to(aws_access_key_id=context.account_id, region_name=context.region).cloudwatch
    for transformation in each.get("metricTransformations", []):
        data = metric_data(parse(each.get("filterPattern") or ""), transformation, messages)
        for some in batched(data, MOST_DATA, strict=False):
            cloudwatch.put_metric_data(Namespace=transformation["metricNamespace"], MetricData=list(some))


def create() -> Service:
    """LocalStack's service with this provider."""
    return Service.for_provider(StockroomLogsProvider(), dispatch_table_factory=MotoFallbackDispatcher)
