"""Schedules of EventBridge Scheduler fire."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from .recipe import wait_for

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/emulator-tests"
OFF = {"Mode": "OFF"}


def _arn(queue: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"


def _at(seconds: float, zone: str = "UTC") -> str:
    return (datetime.now(ZoneInfo(zone)) + timedelta(seconds=seconds)).strftime("at(%Y-%m-%dT%H:%M:%S)")


@pytest.fixture
def queue(aws: Callable[[str], Any], unique: str) -> str:
    """URL of a queue with the test's name."""
    return str(aws("sqs").create_queue(QueueName=unique)["QueueUrl"])


def _receive(aws: Callable[[str], Any], url: str, seconds: float = 20) -> Any:
    def look() -> Any:
        return (
            aws("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"]).get("Messages")
        )

    (message,) = wait_for("the message", look, seconds)
    return message


def _schedule(aws: Callable[[str], Any], name: str, expression: str, target: dict[str, Any], **options: Any) -> str:
    made = aws("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=expression,
        Target={"RoleArn": ROLE, **target},
        **({"FlexibleTimeWindow": OFF} | options),
    )
    return str(made["ScheduleArn"])


def test_once_at_a_time_of_a_zone_and_then_no_more(aws: Callable[[str], Any], unique: str, queue: str) -> None:
    text = "due <aws.scheduler.scheduled-time>, attempt <aws.scheduler.attempt-number> of <aws.scheduler.schedule-arn>"
    zone = "Asia/Tokyo"
    expression = _at(2, zone)
    arn = _schedule(
        aws,
        unique,
        expression,
        {"Arn": _arn(unique), "Input": text},
        ScheduleExpressionTimezone=zone,
        ActionAfterCompletion="DELETE",
    )
    due = datetime.strptime(expression, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    message = _receive(aws, queue)
    assert message["Body"] == f"due {due:%Y-%m-%dT%H:%M:%SZ}, attempt 1 of {arn}"
    scheduler = aws("scheduler")

    def is_gone() -> bool:
        return all(one["Name"] != unique for one in scheduler.list_schedules()["Schedules"])

    wait_for("the schedule to be deleted", is_gone)


def test_a_rate_begins_at_once_or_with_its_start(aws: Callable[[str], Any], unique: str, queue: str) -> None:
    arn = _schedule(aws, unique, "rate(10 minutes)", {"Arn": _arn(unique)})
    event = json.loads(_receive(aws, queue)["Body"])
    assert (event["source"], event["resources"]) == ("aws.scheduler", [arn])
    start = datetime.now(UTC) + timedelta(seconds=3)
    aws("scheduler").update_schedule(
        Name=unique,
        ScheduleExpression="rate(10 minutes)",
        FlexibleTimeWindow=OFF,
        StartDate=start,
        Target={"Arn": _arn(unique), "RoleArn": ROLE, "Input": "{}"},
    )
    assert "Messages" not in aws("sqs").receive_message(QueueUrl=queue)
    assert _receive(aws, queue)["Body"] == "{}"
    assert datetime.now(UTC) >= start.replace(microsecond=0)
    aws("scheduler").delete_schedule(Name=unique)


def test_what_is_deleted_disabled_or_over_does_not_fire(aws: Callable[[str], Any], unique: str, queue: str) -> None:
    scheduler, target = aws("scheduler"), {"Arn": _arn(unique), "Input": "wrong"}
    scheduler.create_schedule_group(Name=unique)
    _schedule(aws, f"{unique}-deleted", _at(3), target)
    _schedule(aws, f"{unique}-disabled", _at(3), target, State="DISABLED")
    _schedule(aws, f"{unique}-of-group", _at(3), target, GroupName=unique)
    _schedule(aws, f"{unique}-over", _at(3), target, EndDate=datetime.now(UTC) + timedelta(seconds=1))
    scheduler.delete_schedule(Name=f"{unique}-deleted")
    scheduler.delete_schedule_group(Name=unique)
    _schedule(aws, f"{unique}-last", _at(5), {"Arn": _arn(unique), "Input": "right"})
    assert _receive(aws, queue)["Body"] == "right"


def test_what_a_target_does_not_take_is_a_dead_letter(aws: Callable[[str], Any], unique: str, queue: str) -> None:
    target = _arn(f"{unique}-is-not-there")
    arn = _schedule(aws, unique, _at(1), {"Arn": target, "Input": "text", "DeadLetterConfig": {"Arn": _arn(unique)}})
    letter = _receive(aws, queue)
    found = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert letter["Body"] == "text"
    assert (found["SCHEDULE_ARN"], found["TARGET_ARN"], found["RETRY_ATTEMPTS"]) == (arn, target, "0")
    assert found["ERROR_CODE"] == "NO_RESOURCE"
    assert found["SCHEDULED_TIME"]


def test_targets_of_every_kind(aws: Callable[[str], Any], unique: str, queue: str) -> None:
    machine = aws("stepfunctions").create_state_machine(
        name=unique,
        roleArn=ROLE,
        definition=json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}),
    )["stateMachineArn"]
    events = aws("events")
    bus = events.create_event_bus(Name=unique)["EventBusArn"]
    events.put_rule(Name=unique, EventBusName=unique, EventPattern='{"source": ["till"]}')
    events.put_targets(Rule=unique, EventBusName=unique, Targets=[{"Id": "1", "Arn": _arn(unique)}])
    _schedule(aws, f"{unique}-1", _at(1), {"Arn": machine, "Input": '{"n": 1}'})
    _schedule(
        aws,
        f"{unique}-2",
        _at(1),
        {"Arn": bus, "Input": '{"n": 2}', "EventBridgeParameters": {"Source": "till", "DetailType": "close"}},
    )
    call = json.dumps({"Name": f"/{unique}", "Value": "v", "Type": "String"})
    _schedule(aws, f"{unique}-3", _at(1), {"Arn": "arn:aws:scheduler:::aws-sdk:ssm:putParameter", "Input": call})
    event = json.loads(_receive(aws, queue)["Body"])
    assert (event["detail-type"], event["detail"]) == ("close", {"n": 2})
    step_functions, ssm = aws("stepfunctions"), aws("ssm")
    wait_for("the execution", lambda: step_functions.list_executions(stateMachineArn=machine)["executions"])
    names = [{"Key": "Name", "Values": [f"/{unique}"]}]
    wait_for("the parameter", lambda: ssm.describe_parameters(ParameterFilters=names)["Parameters"])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ScheduleExpression": "cron(0 9 * * * *)"}, "and not both"),
        ({"ScheduleExpression": "rate(1 minutes)"}, "Invalid Schedule Expression"),
        ({"ScheduleExpressionTimezone": "Mars/Olympus"}, "no time zone"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "MaximumWindowInMinutes"),
        (
            {"Target": {"Arn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/x", "RoleArn": ROLE}},
            "service ecs are not done",
        ),
        ({"GroupName": "is-not-there"}, "does not exist"),
    ],
)
def test_what_would_never_fire_is_refused(
    aws: Callable[[str], Any], unique: str, changed: dict[str, Any], reason: str
) -> None:
    scheduler = aws("scheduler")
    right = {
        "Name": unique,
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": OFF,
        "Target": {"Arn": _arn(unique), "RoleArn": ROLE},
    }
    with pytest.raises(scheduler.exceptions.ClientError, match=reason):
        scheduler.create_schedule(**right | changed)
