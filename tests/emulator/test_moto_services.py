"""Services that moto answers on the emulator's port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .emulator_python import run_program

# service: (operation, its arguments, the part of the answer that shows that moto's model answered)
CALLS: dict[str, tuple[str, dict[str, Any], str]] = {
    "apigatewayv2": ("get_apis", {}, "Items"),
    "application-autoscaling": ("describe_scalable_targets", {"ServiceNamespace": "ecs"}, "ScalableTargets"),
    "athena": ("list_work_groups", {}, "WorkGroups"),
    "autoscaling": ("describe_auto_scaling_groups", {}, "AutoScalingGroups"),
    "budgets": ("describe_budgets", {"AccountId": "000000000000"}, "Budgets"),
    "ce": ("get_anomaly_monitors", {}, "AnomalyMonitors"),
    "cloudfront": ("list_distributions", {}, "DistributionList"),
    "cloudtrail": ("list_trails", {}, "Trails"),
    "codebuild": ("list_projects", {}, "projects"),
    "codepipeline": ("list_pipelines", {}, "pipelines"),
    "cognito-idp": ("list_user_pools", {"MaxResults": 5}, "UserPools"),
    "ecr": ("describe_repositories", {}, "repositories"),
    "ecs": ("list_clusters", {}, "clusterArns"),
    "elasticache": ("describe_cache_clusters", {}, "CacheClusters"),
    "elbv2": ("describe_load_balancers", {}, "LoadBalancers"),
    "glue": ("get_databases", {}, "DatabaseList"),
    "quicksight": ("list_users", {"AwsAccountId": "000000000000", "Namespace": "default"}, "UserList"),
    "rds": ("describe_db_instances", {}, "DBInstances"),
    "servicediscovery": ("list_namespaces", {}, "Namespaces"),
    "wafv2": ("list_web_acls", {"Scope": "REGIONAL"}, "WebACLs"),
}


def test_every_service_of_moto_has_a_call_here() -> None:
    program = (
        "from stockroom_localstack.services.table import SERVICES, Origin\n"
        "print(*(service.name for service in SERVICES if service.origin is Origin.MOTO))\n"
    )
    assert sorted(CALLS) == sorted(run_program(program).split())


@pytest.mark.parametrize("service", CALLS)
def test_a_service_answers(aws: Callable[[str], Any], service: str) -> None:
    operation, arguments, part = CALLS[service]
    assert part in getattr(aws(service), operation)(**arguments)


def test_what_was_made_is_found_again(aws: Callable[[str], Any], unique: str) -> None:
    made = aws("ecs").create_cluster(clusterName=unique)["cluster"]["clusterArn"]
    assert made == f"arn:aws:ecs:us-east-1:000000000000:cluster/{unique}"
    assert made in aws("ecs").list_clusters()["clusterArns"]
    aws("ecs").delete_cluster(cluster=unique)


def test_what_is_missing_is_an_error_of_the_service(aws: Callable[[str], Any], unique: str) -> None:
    with pytest.raises(aws("ecr").exceptions.RepositoryNotFoundException):
        aws("ecr").describe_repositories(repositoryNames=[unique])


def test_budgets_keep_their_subscribers_and_tags_and_can_be_changed(aws: Callable[[str], Any], unique: str) -> None:
    service = aws("budgets")
    budget = {"BudgetName": unique, "BudgetType": "COST", "TimeUnit": "MONTHLY"}
    which = {"AccountId": "000000000000", "BudgetName": unique}
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    first, second = ({"SubscriptionType": "EMAIL", "Address": f"{name}@example.com"} for name in "ab")
    tags = [{"Key": "Owner", "Value": "shop"}]
    service.create_budget(
        AccountId="000000000000",
        Budget=budget | {"BudgetLimit": {"Amount": "50", "Unit": "USD"}},
        NotificationsWithSubscribers=[{"Notification": notification, "Subscribers": [first]}],
        ResourceTags=tags,
    )
    service.create_subscriber(**which, Notification=notification, Subscriber=second)
    service.delete_subscriber(**which, Notification=notification, Subscriber=first)
    found = service.describe_subscribers_for_notification(**which, Notification=notification)
    assert found["Subscribers"] == [second]
    arn = f"arn:aws:budgets::000000000000:budget/{unique}"
    assert service.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == tags
    limit = {"Amount": "70", "Unit": "USD"}
    service.update_budget(AccountId="000000000000", NewBudget=budget | {"BudgetLimit": limit})
    assert service.describe_budget(**which)["Budget"]["BudgetLimit"] == limit
    assert service.describe_notifications_for_budget(**which)["Notifications"] == [notification]
    service.delete_budget(**which)


def test_scalable_targets_keep_their_tags(aws: Callable[[str], Any], unique: str) -> None:
    service = aws("application-autoscaling")
    target = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": f"table/{unique}",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
    arn = service.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2, Tags={"Owner": "shop"})[
        "ScalableTargetARN"
    ]
    service.tag_resource(ResourceARN=arn, Tags={"Stage": "test"})
    assert service.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"Owner": "shop", "Stage": "test"}
    service.untag_resource(ResourceARN=arn, TagKeys=["Owner"])
    assert service.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"Stage": "test"}
    service.deregister_scalable_target(**target)
