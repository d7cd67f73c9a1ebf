"""What IAM's policies allow. Pure functions, for the simulator."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any, Literal

Decision = Literal["allowed", "explicitDeny", "implicitDeny"]
# Values of the request's condition keys, the names in lower case.
Keys = Mapping[str, Sequence[str]]
Statement = Mapping[str, Any]


def statements(policy: Mapping[str, Any]) -> list[Statement]:
    """The statements of a policy document, one after the other."""
    return [dict(one) for one in _listed(policy["Statement"])]


def decide(known: Iterable[Statement], action: str, resource: str, keys: Keys) -> Decision:
    """IAM's decision for an action on a resource: allowed, explicitDeny or implicitDeny."""
    effects = {one["Effect"] for one in known if applies(one, action, resource, keys)}
    return "explicitDeny" if "Deny" in effects else "allowed" if "Allow" in effects else "implicitDeny"


def applies(statement: Statement, action: str, resource: str, keys: Keys) -> bool:
    """Whether the statement is about this action, resource and request."""
    if "Action" in statement:
        covers = any(_like(action.lower(), one.lower()) for one in _listed(statement["Action"]))
    else:
        covers = not any(_like(action.lower(), one.lower()) for one in _listed(statement["NotAction"]))
    if "NotResource" in statement:
        reaches = not any(_like(resource, _filled(one, keys)) for one in _listed(statement["NotResource"]))
    else:
        # A policy that hangs on a resource may leave the resource out.
        reaches = any(_like(resource, _filled(one, keys)) for one in _listed(statement.get("Resource", "*")))
    return covers and reaches and conditions_hold(statement.get("Condition") or {}, keys)


def condition_keys(statement: Statement) -> set[str]:
    """As written in the policy."""
    return {key for block in (statement.get("Condition") or {}).values() for key in block}


def conditions_hold(conditions: Mapping[str, Mapping[str, Any]], keys: Keys) -> bool:
    """Whether all conditions of a statement hold. conditions: values by operator and key. keys: of the request."""
    return all(
        _holds(operator, [_filled(str(one), keys) for one in map(_text, _listed(values))], keys.get(key.lower()))
        for operator, block in conditions.items()
        for key, values in block.items()
    )


def _holds(operator: str, wanted: Sequence[str], given: Sequence[str] | None) -> bool:
    """given: None when the request has no such key."""
    each, _, name = operator.rpartition(":")
    if name == "Null":
        return (not given) == (wanted[0].lower() == "true")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    negated = name.startswith(("StringNot", "ArnNot", "NumericNot", "DateNot")) or name == "NotIpAddress"
    if not given:
        return if_exists or negated or each == "ForAllValues"
    compare = COMPARISONS[name.replace("Not", "", 1) if negated else name]

    def matches(value: str) -> bool:
        return any(compare(value, one) for one in wanted) != negated

    return any(map(matches, given)) if each == "ForAnyValue" else all(map(matches, given))


def _like(value: str, pattern: str) -> bool:
    return bool(_expression(pattern).fullmatch(value))


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(one) or re.escape(one) for one in pattern), re.DOTALL)


def _in_network(value: str, network: str) -> bool:
    return ip_address(value) in ip_network(network, strict=False)


def _numbers(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda value, wanted: compare(float(value), float(wanted))


def _dates(compare: Callable[[datetime, datetime], bool]) -> Callable[[str, str], bool]:
    return lambda value, wanted: compare(datetime.fromisoformat(value), datetime.fromisoformat(wanted))


COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
    "BinaryEquals": lambda value, wanted: value == wanted,
    "IpAddress": _in_network,
    "NumericEquals": _numbers(lambda a, b: a == b),
    "NumericLessThan": _numbers(lambda a, b: a < b),
    "NumericLessThanEquals": _numbers(lambda a, b: a <= b),
    "NumericGreaterThan": _numbers(lambda a, b: a > b),
    "NumericGreaterThanEquals": _numbers(lambda a, b: a >= b),
    "DateEquals": _dates(lambda a, b: a == b),
    "DateLessThan": _dates(lambda a, b: a < b),
    "DateLessThanEquals": _dates(lambda a, b: a <= b),
    "DateGreaterThan": _dates(lambda a, b: a > b),
    "DateGreaterThanEquals": _dates(lambda a, b: a >= b),
}


def _filled(text: str, keys: Keys) -> str:
    """Puts the request's values in the place of policy variables: ${aws:username}."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        return name if name in "*?$" else next(iter(keys.get(name.lower(), ())), found[0])

    return re.sub(r"\$\{([^}]+)\}", value, text)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
