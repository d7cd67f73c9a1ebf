"""Plans as people and machines read them: what would change, what that is about, and one digest over all of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Action = Literal["create", "update", "replace", "destroy"]
SIGNS: dict[Action, str] = {"create": "+", "update": "~", "replace": "±", "destroy": "-"}

# What holds data that nobody can get back: destroying or replacing one has to be asked for by its address.
HOLDS_DATA = frozenset(
    {
        "aws_cloudwatch_log_group",
        "aws_db_cluster",
        "aws_db_instance",
        "aws_dynamodb_table",
        "aws_ebs_volume",
        "aws_ecr_repository",
        "aws_efs_file_system",
        "aws_kinesis_stream",
        "aws_kms_key",
        "aws_rds_cluster",
        "aws_route53_zone",
        "aws_s3_bucket",
        "aws_secretsmanager_secret",
        "aws_sqs_queue",
        "aws_ssm_parameter",
    }
)

# What is paid for by the hour or by its size, with the attributes that decide over the bill.
COSTS: dict[str, frozenset[str]] = {
    "aws_appautoscaling_target": frozenset({"min_capacity", "max_capacity"}),
    "aws_cloudwatch_log_group": frozenset({"retention_in_days"}),
    "aws_db_instance": frozenset({"instance_class", "allocated_storage", "multi_az"}),
    "aws_dynamodb_table": frozenset({"billing_mode", "read_capacity", "write_capacity", "global_secondary_index"}),
    "aws_ecs_service": frozenset({"desired_count"}),
    "aws_kinesis_stream": frozenset({"shard_count", "stream_mode_details", "retention_period", "shard_level_metrics"}),
    "aws_kms_key": frozenset(),
    "aws_lambda_function": frozenset({"memory_size", "reserved_concurrent_executions", "ephemeral_storage"}),
    "aws_lambda_provisioned_concurrency_config": frozenset({"provisioned_concurrent_executions"}),
    "aws_lb": frozenset(),
    "aws_nat_gateway": frozenset(),
    "aws_rds_cluster": frozenset({"serverlessv2_scaling_configuration"}),
    "aws_rds_cluster_instance": frozenset({"instance_class"}),
    "aws_s3_bucket_lifecycle_configuration": frozenset({"rule"}),
    "aws_secretsmanager_secret": frozenset(),
    "aws_vpc_endpoint": frozenset(),
}


@dataclass(frozen=True)
class Change:
    """What a plan does to one resource; `attributes` are the names of those that differ (of an update or a replace)."""

    stack: str
    address: str
    type: str
    action: Action
    attributes: tuple[str, ...]
    costs: bool

    @property
    def loses_data(self) -> bool:
        return self.type in HOLDS_DATA and self.action in {"replace", "destroy"}

    @property
    def name(self) -> str:
        """How `--allow-destroy` names it: its address, and the stack before it."""
        return f"{self.stack}:{self.address}"


def changes_of(stack: str, plan: Mapping[str, Any]) -> list[Change]:
    """The changes of a plan (`terraform show -json`, format version 1), in the order of their addresses."""
    found = []
    for resource in plan.get("resource_changes", []):
        action = _action(resource["change"]["actions"])
        if resource.get("mode") == "managed" and action:
            attributes = _different(resource["change"]) if action in {"update", "replace"} else ()
            kind = resource["type"]
            costs = kind in COSTS and (action in {"create", "destroy"} or bool(COSTS[kind] & set(attributes)))
            found.append(Change(stack, resource["address"], kind, action, attributes, costs))
    return sorted(found, key=lambda change: change.address)


def _action(actions: list[str]) -> Action | None:
    match actions:
        case ["create"]:
            return "create"
        case ["update"]:
            return "update"
        case ["delete"]:
            return "destroy"
        case ["create", "delete"] | ["delete", "create"]:
            return "replace"
    return None  # no-op, read, and forget, which leaves the resource as it is


def _different(change: Mapping[str, Any]) -> tuple[str, ...]:
    before, after, unknown = change.get("before") or {}, change.get("after") or {}, change.get("after_unknown") or {}
    names = set(before) | set(after) | set(unknown)
    return tuple(sorted(name for name in names if before.get(name) != after.get(name) or _is_open(unknown.get(name))))


def _is_open(unknown: Any) -> bool:
    """Whether any part of a value will be known only after the apply."""
    match unknown:
        case dict():
            return any(_is_open(value) for value in unknown.values())
        case list():
            return any(_is_open(value) for value in unknown)
    return unknown is True


def effect_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What a plan does, and nothing of when and by whom it was made."""
    return {
        "resources": [
            {"address": resource["address"], "change": resource["change"]}
            for resource in sorted(plan.get("resource_changes", []), key=lambda one: str(one["address"]))
            if _action(resource["change"]["actions"])
        ],
        "outputs": {
            name: change
            for name, change in (plan.get("output_changes") or {}).items()
            if change["actions"] != ["no-op"]
        },
    }


def plan_digest(environment: str, release: str, effects: Mapping[str, Mapping[str, Any]]) -> str:
    """SHA-256 (hex) over what the plans of the stacks do (as `effect_of` says), for which release and environment.

    The same release planned again for an environment in the same state has the same digest, on any machine: what
    says when and by whom a plan was made is not part of it.
    """
    content = {"environment": environment, "release": release, "stacks": effects}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def forbidden(changes: Iterable[Change], allowed: Collection[str]) -> list[Change]:
    """The changes that would lose data and were not allowed by their address, with or without the stack before it."""
    return [
        change
        for change in changes
        if change.loses_data and change.address not in allowed and change.name not in allowed
    ]


def unused(changes: Iterable[Change], allowed: Collection[str]) -> list[str]:
    """What was allowed to be destroyed and is not among the changes: most likely a slip of the pen."""
    known = {name for change in changes if change.loses_data for name in (change.address, change.name)}
    return [name for name in allowed if name not in known]


def counts(changes: Iterable[Change]) -> str:
    """Such as "3 to create, 1 to update", or "no changes"."""
    listed = list(changes)
    words = [
        f"{number} to {action}" for action in SIGNS if (number := sum(change.action == action for change in listed))
    ]
    return ", ".join(words) or "no changes"


def lines(changes: Iterable[Change]) -> list[str]:
    """A line a change: sign, address, the attributes that differ, and what to look at."""
    return [
        f"{SIGNS[change.action]} {change.address}"
        + (f" ({', '.join(change.attributes)})" if change.attributes else "")
        + ("  [cost]" if change.costs else "")
        + ("  [DATA IS LOST]" if change.loses_data else "")
        for change in changes
    ]
