"""CloudWatch alarms."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .recipe import wait_for


def test_an_alarm_on_a_percentile_tells_its_topic(aws: Callable[[str], Any], unique: str) -> None:
    service, sqs, sns = aws("cloudwatch"), aws("sqs"), aws("sns")
    queue = sqs.create_queue(QueueName=unique)["QueueUrl"]
    topic = sns.create_topic(Name=unique)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:000000000000:{unique}")
    values = [float(number) for number in range(1, 101)]
    service.put_metric_data(Namespace=unique, MetricData=[{"MetricName": "Duration", "Values": values}])
    metric = {"Namespace": unique, "MetricName": "Duration"}
    service.put_metric_alarm(
        AlarmName=unique,
        **metric,
        ExtendedStatistic="p95",
        Period=10,
        EvaluationPeriods=1,
        Threshold=90,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
        AlarmActions=[topic],
        Tags=[{"Key": "Owner", "Value": "shop"}],
    )
    [alarm] = service.describe_alarms(AlarmNames=[unique])["MetricAlarms"]
    assert service.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [{"Key": "Owner", "Value": "shop"}]

    now = datetime.now(UTC)
    [found] = service.get_metric_data(
        MetricDataQueries=[{"Id": "p", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "p95"}}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
    )["MetricDataResults"]
    assert found["Values"] == [pytest.approx(95.05)]

    def told() -> bool:
        service.put_metric_data(Namespace=unique, MetricData=[{"MetricName": "Duration", "Values": values}])
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])
        return any(json.loads(json.loads(one["Body"])["Message"])["NewStateValue"] == "ALARM" for one in messages)

    wait_for("the alarm", told, 60)
    service.delete_alarms(AlarmNames=[unique])
