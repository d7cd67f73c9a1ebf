"""Alarms: everything that can go wrong has one, and who listens to the topic hears of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.data_platform.resources import Resources

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Platform

pytestmark = pytest.mark.flow()


@pytest.fixture
def listener(platform: Platform, unique: str) -> Generator[str]:
    """URL of a queue that hears what the alarm topic is told; gone with the test."""
    topic = platform.outputs["alarm_topic_arn"]
    url = platform.sqs.create_queue(QueueName=f"{unique}-alarms")["QueueUrl"]
    subscription = None
    try:
        arn = platform.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
                }
            ],
        }
        platform.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        subscription = platform.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)[
            "SubscriptionArn"
        ]
        yield url
    finally:
        if subscription:
            platform.sns.unsubscribe(SubscriptionArn=subscription)
        platform.sqs.delete_queue(QueueUrl=url)


def heard(platform: Platform, url: str) -> list[dict[str, Any]]:
    """Take what the listener heard since it was last asked: the alarms' own messages."""
    messages = platform.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in messages:
        platform.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(json.loads(message["Body"])["Message"]) for message in messages]


def watched(resources: Resources, metric: str) -> dict[str, dict[str, Any]]:
    """Name of what an alarm of this metric watches → the alarm."""
    found: dict[str, dict[str, Any]] = {}
    for alarm in resources.alarms.values():
        if alarm["MetricName"] == metric:
            (dimension,) = alarm["Dimensions"]
            assert dimension["Value"] not in found, f"{alarm['AlarmName']} is one of two"
            found[dimension["Value"]] = alarm
    return found


def to_watch(resources: Resources, metric: str) -> set[str]:
    """Names of all that must have an alarm of this metric."""
    match metric:
        case "ApproximateNumberOfMessagesVisible":
            return {each["QueueArn"].split(":")[-1] for each in resources.dead_letter_queues.values()}
        case "Errors" | "Throttles" | "Duration":
            return set(resources.functions)
        case "IteratorAge":
            streams = [source for source in resources.event_sources if ":sqs:" not in source["EventSourceArn"]]
            return {source["FunctionArn"].split(":")[6] for source in streams}
        case "ReadThrottleEvents" | "WriteThrottleEvents":
            return set(resources.tables)
        case _:
            return set(resources.streams)


# Metric → namespace, dimension, statistic: what AWS itself reports, without which an alarm never sees anything.
REPORTED = {
    "ApproximateNumberOfMessagesVisible": ("AWS/SQS", "QueueName", "Maximum"),
    "Errors": ("AWS/Lambda", "FunctionName", "Sum"),
    "Throttles": ("AWS/Lambda", "FunctionName", "Sum"),
    "Duration": ("AWS/Lambda", "FunctionName", "p95"),
    "IteratorAge": ("AWS/Lambda", "FunctionName", "Maximum"),
    "ReadThrottleEvents": ("AWS/DynamoDB", "TableName", "Sum"),
    "WriteThrottleEvents": ("AWS/DynamoDB", "TableName", "Sum"),
    "ReadProvisionedThroughputExceeded": ("AWS/Kinesis", "StreamName", "Sum"),
    "WriteProvisionedThroughputExceeded": ("AWS/Kinesis", "StreamName", "Sum"),
}


@pytest.mark.smoke
@pytest.mark.parametrize("metric", REPORTED)
def test_all_that_can_go_wrong_is_watched_and_nothing_else(resources: Resources, metric: str) -> None:
    alarms = watched(resources, metric)
    expected = to_watch(resources, metric)
    assert expected
    assert set(alarms) == expected
    namespace, dimension, statistic = REPORTED[metric]
    for name, alarm in alarms.items():
        asked = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
        assert (alarm["Namespace"], alarm["Dimensions"][0]["Name"], asked) == (namespace, dimension, statistic), name


@pytest.mark.smoke
def test_every_alarm_is_of_a_kind_that_is_checked_here(resources: Resources) -> None:
    assert {alarm["MetricName"] for alarm in resources.alarms.values()} == set(REPORTED)


@pytest.mark.smoke
def test_alarms_tell_the_topic_when_they_begin_and_when_they_end(platform: Platform, resources: Resources) -> None:
    topic = [platform.outputs["alarm_topic_arn"]]
    assert resources.alarms
    for name, alarm in resources.alarms.items():
        assert alarm["ActionsEnabled"], name
        assert (alarm["AlarmActions"], alarm["OKActions"]) == (topic, topic), name
        assert alarm["AlarmDescription"], name


@pytest.mark.smoke
def test_alarms_take_one_bad_reading_and_what_is_not_used_for_good(resources: Resources) -> None:
    slow = {"Duration", "IteratorAge"}
    for name, alarm in resources.alarms.items():
        assert (alarm["ComparisonOperator"], alarm["TreatMissingData"]) == ("GreaterThanThreshold", "notBreaching"), (
            name
        )
        if alarm["MetricName"] not in slow:
            assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (0, 1, 1), name


@pytest.mark.smoke
def test_a_function_is_slow_at_four_fifths_of_its_own_timeout(resources: Resources) -> None:
    limits = {name: alarm["Threshold"] for name, alarm in watched(resources, "Duration").items()}
    assert limits
    assert limits == {name: 800 * function["Timeout"] for name, function in resources.functions.items()}


@pytest.mark.smoke
def test_a_stream_is_behind_long_before_it_forgets(resources: Resources) -> None:
    shortest = min(24, *(stream["RetentionPeriodHours"] for stream in resources.streams.values()))
    alarms = watched(resources, "IteratorAge")
    assert alarms
    for name, alarm in alarms.items():
        seconds = alarm["Threshold"] / 1000 + alarm["Period"] * alarm["EvaluationPeriods"]
        assert seconds < shortest * 3600 / 10, name


@pytest.mark.smoke
def test_the_dashboard_shows_every_alarm_and_everything_watched(platform: Platform, resources: Resources) -> None:
    body = platform.cloudwatch.get_dashboard(DashboardName=f"{resources.prefix}data-platform")["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    shown = [arn for widget in widgets if widget["type"] == "alarm" for arn in widget["properties"]["alarms"]]
    assert sorted(shown) == sorted(alarm["AlarmArn"] for alarm in resources.alarms.values())
    graphs = [widget["properties"] for widget in widgets if widget["type"] == "metric"]
    assert graphs
    assert {graph["region"] for graph in graphs} == {resources.key_arn.split(":")[3]}
    metrics = {(namespace, metric, value) for graph in graphs for namespace, metric, _, value in graph["metrics"]}
    for alarm in resources.alarms.values():
        of = (alarm["Namespace"], alarm["MetricName"], alarm["Dimensions"][0]["Value"])
        assert of in metrics, f"{alarm['AlarmName']} has no graph"


@pytest.mark.smoke
def test_who_is_on_call_is_subscribed(platform: Platform, resources: Resources) -> None:
    pages = platform.sns.get_paginator("list_subscriptions_by_topic").paginate(
        TopicArn=platform.outputs["alarm_topic_arn"]
    )
    listed = [subscription for page in pages for subscription in page["Subscriptions"]]
    emails = [subscription["Endpoint"] for subscription in listed if subscription["Protocol"] == "email"]
    assert emails == [email for email in [resources.declared.get("alarm_email")] if email]


@pytest.mark.smoke
def test_the_budget_warns_before_and_when_it_is_spent(platform: Platform, resources: Resources) -> None:
    budgets, name = platform.client("budgets"), f"{resources.prefix}data-platform"
    of = {"AccountId": resources.account_id, "BudgetName": name}
    budget = budgets.describe_budget(**of)["Budget"]
    assert float(budget["BudgetLimit"]["Amount"]) == float(resources.declared["monthly_budget_usd"])
    assert (budget["BudgetLimit"]["Unit"], budget["BudgetType"], budget["TimeUnit"]) == ("USD", "COST", "MONTHLY")
    assert budget["CostFilters"] == {"TagKeyValue": [f"user:Project${resources.path.split('/')[0]}"]}
    notifications = budgets.describe_notifications_for_budget(**of)["Notifications"]
    limits = {(each["NotificationType"], each["ComparisonOperator"], each["Threshold"]) for each in notifications}
    assert limits == {("FORECASTED", "GREATER_THAN", 80), ("ACTUAL", "GREATER_THAN", 100)}
    for notification in notifications:
        told = budgets.describe_subscribers_for_notification(**of, Notification=notification)["Subscribers"]
        assert told == [{"SubscriptionType": "SNS", "Address": platform.outputs["alarm_topic_arn"]}]


@pytest.mark.smoke
def test_unusual_costs_are_watched_where_the_environment_says_so(platform: Platform, resources: Resources) -> None:
    ce = platform.client("ce")
    ours = [
        each
        for each in ce.get_anomaly_monitors()["AnomalyMonitors"]
        if each["MonitorName"].startswith(resources.prefix)
    ]
    if "cost_anomaly_threshold_usd" not in resources.declared:
        assert ours == []
        return
    (monitor,) = ours
    (subscription,) = [
        each
        for each in ce.get_anomaly_subscriptions()["AnomalySubscriptions"]
        if monitor["MonitorArn"] in each["MonitorArnList"]
    ]
    assert [each["Address"] for each in subscription["Subscribers"]] == [platform.outputs["alarm_topic_arn"]]
    assert resources.declared["cost_anomaly_threshold_usd"] in json.dumps(subscription["ThresholdExpression"])


def test_who_listens_to_the_topic_hears_of_an_alarm_and_of_its_end(
    platform: Platform, resources: Resources, listener: str, wait_until: Callable[..., Any], unique: str
) -> None:
    name = watched(resources, "Duration")[platform.outputs["function_names"]["restock"]]["AlarmName"]

    def hears(state: str) -> Callable[[], bool]:
        return lambda: any(
            (each["AlarmName"], each["NewStateValue"]) == (name, state) for each in heard(platform, listener)
        )

    platform.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=f"{unique} tries it")
    try:
        wait_until(hears("ALARM"), timeout=30)
    finally:
        platform.cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason=f"{unique} tried it")
    wait_until(hears("OK"), timeout=30)


def test_a_dead_letter_raises_its_alarm(
    platform: Platform, resources: Resources, wait_until: Callable[..., Any], unique: str
) -> None:
    queue = "inventory_stream"  # what is handed over again from here, names records of a stream: this names none
    url = platform.outputs["dead_letter_queue_urls"][queue]
    name = resources.queues[url]["QueueArn"].split(":")[-1]
    alarm = watched(resources, "ApproximateNumberOfMessagesVisible")[name]["AlarmName"]
    platform.sqs.send_message(QueueUrl=url, MessageBody=f"{unique} died")
    try:
        wait_until(lambda: state(platform, alarm) == "ALARM", timeout=240)  # the metric, and the alarm, a minute each
    finally:
        wait_until(lambda: platform.take_dead_letters(unique, queue), timeout=30)


def state(platform: Platform, alarm: str) -> str:
    (found,) = platform.cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    return str(found["StateValue"])
