"""How a target of a schedule gets what it is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore import xform_name  # type: ignore[import-untyped]
from localstack.aws.connect import connect_to
from localstack.utils.aws.arns import extract_account_id_from_arn, extract_region_from_arn, sqs_queue_url_for_arn
from localstack.utils.strings import long_uid

from stockroom_localstack.services.events.deliveries import Delivery

UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"
TIME = "%Y-%m-%dT%H:%M:%SZ"
Target = Mapping[str, Any]
Send = Callable[[Any, Target, str], Any]


def _put_event(client: Any, target: Target, text: str) -> None:
    about = target["EventBridgeParameters"]
    client.put_events(
        Entries=[
            {
                "EventBusName": target["Arn"],
                "Source": about["Source"],
                "DetailType": about["DetailType"],
                "Detail": text,
            }
        ]
    )


SENDERS: dict[str, tuple[str, Send]] = {
    "events": ("events", _put_event),
    "firehose": (
        "firehose",
        lambda client, target, text: client.put_record(
            DeliveryStreamName=target["Arn"].split("/")[-1], Record={"Data": text.encode()}
        ),
    ),
    "kinesis": (
        "kinesis",
        lambda client, target, text: client.put_record(
            StreamARN=target["Arn"], Data=text.encode(), PartitionKey=target["KinesisParameters"]["PartitionKey"]
        ),
    ),
    "lambda": (
        "lambda",
        lambda client, target, text: client.invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=text),
    ),
    "sns": ("sns", lambda client, target, text: client.publish(TopicArn=target["Arn"], Message=text)),
    "sqs": (
        "sqs",
        lambda client, target, text: client.send_message(
            QueueUrl=sqs_queue_url_for_arn(target["Arn"]), MessageBody=text, **(target.get("SqsParameters") or {})
        ),
    ),
    "states": (
        "stepfunctions",
        lambda client, target, text: client.start_execution(stateMachineArn=target["Arn"], input=text),
    ),
}


@dataclass
class ScheduleDelivery(Delivery):
    """schedule: its ARN. time: when it was due, in seconds since the epoch."""

    schedule: str = ""
    time: float = 0.0

    def send(self) -> None:
        send(self.schedule, self.target, self._text())

    def dead_letter(self) -> tuple[str, dict[str, str]]:
        return self._text(), {"SCHEDULE_ARN": self.schedule, "SCHEDULED_TIME": self._time()}

    def _time(self) -> str:
        return datetime.fromtimestamp(self.time, UTC).strftime(TIME)

    def _text(self) -> str:
        text = self.target.get("Input") or default_input(self.schedule, self._time())
        context = {
            "schedule-arn": self.schedule,
            "scheduled-time": self._time(),
            "execution-id": self.id,
            "attempt-number": str(self.attempts),
        }
        for name, value in context.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return text


def why_not_done(target: Target) -> str | None:
    """Why the emulator can't send to it."""
    arn = target["Arn"]
    if arn.startswith(UNIVERSAL):
        return None if len(arn.split(":")) == 8 else f"{arn} names no service and operation"
    service = [*arn.split(":"), "", "", ""][2]
    if service not in SENDERS:
        return f"targets of the service {service or arn} are not done by the emulator: {arn}"
    if service == "kinesis" and not target.get("KinesisParameters"):
        return "KinesisParameters are required for a target of Kinesis"
    if service == "events" and not target.get("EventBridgeParameters"):
        return "EventBridgeParameters are required for a target of EventBridge"
    return None


def send(schedule: str, target: Target, text: str) -> None:
    """Raises what the target answers."""
    account, region = extract_account_id_from_arn(schedule), extract_region_from_arn(schedule)
    arn = target["Arn"]
    if arn.startswith(UNIVERSAL):
        service, operation = arn.removeprefix(UNIVERSAL).split(":")
        client = connect_to(aws_access_key_id=account, region_name=region).get_client(_endpoint(service))
        getattr(client, xform_name(operation[0].upper() + operation[1:]))(**json.loads(text))
        return
    service, sender = SENDERS[arn.split(":")[2]]
    client = connect_to(
        aws_access_key_id=extract_account_id_from_arn(arn) or account,
        region_name=extract_region_from_arn(arn) or region,
    ).get_client(service)
    sender(client, target, text)


def default_input(schedule: str, time: str) -> str:
    """What a target gets that has no input of its own."""
    event = {
        "version": "0",
        "id": long_uid(),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": extract_account_id_from_arn(schedule),
        "time": time,
        "region": extract_region_from_arn(schedule),
        "resources": [schedule],
        "detail": "{}",
    }
    return json.dumps(event)


def _endpoint(service: str) -> str:
    """botocore's name of a service that universal targets name."""
    return {"sfn": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}.get(service, service)
