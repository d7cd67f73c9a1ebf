"""LocalStack's IAM with a policy simulator that evaluates policies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.iam import (
    SimulateCustomPolicyRequest,
    SimulatePolicyResponse,
    SimulatePrincipalPolicyRequest,
)
from localstack.services.iam.provider import IamProvider
from localstack.services.iam.resources.policy_simulator import BasicIAMPolicySimulator
from localstack.services.moto import MotoFallbackDispatcher
from localstack.services.plugins import Service
from stockroom_emulation.iam_policies import Statement, condition_keys, decide, statements


class StockroomIamProvider(IamProvider):
    """LocalStack's provider with a simulator that looks at resources and conditions."""

    @handler("SimulatePrincipalPolicy", expand=False)
    def simulate_principal_policy(  # type: ignore[override]  # as LocalStack's own class does
        self, context: RequestContext, request: SimulatePrincipalPolicyRequest
    ) -> SimulatePolicyResponse:
        backend = BasicIAMPolicySimulator.get_iam_backend(context)
        found = BasicIAMPolicySimulator.get_policies_from_principal(backend, request["PolicySourceArn"])
        return _simulated(request, [*found, *(request.get("PolicyInputList") or [])])

    @handler("SimulateCustomPolicy", expand=False)
    def simulate_custom_policy(  # type: ignore[override]
        self, context: RequestContext, request: SimulateCustomPolicyRequest
    ) -> SimulatePolicyResponse:
        return _simulated(request, request["PolicyInputList"])


def _simulated(request: Mapping[str, Any], policies: Iterable[Any]) -> SimulatePolicyResponse:
    """policies: as JSON or parsed. LocalStack finds a role's trust policy among them, which says who may be the role
    and nothing of what the role may do."""
    documents = [json.loads(policy) if isinstance(policy, str) else policy for policy in policies]
    known = [one for document in documents for one in statements(document) if "Principal" not in one]
    boundaries = [statements(json.loads(policy)) for policy in request.get("PermissionsBoundaryPolicyInputList") or []]
    keys = {
        entry["ContextKeyName"].lower(): entry.get("ContextKeyValues") or []
        for entry in request.get("ContextEntries") or []
    }
    results = [
        _result(known, boundaries, action, resource, keys)
        for action in request["ActionNames"]
        for resource in request.get("ResourceArns") or ["*"]
    ]
    return {"IsTruncated": False, "EvaluationResults": results}


def _result(
    known: list[Statement], boundaries: list[list[Statement]], action: str, resource: str, keys: dict[str, list[str]]
) -> Any:
    decisions = {decide(some, action, resource, keys) for some in [known, *boundaries]}
    decision = next(one for one in ("explicitDeny", "implicitDeny", "allowed") if one in decisions)
    missing = {key for one in known for key in condition_keys(one) if key.lower() not in keys}
    return {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": decision,
        "MatchedStatements": [],
        "MissingContextValues": sorted(missing),
    }


def create() -> Service:
    """LocalStack's service with this provider."""
    return Service.for_provider(StockroomIamProvider(), dispatch_table_factory=MotoFallbackDispatcher)
