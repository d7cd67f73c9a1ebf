"""Anomaly monitors and subscriptions of Cost Explorer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .functions import client

MONITOR = {"MonitorName": "services", "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"}
ABOVE_100 = {
    "Dimensions": {
        "Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
        "Values": ["100"],
        "MatchOptions": ["GREATER_THAN_OR_EQUAL"],
    }
}


def test_a_monitor_and_its_subscription_live_from_creation_to_deletion(endpoint: str) -> None:
    # An account has one monitor of its services, and that of the platform's may be taken by the platform.
    service = client("ce", endpoint, account="444444444444")
    owner = [{"Key": "Owner", "Value": "shop"}]
    monitor = service.create_anomaly_monitor(AnomalyMonitor=MONITOR, ResourceTags=owner)["MonitorArn"]
    with pytest.raises(service.exceptions.LimitExceededException):
        service.create_anomaly_monitor(AnomalyMonitor=MONITOR)
    [found] = service.get_anomaly_monitors(MonitorArnList=[monitor])["AnomalyMonitors"]
    assert MONITOR.items() <= found.items()
    assert service.list_tags_for_resource(ResourceArn=monitor)["ResourceTags"] == owner

    subscription = service.create_anomaly_subscription(
        AnomalySubscription={
            "SubscriptionName": "alarm",
            "MonitorArnList": [monitor],
            "Frequency": "IMMEDIATE",
            "Subscribers": [{"Type": "SNS", "Address": "arn:aws:sns:us-east-1:444444444444:alarm"}],
            "ThresholdExpression": ABOVE_100,
        }
    )["SubscriptionArn"]
    service.update_anomaly_subscription(SubscriptionArn=subscription, SubscriptionName="other name")
    [found] = service.get_anomaly_subscriptions(MonitorArn=monitor)["AnomalySubscriptions"]
    assert found["SubscriptionName"] == "other name"
    assert found["ThresholdExpression"] == ABOVE_100
    assert found["AccountId"] == "444444444444"
    with pytest.raises(ClientError, match="EMAIL"):
        service.update_anomaly_subscription(SubscriptionArn=subscription, Frequency="DAILY")
    service.tag_resource(ResourceArn=subscription, ResourceTags=owner)
    service.untag_resource(ResourceArn=subscription, ResourceTagKeys=["Owner"])
    assert service.list_tags_for_resource(ResourceArn=subscription)["ResourceTags"] == []

    service.delete_anomaly_subscription(SubscriptionArn=subscription)
    service.delete_anomaly_monitor(MonitorArn=monitor)
    with pytest.raises(service.exceptions.UnknownSubscriptionException):
        service.get_anomaly_subscriptions(SubscriptionArnList=[subscription])
    with pytest.raises(service.exceptions.UnknownMonitorException):
        service.get_anomaly_monitors(MonitorArnList=[monitor])
    with pytest.raises(service.exceptions.ResourceNotFoundException):
        service.list_tags_for_resource(ResourceArn=monitor)


def test_a_subscription_needs_a_monitor_that_is_there(aws: Callable[[str], Any]) -> None:
    service = aws("ce")
    with pytest.raises(service.exceptions.UnknownMonitorException):
        service.create_anomaly_subscription(
            AnomalySubscription={
                "SubscriptionName": "alarm",
                "MonitorArnList": ["arn:aws:ce::000000000000:anomalymonitor/missing"],
                "Frequency": "DAILY",
                "Subscribers": [{"Type": "EMAIL", "Address": "shop@example.com"}],
            }
        )
