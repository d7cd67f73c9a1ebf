"""Reasons for skips that stand in one stack's code count for its own plan, and for no other one's."""

from __future__ import annotations

import json
from pathlib import Path

from stockroom.testing import policies

SKIP = "  #checkov:skip=CKV2_AWS_34:No secret.\n"
PARAMETER = 'resource "aws_ssm_parameter" "told" {{\n{skip}  name  = "/told"\n  type  = "String"\n  value = "x"\n}}\n'
READS = 'data "aws_ssm_parameter" "told" {\n  name = "/told"\n}\n'

VALUES = {"name": "/told", "type": "String", "value": "x"}
PLAN = {
    "format_version": "1.2",
    "terraform_version": "1.11.4",
    "planned_values": {
        "root_module": {
            "resources": [
                {
                    "address": "aws_ssm_parameter.told", "mode": "managed", "type": "aws_ssm_parameter", "name": "told",
                    "provider_name": "registry.terraform.io/hashicorp/aws", "schema_version": 0, "values": VALUES,
                }
            ]
        }
    },
    "resource_changes": [
        {
            "address": "aws_ssm_parameter.told", "mode": "managed", "type": "aws_ssm_parameter", "name": "told",
            "provider_name": "registry.terraform.io/hashicorp/aws",
            "change": {"actions": ["create"], "before": None, "after": VALUES, "after_unknown": {}},
        }
    ],
    "configuration": {"root_module": {"resources": []}},
}  # fmt: skip


def test_a_skip_counts_for_its_own_stack(tmp_path: Path) -> None:
    code = {"reasoned": PARAMETER.format(skip=SKIP), "bare": PARAMETER.format(skip=""), "reader": READS}
    for stack, text in code.items():
        folder = tmp_path / "terraform" / "stacks" / stack
        folder.mkdir(parents=True)
        (folder / "told.tf").write_text(text)
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(PLAN))
    plans = {"reasoned": plan, "bare": plan}
    passed, text = policies.check_plans(plans, tmp_path / "terraform", lambda _: None)
    assert not passed
    told = {part.partition("\n")[0]: part for part in text.split("--- checkov, ")[1:]}
    assert "Failed checks: 0, Skipped checks: 1" in told["plan of reasoned"]
    assert "FAILED for resource: aws_ssm_parameter.told" in told["plan of bare"]
