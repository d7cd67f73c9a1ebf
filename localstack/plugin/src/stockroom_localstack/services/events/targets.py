"""How a target gets what it is sent: LocalStack's senders, put right in some places."""

from __future__ import annotations

import copy
import json
import uuid
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import requests
from localstack.services.events import target as senders
from localstack.services.events.utils import to_json_str
from localstack.utils.json import extract_jsonpath
from localstack.utils.strings import to_bytes
from localstack.utils.xray.trace_header import TraceHeader

from .deliveries import Delivery
from .failures import TargetError
from .templates import fill_in

NOT_DONE = ("appsync", "batch", "ecs", "redshift", "sagemaker", "ssm")


@dataclass
class RuleDelivery(Delivery):
    """An event on its way from a rule. sender: LocalStack's."""

    sender: Any = None
    event: dict[str, Any] = field(default_factory=dict)
    trace: TraceHeader | None = None

    def send(self) -> None:
        sender = copy.copy(self.sender)  # other threads use it too
        sender.event = self.event
        try:
            sender.process_event(dict(self.event), self.trace)
        finally:
            self.sender._client = sender._client

    def dead_letter(self) -> tuple[str, dict[str, str]]:
        known = {name: value for name, value in self.event.items() if name != "event-bus-name"}
        return to_json_str(known), {"RULE_ARN": self.sender.rule_arn}


def why_not_done(arn: str) -> str | None:
    """Why the emulator can't send to a target with this ARN."""
    parts = arn.split(":")
    service = parts[2] if len(parts) > 5 else arn
    if service in NOT_DONE or service not in senders.TargetSenderFactory.target_map:
        return f"targets of the service {service} are not done by the emulator: {arn}"
    return None


@cache
def apply_patches() -> None:
    """Change LocalStack's senders, each of which is looked up by the service of a target's ARN."""
    module: Any = senders
    module.requests = _Requests
    module.get_template_replacements = _replacements
    module.replace_template_placeholders = fill_in
    module.StatesTargetSender.send_event = _start_execution
    module.KinesisTargetSender.send_event = _put_record
    module.EventsTargetSender.send_event = _put_events(module.EventsTargetSender.send_event)
    module.TargetSender.process_event = _process_event


def _process_event(sender: Any, event: Any, trace: Any) -> None:
    """LocalStack's drops what is 0, false or an empty text."""
    target = sender.target
    event.pop("event-bus-name", None)
    if given := target.get("Input"):
        event = json.loads(given)
    elif path := target.get("InputPath"):
        event = extract_jsonpath(event, path)
    elif transformer := target.get("InputTransformer"):
        event = sender.transform_event_with_target_input_transformer(transformer, event)
    sender.send_event(event, trace)


def _replacements(transformer: Any, event: Any) -> dict[str, Any]:
    """LocalStack's takes 0 and false for what is missing."""
    found = {
        name: extract_jsonpath(event, path)
        for name, path in transformer.get("InputPathsMap", {}).items()
        if name not in senders.PREDEFINED_PLACEHOLDERS
    }
    return {name: "" if value == [] else value for name, value in found.items()}


def _start_execution(sender: Any, event: Any, _: Any) -> None:
    sender.service = "stepfunctions"
    # Of one event and one target there is one execution, however often it is tried.
    name = f"{sender.event['id']}_{uuid.uuid5(uuid.NAMESPACE_URL, sender.unique_id)}"
    sender.client.start_execution(stateMachineArn=sender.arn, name=name, input=to_json_str(event))


def _put_record(sender: Any, event: Any, _: Any) -> None:
    path = (sender.target.get("KinesisParameters") or {}).get("PartitionKeyPath", "$.id")
    key = extract_jsonpath(sender.event, path)
    sender.client.put_record(
        StreamName=sender.arn.split("/")[-1],
        Data=to_bytes(to_json_str(event)),
        PartitionKey=str(sender.event["id"] if key in ([], "") else key),
    )


def _put_events(original: Any) -> Any:
    def send_event(sender: Any, event: Any, trace: Any) -> None:
        original(sender, event if isinstance(event, dict) else {"detail": event}, trace)

    return send_event


class _Requests:
    """What LocalStack's senders need of `requests`; what a target refuses is an error."""

    @staticmethod
    def request(**options: Any) -> Any:
        answer = requests.request(**{"timeout": 5, **options})  # noqa: S113  # there is one
        if not answer.ok:
            raise TargetError(answer.status_code, answer.text)
        return answer
