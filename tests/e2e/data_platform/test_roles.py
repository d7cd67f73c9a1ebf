"""Roles: each function may do exactly what it is there for, and nothing else to anything that is deployed.

IAM's simulator is asked about every action below on every resource of the platform, so that a permission too many
is found as well as one too few. These tests only look.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.data_platform.resources import Resources

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Platform

pytestmark = [pytest.mark.smoke, pytest.mark.flow()]

# Service → actions that are asked about, on each of the service's resources.
ASKED = {
    "s3": (
        "GetObject GetObjectVersion PutObject PutObjectAcl DeleteObject DeleteObjectVersion ListBucket"
        " ListBucketVersions DeleteBucket PutBucketPolicy PutBucketPublicAccessBlock PutLifecycleConfiguration"
    ),
    "dynamodb": (
        "GetItem BatchGetItem ConditionCheckItem Query Scan PutItem UpdateItem DeleteItem BatchWriteItem DeleteTable"
        " UpdateTable UpdateTimeToLive DescribeStream GetRecords GetShardIterator ListStreams"
    ),
    "sqs": (
        "SendMessage ReceiveMessage ChangeMessageVisibility DeleteMessage GetQueueAttributes PurgeQueue"
        " SetQueueAttributes AddPermission DeleteQueue StartMessageMoveTask"
    ),
    "kinesis": (
        "DescribeStream DescribeStreamSummary GetRecords GetShardIterator ListShards ListStreams PutRecord PutRecords"
        " DeleteStream MergeShards DecreaseStreamRetentionPeriod"
    ),
    "secretsmanager": "GetSecretValue DescribeSecret PutSecretValue UpdateSecret DeleteSecret PutResourcePolicy",
    "kms": "Decrypt GenerateDataKey Encrypt CreateGrant PutKeyPolicy DisableKey ScheduleKeyDeletion",
    "logs": "CreateLogStream PutLogEvents CreateLogGroup GetLogEvents FilterLogEvents DeleteLogGroup",
    "lambda": "InvokeFunction UpdateFunctionCode UpdateFunctionConfiguration UpdateAlias AddPermission DeleteFunction",
    "sns": "Publish Subscribe SetTopicAttributes DeleteTopic",
    "iam": "PassRole PutRolePolicy AttachRolePolicy UpdateAssumeRolePolicy CreateAccessKey CreateUser",
    "sts": "AssumeRole",
    "ssm": "GetParameter PutParameter DeleteParameter",
    "events": "PutEvents PutRule PutTargets DeleteRule",
}

CONSUME = "ReceiveMessage ChangeMessageVisibility DeleteMessage GetQueueAttributes"
FOLLOW = "DescribeStream GetRecords GetShardIterator"

# Function → service → resource, as `resources_of` calls it → actions.
MAY: dict[str, dict[str, dict[str, str]]] = {
    "capture_sales": {
        "kinesis": {
            "sales_events": "DescribeStream DescribeStreamSummary GetRecords GetShardIterator ListShards ListStreams"
        },
        "s3": {"raw/sales_events/x": "PutObject", "raw/rejected/x": "PutObject"},
        "sqs": {"sales_events-dlq": "SendMessage"},
    },
    "process_orders": {
        "sqs": {"orders": CONSUME},
        "dynamodb": {"orders": "GetItem PutItem UpdateItem", "inventory": "BatchGetItem UpdateItem"},
    },
    "curate_sales": {
        "sqs": {"raw_objects": CONSUME},
        "s3": {
            "raw": "ListBucket",
            "raw/sales_events/x": "GetObject",
            "processed": "ListBucket",
            "processed/sales/x": "GetObject PutObject",
        },
        "secretsmanager": {"customer_pseudonyms": "GetSecretValue"},
    },
    "daily_sales": {
        "sqs": {"processed_objects": CONSUME},
        "s3": {
            "processed": "ListBucket",
            "processed/sales/x": "GetObject",
            "curated": "ListBucket",
            "curated/daily_sales/x": "GetObject PutObject",
        },
    },
    "project_orders": {
        "dynamodb": {
            "orders/stream": FOLLOW + " ListStreams",
            "daily_totals": "UpdateItem",
            "product_totals": "UpdateItem",
            "projected_orders": "PutItem",
        },
        "sqs": {"orders_stream-dlq": "SendMessage"},
    },
    "restock": {
        "dynamodb": {"inventory/stream": FOLLOW + " ListStreams", "restocks": "GetItem PutItem UpdateItem"},
        "sqs": {"restock_requests": "SendMessage", "inventory_stream-dlq": "SendMessage"},
    },
}


def every(function: str) -> dict[str, dict[str, str]]:
    """What each function may: use the key, and write its own logs."""
    return {"kms": {"key": "Decrypt GenerateDataKey"}, "logs": {function: "CreateLogStream PutLogEvents"}}


def askable(resources: Resources) -> dict[str, dict[str, str]]:
    """Service → name in these tests → ARN: of everything that is deployed, and of something that is not ours."""
    outputs, account, key = resources.platform.outputs, resources.account_id, resources.key_arn
    region = key.split(":")[3]

    def arn(service: str, name: str) -> str:
        return f"arn:aws:{service}:{region}:{account}:{name}"

    buckets = {zone: f"arn:aws:s3:::{name}" for zone, name in outputs["bucket_names"].items()}
    for name, bucket in zip(("state", "artifacts"), resources.bootstrapped_buckets, strict=True):
        buckets[name] = f"arn:aws:s3:::{bucket}"
    buckets["another"] = "arn:aws:s3:::another-bucket"
    folders = ("sales_events", "rejected", "sales", "daily_sales", "elsewhere")
    objects = {f"{name}/{folder}/x": f"{bucket}/{folder}/x" for name, bucket in buckets.items() for folder in folders}

    short = {name: table for table, name in outputs["table_names"].items()}
    tables = {short[name]: table["TableArn"] for name, table in resources.tables.items()}
    for name, table in resources.tables.items():
        if "LatestStreamArn" in table:
            tables[f"{short[name]}/stream"] = table["LatestStreamArn"]

    urls = outputs["queue_urls"] | {f"{name}-dlq": url for name, url in outputs["dead_letter_queue_urls"].items()}
    functions = outputs["function_names"]
    roles = {name: resources.functions[full]["Role"] for name, full in functions.items()}
    return {
        "s3": buckets | objects,
        "dynamodb": tables | {"another": arn("dynamodb", "table/another")},
        "sqs": {name: resources.queues[url]["QueueArn"] for name, url in urls.items()}
        | {"another": arn("sqs", "another")},
        "kinesis": {name: arn("kinesis", f"stream/{full}") for name, full in outputs["stream_names"].items()}
        | {"another": arn("kinesis", "stream/another")},
        "secretsmanager": outputs["secret_arns"]
        | {"another": arn("secretsmanager", f"secret:{resources.path}another-x")},
        "kms": {"key": key, "another": arn("kms", "key/00000000-0000-4000-8000-000000000000")},
        "logs": {name: arn("logs", f"log-group:/aws/lambda/{full}:log-stream:x") for name, full in functions.items()},
        "lambda": {name: resources.functions[full]["FunctionArn"] for name, full in functions.items()},
        "sns": {topic.split(":")[-1]: topic for topic in resources.topics},
        "iam": roles | {"admin": f"arn:aws:iam::{account}:role/admin"},
        "sts": roles | {"admin": f"arn:aws:iam::{account}:role/admin", "abroad": "arn:aws:iam::999999999999:role/x"},
        "ssm": {name: parameter["ARN"] for name, parameter in resources.parameters.items()},
        "events": {name: rule["Arn"] for name, rule in resources.rules.items()}
        | {"default": arn("events", "event-bus/default")},
    }


def allowed(resources: Resources, function: str, service: str) -> set[str]:
    """`action resource` for each that the function's role may do."""
    found = askable(resources)[service]
    assert found
    names = {arn: name for name, arn in found.items()}
    pages = resources.platform.iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=resources.functions[resources.platform.outputs["function_names"][function]]["Role"],
        ActionNames=[f"{service}:{action}" for action in ASKED[service].split()],
        ResourceArns=list(names),
    )
    decisions: dict[tuple[str, str], str] = {}
    for result in (result for page in pages for result in page["EvaluationResults"]):
        action = result["EvalActionName"].partition(":")[2]
        # Of an action on several resources IAM may answer in one result, with a part for each.
        parts = [
            (part["EvalResourceName"], part["EvalResourceDecision"])
            for part in result.get("ResourceSpecificResults", [])
        ]
        for arn, decision in parts or [(result["EvalResourceName"], result["EvalDecision"])]:
            decisions[action, names[arn]] = decision
    assert len(decisions) == len(ASKED[service].split()) * len(found), "not everything was answered"
    return {f"{action} {name}" for (action, name), decision in decisions.items() if decision == "allowed"}


@pytest.mark.parametrize("service", ASKED)
@pytest.mark.parametrize("function", MAY)
def test_a_function_may_do_exactly_what_it_needs(resources: Resources, function: str, service: str) -> None:
    needed = MAY[function].get(service, {}) | every(function).get(service, {})
    expected = {f"{action} {name}" for name, actions in needed.items() for action in actions.split()}
    assert allowed(resources, function, service) == expected


def test_these_tests_know_every_function(platform: Platform) -> None:
    assert set(platform.outputs["function_names"]) == set(MAY)


@pytest.mark.parametrize("function", MAY)
def test_a_role_is_for_lambda_only_and_has_no_other_policies(
    platform: Platform, resources: Resources, function: str
) -> None:
    name = resources.functions[platform.outputs["function_names"][function]]["Role"].rpartition("/")[2]
    role = platform.iam.get_role(RoleName=name)["Role"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Effect"], trust["Principal"], trust["Action"]) == (
        "Allow",
        {"Service": "lambda.amazonaws.com"},
        "sts:AssumeRole",
    )
    assert platform.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    assert platform.iam.list_role_policies(RoleName=name)["PolicyNames"] == ["permissions"]


@pytest.mark.parametrize("function", MAY)
def test_a_role_names_its_actions_and_resources(platform: Platform, resources: Resources, function: str) -> None:
    name = resources.functions[platform.outputs["function_names"][function]]["Role"].rpartition("/")[2]
    document = platform.iam.get_role_policy(RoleName=name, PolicyName="permissions")["PolicyDocument"]
    for statement in document["Statement"]:
        actions, named = (
            [each] if isinstance(each, str) else each for each in (statement["Action"], statement["Resource"])
        )
        assert statement["Effect"] == "Allow"
        assert not [action for action in actions if "*" in action], statement
        if {action.partition(":")[0] for action in actions} == {"xray"}:  # it has no resources to name
            assert resources.declared.get("tracing") == "true"
            continue
        # Of a resource, at most what is inside it may be left open.
        assert not [arn for arn in named if "*" in arn.removesuffix("*") or arn == "*"], json.dumps(statement)


def test_no_two_functions_share_a_role(resources: Resources) -> None:
    roles = [function["Role"] for function in resources.functions.values()]
    assert len(set(roles)) == len(roles)
