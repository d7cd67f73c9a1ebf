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


def test_a_message_in_an_empty_queue_raises_its_alarm_before_a_period_is_over(
    aws: Callable[[str], Any], unique: str
) -> None:
    service, sqs = aws("cloudwatch"), aws("sqs")
    dead = sqs.create_queue(QueueName=f"dead-{unique}")["QueueUrl"]
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:000000000000:dead-{unique}", "maxReceiveCount": 1}
    url = sqs.create_queue(
        QueueName=unique, Attributes={"VisibilityTimeout": "0", "RedrivePolicy": json.dumps(redrive)}
    )["QueueUrl"]
    for name in (unique, f"dead-{unique}"):
        service.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/SQS",
            MetricName="ApproximateNumberOfMessagesVisible",
            Dimensions=[{"Name": "QueueName", "Value": name}],
            Statistic="Maximum",
            Period=86_400,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )

    def in_alarm() -> set[str]:
        alarms = service.describe_alarms(AlarmNames=[unique, f"dead-{unique}"])["MetricAlarms"]
        assert len(alarms) == 2
        return {alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM"}

    assert in_alarm() == set()
    sqs.send_message(QueueUrl=url, MessageBody="lost")
    wait_for("the queue's alarm", lambda: in_alarm() == {unique})
    for _ in range(2):
        sqs.receive_message(QueueUrl=url)
    count = "ApproximateNumberOfMessages"
    assert sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=[count])["Attributes"][count] == "1"
    wait_for("the other one's", lambda: in_alarm() == {unique, f"dead-{unique}"})
    service.delete_alarms(AlarmNames=[unique, f"dead-{unique}"])
