"""What a plan would change, what that is about, and its digest."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from stockroom.promotion.plan_summary import (
    changes_of,
    counts,
    effect_of,
    forbidden,
    lines,
    plan_digest,
    unused,
)

Plan = dict[str, Any]


def resource(address: str, actions: list[str], before: Any = None, after: Any = None, unknown: Any = None) -> Plan:
    return {
        "address": address,
        "mode": "managed",
        "type": address.split(".")[-2],
        "change": {"actions": actions, "before": before, "after": after, "after_unknown": unknown or {}},
    }


PLAN: Plan = {
    "timestamp": "2026-11-20T20:00:00Z",
    "resource_changes": [
        resource(
            "module.q.aws_sqs_queue.this",
            ["delete", "create"],
            {"name": "a", "fifo": False},
            {"name": "a", "fifo": True},
        ),
        resource(
            "aws_lambda_function.f",
            ["update"],
            {"memory_size": 128, "s3_key": "a"},
            {"memory_size": 256, "s3_key": "a"},
            {"version": True},
        ),
        resource("aws_ssm_parameter.p", ["create"], None, {"name": "p"}),
        resource("aws_s3_bucket.b", ["delete"], {"bucket": "b"}, None),
        resource("aws_iam_role.r", ["no-op"], {"name": "r"}, {"name": "r"}),
        {"address": "data.aws_region.here", "mode": "data", "type": "aws_region", "change": {"actions": ["read"]}},
    ],
    "output_changes": {"a": {"actions": ["no-op"]}, "b": {"actions": ["update"], "before": 1, "after": 2}},
}


def test_changes_are_told_with_what_differs() -> None:
    assert lines(changes_of("s", PLAN)) == [
        "~ aws_lambda_function.f (memory_size, version)  [cost]",
        "- aws_s3_bucket.b  [DATA IS LOST]",
        "+ aws_ssm_parameter.p",
        "± module.q.aws_sqs_queue.this (fifo)  [DATA IS LOST]",
    ]
    assert counts(changes_of("s", PLAN)) == "1 to create, 1 to update, 1 to replace, 1 to destroy"
    assert counts([]) == "no changes"


def test_only_attributes_that_are_paid_for_cost() -> None:
    plan = {"resource_changes": [resource("aws_lambda_function.f", ["update"], {"s3_key": "a"}, {"s3_key": "b"})]}
    (change,) = changes_of("s", plan)
    assert not change.costs
    assert not change.loses_data


def test_what_loses_data_must_be_named() -> None:
    changes = changes_of("s", PLAN)
    assert [change.address for change in forbidden(changes, ())] == ["aws_s3_bucket.b", "module.q.aws_sqs_queue.this"]
    assert [change.address for change in forbidden(changes, ("aws_s3_bucket.b",))] == ["module.q.aws_sqs_queue.this"]
    assert forbidden(changes, ("s:aws_s3_bucket.b", "module.q.aws_sqs_queue.this")) == []
    assert len(forbidden(changes, ("other:aws_s3_bucket.b",))) == 2


def test_a_permission_that_nothing_needs_is_a_slip() -> None:
    assert unused(changes_of("s", PLAN), ("aws_s3_bucket.b", "aws_ssm_parameter.p", "aws_s3_bucket.c")) == [
        "aws_ssm_parameter.p",
        "aws_s3_bucket.c",
    ]


def test_the_digest_is_the_same_for_the_same_changes() -> None:
    again = copy.deepcopy(PLAN) | {"timestamp": "2026-11-21T08:00:00Z"}
    again["resource_changes"].reverse()
    again["resource_changes"].append(resource("aws_iam_role.other", ["no-op"]))
    assert plan_digest("prod", "r", {"s": effect_of(PLAN)}) == plan_digest("prod", "r", {"s": effect_of(again)})


@pytest.mark.parametrize("what", ["environment", "release", "stack", "value", "action", "output", "one less"])
def test_the_digest_sees_every_other_change(what: str) -> None:
    other = copy.deepcopy(PLAN)
    environment, release, stack = "prod", "r", "s"
    match what:
        case "environment":
            environment = "test"
        case "release":
            release = "q"
        case "stack":
            stack = "t"
        case "value":
            other["resource_changes"][1]["change"]["after"]["memory_size"] = 512
        case "action":
            other["resource_changes"][2]["change"]["actions"] = ["update"]
        case "output":
            other["output_changes"]["b"]["after"] = 3
        case "one less":
            del other["resource_changes"][0]
    effects = {stack: effect_of(other)}
    assert plan_digest(environment, release, effects) != plan_digest("prod", "r", {"s": effect_of(PLAN)})
