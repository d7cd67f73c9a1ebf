"""Every environment is the same stack: two plans differ in what the tfvars say, and in nothing else.

The plans are compared resource by resource, value by value. Between local and prod, names carry the environment and the
account; each other difference must be one that EFFECTS expects of a variable in whose value the environments differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from stockroom.engines.localstack import LocalStackEngine
from stockroom.environments import read_environment
from stockroom.settings import Settings
from stockroom.system.processes import free_port
from stockroom.testing.plans import plan_from_nothing

STACK = "data_platform"
Values = Mapping[str, Any]

OPEN = "(known after apply)"

# What says which environment it is. Its values are in names, tags and account ids, everywhere.
IDENTITY = {"environment", "account_id", "region", "owner", "cost_center", "project_name", "artifact_bucket"}

# variable: the values that it decides, as regular expressions over "<address> <attribute>"
EFFECTS: dict[str, list[str]] = {
    "data_can_be_made_again": [
        r"aws_s3_bucket\.\w+(\[.*\])? force_destroy",
        r"aws_dynamodb_table\.\w+\[.*\] (deletion_protection_enabled|point_in_time_recovery\.0\..*)",
        r"aws_secretsmanager_secret\.this\[.*\] recovery_window_in_days",
    ],
    "log_level": [r"aws_lambda_function\.this environment\.0\.variables\.POWERTOOLS_LOG_LEVEL"],
    "log_retention_days": [r"aws_cloudwatch_log_group\.this retention_in_days"],
    "tracing": [
        r"aws_lambda_function\.this tracing_config\.0\.mode",
        r"aws_iam_role_policy\.this policy",
    ],
    "sales_events_shards": [r"aws_kinesis_stream\.this (shard_count|stream_mode_details.*)"],
    "sales_events_retention_hours": [r"aws_kinesis_stream\.this retention_period"],
    "shard_level_metrics": [r"aws_kinesis_stream\.this shard_level_metrics.*"],
    "capture_sales_batching_window_seconds": [
        r"module\.capture_sales\.aws_lambda_event_source_mapping\.stream\[.*\] maximum_batching_window_in_seconds"
    ],
    "capture_sales_maximum_retry_attempts": [
        r"module\.capture_sales\.aws_lambda_event_source_mapping\.stream\[.*\] maximum_retry_attempts"
    ],
    "process_orders_timeout_seconds": [
        r"module\.process_orders\.aws_lambda_function\.this timeout",
        r"module\.orders_queue\.aws_sqs_queue\.this\[0\] visibility_timeout_seconds",
        r"module\.observability\.aws_cloudwatch_metric_alarm\.this\[.duration/process_orders.\] .*",
        r"module\.observability\.aws_cloudwatch_dashboard\.this dashboard_body",
    ],
    "orders_retention_seconds": [r"module\.orders_queue\.aws_sqs_queue\.this\[0\] message_retention_seconds"],
    "orders_max_receive_count": [r"module\.orders_queue\.aws_sqs_queue\.this\[0\] redrive_policy"],
    "redelivery_pause_seconds": [
        r"module\.(process_orders|(curate|daily)_sales)\.aws_lambda_function\.this "
        r"environment\.0\.variables(\.REDELIVERY_PAUSE_SECONDS)?"  # all are open, since the queue's address is
    ],
    "curation_batching_window_seconds": [
        r"module\.(curate|daily)_sales\.aws_lambda_event_source_mapping\.queue\[.*\] "
        "maximum_batching_window_in_seconds",
        r"module\.(raw|processed)_objects\.aws_sqs_queue\.this\[0\] visibility_timeout_seconds",
    ],
    "curation_timeout_seconds": [
        r"module\.(curate|daily)_sales\.aws_lambda_function\.this timeout",
        r"module\.(raw|processed)_objects\.aws_sqs_queue\.this\[0\] visibility_timeout_seconds",
        r"module\.observability\.aws_cloudwatch_metric_alarm\.this\[.duration/(curate|daily)_sales.\] .*",
        r"module\.observability\.aws_cloudwatch_dashboard\.this dashboard_body",
    ],
    "curation_retention_seconds": [
        r"module\.(raw|processed)_objects\.aws_sqs_queue\.this\[0\] message_retention_seconds"
    ],
    "curation_max_receive_count": [r"module\.(raw|processed)_objects\.aws_sqs_queue\.this\[0\] redrive_policy"],
    "curation_maximum_concurrency": [
        r"module\.(curate|daily)_sales\.aws_lambda_event_source_mapping\.queue\[.*\] "
        r"scaling_config\.0\.maximum_concurrency"
    ],
    "table_streams_batching_window_seconds": [
        r"module\.(project_orders|restock)\.aws_lambda_event_source_mapping\.stream\[.\w+.\] "
        "maximum_batching_window_in_seconds"
    ],
    "table_streams_maximum_retry_attempts": [
        r"module\.(project_orders|restock)\.aws_lambda_event_source_mapping\.stream\[.\w+.\] "
        "maximum_retry_attempts"
    ],
    "alarm_email": [r"module\.observability\.aws_sns_topic_subscription\.email\[0\] .*"],
    "monthly_budget_usd": [r"module\.observability\.aws_budgets_budget\.monthly limit_amount"],
    "cost_anomaly_threshold_usd": [r"module\.observability\.aws_ce_anomaly_\w+\.\w+\[0\] .*"],
}


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Values]]:
    folder = tmp_path_factory.mktemp("environments")
    settings = Settings(run_dir=folder / "run", port=free_port())
    engine = LocalStackEngine(settings)
    engine.start()
    try:
        engine.wait_until_ready()
        with ThreadPoolExecutor() as pool:
            planned = {
                name: pool.submit(plan_from_nothing, settings, read_environment(name), STACK, engine.endpoint, folder)
                for name in ("local", "prod")
            }
            yield {name: plan.result() for name, plan in planned.items()}
    finally:
        engine.stop()


def variables(plan: Values) -> dict[str, Any]:
    return {name: variable.get("value") for name, variable in plan["variables"].items()}


def planned_values(plan: Values) -> dict[str, Any]:
    """ "<address> <attribute>" → value, for every value of every resource; OPEN where the plan can not know it."""
    values: dict[str, Any] = {}
    for resource in plan["resource_changes"]:
        if resource["mode"] == "managed":
            change = resource["change"]
            values |= _leaves(f"{resource['address']} ", change["after"])
            unknown = _leaves(f"{resource['address']} ", change["after_unknown"])
            values |= {name: OPEN for name, is_open in unknown.items() if is_open is True}
    return values


def _leaves(path: str, value: Any) -> dict[str, Any]:
    parts: list[tuple[Any, Any]]
    match value:
        case dict():
            parts = list(value.items())
        case list():
            parts = list(enumerate(value))
        case _:
            return {path: value}
    separator = "" if path.endswith(" ") else "."
    return {name: leaf for key, part in parts for name, leaf in _leaves(f"{path}{separator}{key}", part).items()}


def without_identity(values: Values, plan: Values) -> dict[str, Any]:
    """The values, with the words that say which environment it is replaced by the names of their variables."""
    said = variables(plan)
    suffixes = re.compile(r"\b[0-9a-f]{8}\b")  # of bucket names: a hash of account, project and environment
    words = {str(said["account_id"]): "<account_id>"}
    project = said["project_name"]

    def neutral(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        for word, name in words.items():
            value = value.replace(word, name)
        for joint in "-/":
            start = f"{project}{joint}"
            value = value.replace(f"{start}{said['environment']}{joint}", f"{start}<environment>{joint}")
        return suffixes.sub("<suffix>", value)

    neutral_values = {neutral(name): neutral(value) for name, value in values.items()}
    for tag, variable in (("Environment", "environment"), ("Owner", "owner"), ("CostCenter", "cost_center")):
        for name in [name for name in neutral_values if name.endswith(f"tags_all.{tag}")]:
            assert neutral_values.pop(name) == said[variable], name
    return neutral_values


def _explains(variable: str, name: str) -> bool:
    return any(re.fullmatch(rf"(module\.\w+\.)?{effect}", name) for effect in EFFECTS[variable])


def test_prod_differs_from_local_only_by_what_the_tfvars_say(plans: dict[str, Values]) -> None:
    local, prod = (without_identity(planned_values(plans[name]), plans[name]) for name in ("local", "prod"))
    said = {name: variables(plan) for name, plan in plans.items()}
    changed = {name for name in said["local"] if said["local"][name] != said["prod"].get(name)} - IDENTITY
    changed |= {name for name in said["prod"] if name not in said["local"]} - IDENTITY
    assert set(EFFECTS) >= changed, "a variable whose effect nobody described"

    missing = object()
    different = {name for name in local | prod if local.get(name, missing) != prod.get(name, missing)}
    explained = {name: [variable for variable in changed if _explains(variable, name)] for name in different}
    unexplained = {
        name: (local.get(name, "not there"), prod.get(name, "not there"))
        for name in sorted(different)
        if not explained[name]
    }
    assert not unexplained, json.dumps(unexplained, indent=2)
    # A value that is open until the apply, such as a policy with the ARN of a queue in it, can't be seen to differ.
    seen = different | {name for name, value in local.items() if value == OPEN}
    effective = {variable for variable in changed for name in seen if _explains(variable, name)}
    assert effective == changed, "a variable that differs and changes nothing"


def test_the_comparison_sees_what_no_variable_explains(plans: dict[str, Values]) -> None:
    values = planned_values(plans["local"])
    assert len({name.split(" ")[0] for name in values}) > 100, "resources that the plans are compared by"
    assert values["module.sales_events.aws_kinesis_stream.this encryption_type"] == "KMS"
    other = {**values, "module.sales_events.aws_kinesis_stream.this encryption_type": "NONE"}
    assert without_identity(values, plans["local"]) != without_identity(other, plans["local"])
