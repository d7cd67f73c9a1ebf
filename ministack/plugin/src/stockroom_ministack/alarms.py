"""Alarms look at their own dimensions and at every period, as AWS's do; MiniStack takes all metrics of a name as one.

Nothing else than a thread would see that a metric has ended, or that a queue has messages: AWS/SQS is reported here.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ministack.core.responses import _request_account_id, _request_region
from ministack.services import cloudwatch, sqs

LOG = logging.getLogger("alarms")

LOOK_SECONDS = 5.0
REPORT_SECONDS = 60.0

BREACHES: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}

Alarm = dict[str, Any]


def patch() -> None:
    """Replace how alarms are evaluated, and begin to count messages of queues."""
    cloudwatch._evaluate_alarm = evaluate
    threading.Thread(target=_watch, daemon=True, name="stockroom-alarms").start()


def evaluate(alarm: Alarm) -> None:
    """Give the alarm its new state, and tell who listens. Those of metric math and of anomalies stay as they are."""
    if not alarm.get("MetricName") or alarm.get("ComparisonOperator") not in BREACHES:
        return
    now = time.time()
    wanted = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or []}
    key = (alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(wanted))
    points = list(cloudwatch._metrics.get(key) or [])
    old = alarm["StateValue"]
    new = new_state(alarm, _values(alarm, points, now))
    if new in (None, old):
        return
    reason = f"Threshold Crossed: {alarm['ComparisonOperator']} {alarm['Threshold']}"
    alarm.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=int(now))
    cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def new_state(alarm: Alarm, values: list[float | None]) -> str | None:
    """OK, ALARM, INSUFFICIENT_DATA, or None where the state stays. values: one for each period, None without data."""
    missing = alarm.get("TreatMissingData") or "missing"
    if all(value is None for value in values):
        states = {"breaching": "ALARM", "notBreaching": "OK", "missing": "INSUFFICIENT_DATA"}
        return states.get(missing)
    breaches = BREACHES[alarm["ComparisonOperator"]]
    breaching = [
        missing == "breaching" if value is None else breaches(value, float(alarm["Threshold"])) for value in values
    ]
    return "ALARM" if sum(breaching) >= (alarm.get("DatapointsToAlarm") or len(values)) else "OK"


def _values(alarm: Alarm, points: list[dict[str, Any]], now: float) -> list[float | None]:
    """The alarm's statistic of each of its periods; the last one ends now."""
    period = int(alarm.get("Period") or 60)
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    values: list[float | None] = []
    for number in range(int(alarm.get("EvaluationPeriods") or 1)):
        begin = now - (number + 1) * period
        some = [point for point in points if begin < point["Timestamp"] <= begin + period]
        values.append(cloudwatch._stat_value(cloudwatch._calc_stats(some), statistic, some) if some else None)
    return values


def _watch() -> None:
    reported = 0.0
    while True:
        time.sleep(LOOK_SECONDS)
        try:
            if time.monotonic() - reported >= REPORT_SECONDS:
                reported = time.monotonic()
                _report_queues()
            for account, region in {key[:2] for key in list(cloudwatch._alarms._data)}:
                with _scope(account, region):
                    cloudwatch._evaluate_all_alarms()
        except Exception:
            LOG.exception("alarms were not looked at")


def _report_queues() -> None:
    now = time.time()
    for (account, region, url), queue in list(sqs._queues._data.items()):
        messages = list(queue["messages"])
        delayed = [one for one in messages if one["visible_at"] > now and not one.get("receive_count")]
        in_flight = [one for one in messages if one["visible_at"] > now and one.get("receive_count")]
        values = {
            "ApproximateNumberOfMessagesVisible": len(messages) - len(delayed) - len(in_flight),
            "ApproximateNumberOfMessagesNotVisible": len(in_flight),
            "ApproximateNumberOfMessagesDelayed": len(delayed),
        }
        oldest = min((one["sent_at"] for one in messages), default=now)
        with _scope(account, region):
            dimensions = {"QueueName": url.rpartition("/")[2]}
            for name, value in values.items():
                cloudwatch.record_metric("AWS/SQS", name, value, "Count", dimensions)
            cloudwatch.record_metric("AWS/SQS", "ApproximateAgeOfOldestMessage", now - oldest, "Seconds", dimensions)


@contextmanager
def _scope(account: str, region: str) -> Iterator[None]:
    account_token, region_token = _request_account_id.set(account), _request_region.set(region)
    try:
        yield
    finally:
        _request_account_id.reset(account_token)
        _request_region.reset(region_token)
