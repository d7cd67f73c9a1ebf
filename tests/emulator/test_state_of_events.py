"""What EventBridge and its Scheduler have still to do is done in an emulator that is put back, too."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .functions import ROLE, client
from .recipe import Emulator, wait_for

ACCOUNT = "000000000000"
AHEAD_SECONDS = 8


def _ask(emulator: Emulator, action: str) -> None:
    request = urllib.request.Request(
        f"{emulator.endpoint}/_stockroom/state/{action}", data=b"", headers={"X-Stockroom": "1"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


@pytest.mark.waits
def test_replays_and_schedules_are_put_back(own_emulator: Emulator) -> None:
    events, scheduler, sqs = (client(name, own_emulator.endpoint) for name in ("events", "scheduler", "sqs"))
    queue, arn = sqs.create_queue(QueueName="told")["QueueUrl"], f"arn:aws:sqs:us-east-1:{ACCOUNT}:told"
    bus = events.create_event_bus(Name="till")["EventBusArn"]
    archive = events.create_archive(ArchiveName="till", EventSourceArn=bus)["ArchiveArn"]
    events.put_rule(Name="sales", EventBusName="till", EventPattern='{"source": ["till"]}')
    events.put_targets(Rule="sales", EventBusName="till", Targets=[{"Id": "1", "Arn": arn}])
    entry = {"EventBusName": "till", "Source": "till", "DetailType": "sale", "Detail": '{"n": 1}'}

    def bodies(count: int) -> list[str]:
        found: list[str] = []

        def receive() -> bool:
            got = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", [])
            for message in got:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                found.append(message["Body"])
            return len(found) >= count

        wait_for(f"{count} messages", receive, 40)
        return found

    def replay(name: str) -> None:
        now = datetime.now(UTC)
        hour = timedelta(hours=1)
        events.start_replay(
            ReplayName=name,
            EventSourceArn=archive,
            EventStartTime=now - hour,
            EventEndTime=now + hour,
            Destination={"Arn": bus},
        )

    events.put_events(Entries=[entry])
    bodies(1)
    replay("before")
    assert json.loads(bodies(1)[0])["replay-name"] == "before"
    at = (datetime.now(UTC) + timedelta(seconds=AHEAD_SECONDS)).strftime("at(%Y-%m-%dT%H:%M:%S)")
    once: dict[str, Any] = {
        "Name": "once",
        "ScheduleExpression": at,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": arn, "RoleArn": ROLE, "Input": "once"},
    }
    scheduler.create_schedule(**once)
    _ask(own_emulator, "save")
    scheduler.delete_schedule(Name="once")
    _ask(own_emulator, "load")
    assert events.describe_replay(ReplayName="before")["State"] == "COMPLETED"
    replay("after")
    assert {json.loads(body)["replay-name"] if body.startswith("{") else body for body in bodies(2)} == {
        "after",
        "once",
    }
    # What was over when the state was saved does not happen again.
    _ask(own_emulator, "save")
    _ask(own_emulator, "load")
    assert "Messages" not in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=3)
