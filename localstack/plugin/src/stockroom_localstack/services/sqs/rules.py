"""What SQS refuses of a queue's attributes: numbers out of their range, and dead-letter queues that can't be one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

RANGES: Mapping[str, range] = {
    "DelaySeconds": range(901),
    "KmsDataKeyReusePeriodSeconds": range(60, 86_401),
    "MaximumMessageSize": range(1024, 1_048_577),
    "MessageRetentionPeriod": range(60, 1_209_601),
    "ReceiveMessageWaitTimeSeconds": range(21),
    "VisibilityTimeout": range(43_201),
}
RECEIVES = range(1, 1001)
MOST_SOURCES = 10
PERMISSIONS = ("allowAll", "denyAll", "byQueue")

Attributes = Mapping[str, str]
Find = Callable[[str], Attributes | None]


class Refusal(NamedTuple):
    """attribute: the one whose value is wrong. reason: in AWS's words, where these are known; None for a number."""

    attribute: str
    value: str
    reason: str | None

    @property
    def message(self) -> str:
        """As AWS words it."""
        if self.reason is None:
            return f"Invalid value for the parameter {self.attribute}."
        return f"Value {self.value} for parameter {self.attribute} is invalid. Reason: {self.reason}"


def refusal(arn: str, attributes: Attributes, find: Find) -> Refusal | None:
    """Why a queue with this ARN can't have these attributes, or None. find: gives the attributes of a queue by its
    ARN, or None."""
    for name, allowed in RANGES.items():
        value = attributes.get(name)
        if value is not None and not (value.isdecimal() and int(value) in allowed):
            return Refusal(name, value, None)
    for name, reason_of in (("RedrivePolicy", _wrong_redrive), ("RedriveAllowPolicy", _wrong_permission)):
        value = attributes.get(name)
        if value and (reason := reason_of(value, arn, find)):
            return Refusal(name, value, reason)
    return None


def _map(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _wrong_redrive(text: str, source: str, find: Find) -> str | None:
    policy = _map(text)
    if policy is None:
        return "Redrive policy is not a valid JSON map."
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if name not in policy:
            return f"Redrive policy does not contain mandatory attribute: {name}."
    receives = str(policy["maxReceiveCount"])
    if not (receives.isdecimal() and int(receives) in RECEIVES):
        return f"Invalid value for maxReceiveCount: {receives}, valid values are from 1 to 1000 both inclusive."
    return _wrong_target(str(policy["deadLetterTargetArn"]), source, find)


def _wrong_target(target: str, source: str, find: Find) -> str | None:
    parts, own = target.split(":"), source.split(":")
    if len(parts) != 6 or parts[2] != "sqs":
        return "Invalid value for deadLetterTargetArn."
    if parts[4] != own[4]:
        return "Dead-letter target owner should be same as the source."
    if parts[3] != own[3]:
        return "Dead-letter target must be in the same region as the source."
    if target.endswith(".fifo") != source.endswith(".fifo"):
        return "Dead-letter queue must be same type of queue as the source."
    return _closed(target, source, find(target))


def _closed(target: str, source: str, found: Attributes | None) -> str | None:
    if found is None:
        return "Dead letter target does not exist."
    permission = _map(found.get("RedriveAllowPolicy") or "{}") or {}
    allowed = permission.get("redrivePermission", "allowAll")
    if allowed == "denyAll" or (allowed == "byQueue" and source not in permission.get("sourceQueueArns", [])):
        return f"Queue {target} does not allow this queue to use it as a dead-letter queue ({allowed})."
    return None


def _wrong_permission(text: str, _: str, __: Find) -> str | None:
    policy = _map(text)
    if policy is None:
        return "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format."
    if policy.get("redrivePermission") not in PERMISSIONS:
        return f"redrivePermission is none of {', '.join(PERMISSIONS)}."
    sources = policy.get("sourceQueueArns")
    if (policy["redrivePermission"] == "byQueue") != bool(sources):
        return "sourceQueueArns is required for redrivePermission byQueue, and allowed for no other."
    if sources and len(sources) > MOST_SOURCES:
        return f"sourceQueueArns holds more than {MOST_SOURCES} ARNs."
    return None
