"""IAM's policy simulator, for roles and for policies that are handed to it, with all that it is asked about: MiniStack
looks at the first resource only, and at no condition key. What a policy allows is decided by the same code as in our
LocalStack plugin.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.iam_evaluator import _resolve_managed_policy_document
from ministack.core.responses import get_account_id
from ministack.services import iam
from stockroom_emulation.iam_policies import Statement, condition_keys, decide, statements

Parameters = dict[str, Any]
Keys = dict[str, list[str]]


def patch() -> None:
    """Replace both operations of the simulator."""
    iam._IAM_HANDLERS["SimulateCustomPolicy"] = lambda request: _answer(
        "SimulateCustomPolicy", request, _listed(request, "PolicyInputList")
    )
    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = _of_principal(iam._IAM_HANDLERS["SimulatePrincipalPolicy"])


def _of_principal(original: Callable[[Parameters], Any]) -> Callable[[Parameters], Any]:
    def simulate(request: Parameters) -> Any:
        kind, _, name = iam._p(request, "PolicySourceArn").rpartition(":")[2].partition("/")
        role = iam._roles.get(name.rpartition("/")[2])
        if kind != "role" or role is None:
            return original(request)
        attached = [_resolve_managed_policy_document(arn, get_account_id()) for arn in role.get("AttachedPolicies", [])]
        own = [*(role.get("InlinePolicies") or {}).values(), *filter(None, attached)]
        return _answer("SimulatePrincipalPolicy", request, [*own, *_listed(request, "PolicyInputList")])

    return simulate


def _answer(operation: str, request: Parameters, policies: Iterable[Any]) -> Any:
    """policies: as JSON or parsed."""
    known = [one for policy in policies for one in _statements(policy)]
    boundaries = [_statements(policy) for policy in _listed(request, "PermissionsBoundaryPolicyInputList")]
    keys = {
        iam._p(request, f"{entry}.ContextKeyName").lower(): _listed(request, f"{entry}.ContextKeyValues")
        for entry in _numbered(request, "ContextEntries", ".ContextKeyName")
    }
    results = "".join(
        _result(known, boundaries, action, resource, keys)
        for action in _listed(request, "ActionNames")
        for resource in _listed(request, "ResourceArns") or ["*"]
    )
    content = f"<EvaluationResults>{results}</EvaluationResults><IsTruncated>false</IsTruncated>"
    return iam._xml(200, f"{operation}Response", f"<{operation}Result>{content}</{operation}Result>", ns="iam")


def _result(known: list[Statement], boundaries: list[list[Statement]], action: str, resource: str, keys: Keys) -> str:
    decisions = {decide(some, action, resource, keys) for some in [known, *boundaries]}
    decision = next(one for one in ("explicitDeny", "implicitDeny", "allowed") if one in decisions)
    missing = sorted({key for one in known for key in condition_keys(one) if key.lower() not in keys})
    return (
        f"<member><EvalActionName>{escape(action)}</EvalActionName>"
        f"<EvalResourceName>{escape(resource)}</EvalResourceName><EvalDecision>{decision}</EvalDecision>"
        "<MatchedStatements></MatchedStatements><MissingContextValues>"
        f"{''.join(f'<member>{escape(key)}</member>' for key in missing)}</MissingContextValues></member>"
    )


def _statements(policy: Any) -> list[Statement]:
    return statements(json.loads(policy) if isinstance(policy, str) else policy)


def _listed(request: Parameters, name: str) -> list[str]:
    """The values of a list in the form in which a query carries it: name.member.1, name.member.2, …"""
    return [iam._p(request, key) for key in _numbered(request, name)]


def _numbered(request: Parameters, name: str, suffix: str = "") -> list[str]:
    found: list[str] = []
    while f"{name}.member.{len(found) + 1}{suffix}" in request:
        found.append(f"{name}.member.{len(found) + 1}")
    return found
