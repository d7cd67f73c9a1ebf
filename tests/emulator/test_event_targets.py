"""Events on their way to targets of rules: what they become, and where they end when a target does not take them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from .recipe import wait_for

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/emulator-tests"
PASS = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
DETAIL = {
    "size": 0,
    "paid": False,
    "name": 'a "b" \\ c',
    "lines": [1, "x"],
    "store": {"id": "s-1"},
    "text": "",
    "ms": 12,
}


def _arn(queue: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"


class Bus:
    """A bus with one rule that all events of the source `till` match."""

    def __init__(self, aws: Callable[[str], Any], name: str) -> None:
        self._sqs, self.events, self.name = aws("sqs"), aws("events"), name
        self.arn = self.events.create_event_bus(Name=name)["EventBusArn"]
        self.rule = self.events.put_rule(Name=name, EventBusName=name, EventPattern='{"source": ["till"]}')["RuleArn"]

    def queue(self, name: str) -> str:
        """ARN of a new queue."""
        self._sqs.create_queue(QueueName=f"{self.name}-{name}")
        return _arn(f"{self.name}-{name}")

    def target(self, arn: str, number: int = 1, **options: Any) -> None:
        target = {"Id": str(number), "Arn": arn, **options}
        answer = self.events.put_targets(Rule=self.name, EventBusName=self.name, Targets=[target])
        assert not answer["FailedEntryCount"]

    def put(self, detail: Any = None, **options: Any) -> str:
        """The event's id."""
        entry = {
            "EventBusName": self.name,
            "Source": "till",
            "DetailType": "sale",
            "Detail": json.dumps(detail or DETAIL),
        }
        return str(self.events.put_events(Entries=[entry | options])["Entries"][0]["EventId"])

    def messages(self, arn: str, count: int = 1, seconds: float = 20) -> list[Any]:
        url = self._sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
        found: list[Any] = []

        def receive() -> bool:
            got = self._sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
            )
            found.extend(got.get("Messages", []))
            return len(found) >= count

        wait_for(f"{count} messages in {arn}", receive, seconds)
        return found


@pytest.fixture
def bus(aws: Callable[[str], Any], unique: str) -> Bus:
    return Bus(aws, unique)


def _attributes(message: Any) -> dict[str, str]:
    return {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (_arn("is-not-there"), "NO_RESOURCE"),
        (f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:is-not-there", "NO_RESOURCE"),
        (f"arn:aws:sns:us-east-1:{ACCOUNT}:is-not-there", "NO_RESOURCE"),
        (f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/is-not-there", "NO_RESOURCE"),
        (f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:is-not-there", "NO_RESOURCE"),
        (f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:is-not-there", "NO_RESOURCE"),
        (f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/is-not-there", "NO_RESOURCE"),
    ],
)
def test_what_no_target_takes_is_in_the_dead_letter_queue(bus: Bus, target: str, code: str) -> None:
    dead = bus.queue("dead")
    bus.target(target, DeadLetterConfig={"Arn": dead}, RoleArn=ROLE)
    event_id = bus.put()
    (letter,) = bus.messages(dead)
    event = json.loads(letter["Body"])
    assert (event["id"], event["detail"], event["source"]) == (event_id, DETAIL, "till")
    found = _attributes(letter)
    assert found.pop("ERROR_MESSAGE")
    assert found == {"RULE_ARN": bus.rule, "TARGET_ARN": target, "ERROR_CODE": code, "RETRY_ATTEMPTS": "0"}


@pytest.fixture
def web() -> Iterator[tuple[str, list[int], list[Any]]]:
    """URL of a server, the statuses that it is to answer with next (200 when there are none), and what it got."""
    statuses: list[int] = []
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(statuses.pop(0) if statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", statuses, got
    server.shutdown()


def _destination(bus: Bus, url: str) -> str:
    connection = bus.events.create_connection(
        Name=bus.name,
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}},
    )["ConnectionArn"]
    made = bus.events.create_api_destination(
        Name=bus.name, ConnectionArn=connection, InvocationEndpoint=url, HttpMethod="POST"
    )
    return str(made["ApiDestinationArn"])


def test_what_fails_for_now_is_tried_again(bus: Bus, web: tuple[str, list[int], list[Any]]) -> None:
    url, statuses, got = web
    statuses += [500, 429]
    dead = bus.queue("dead")
    bus.target(_destination(bus, url), DeadLetterConfig={"Arn": dead}, RoleArn=ROLE)
    bus.put()
    wait_for("the third attempt", lambda: len(got) == 3)
    assert {one["id"] for one in got} == {got[0]["id"]}


@pytest.mark.parametrize(
    ("status", "attempts", "reason"), [(503, 3, "MaximumRetryAttempts"), (400, 1, None)], ids=["busy", "refused"]
)
def test_what_keeps_failing_is_a_dead_letter(
    bus: Bus, web: tuple[str, list[int], list[Any]], status: int, attempts: int, reason: str | None
) -> None:
    url, statuses, got = web
    statuses += [status] * 10
    dead, target = bus.queue("dead"), _destination(bus, url)
    bus.target(target, DeadLetterConfig={"Arn": dead}, RetryPolicy={"MaximumRetryAttempts": 2}, RoleArn=ROLE)
    bus.put()
    (letter,) = bus.messages(dead)
    found = _attributes(letter)
    assert (found["RETRY_ATTEMPTS"], found.get("EXHAUSTED_RETRY_CONDITION")) == (str(attempts - 1), reason)
    assert len(got) == attempts


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"InputPath": "$.detail.store"}, {"id": "s-1"}),
        ({"InputPath": "$.detail.size"}, 0),
        ({"InputPath": "$.detail.paid"}, False),
        ({"Input": '{"a": 1}'}, {"a": 1}),
        (
            {"InputTemplate": '{"n": <size>, "p": <paid>, "x": <name>, "l": <lines>, "s": <store>, "m": <ms>}'},
            {
                "n": 0,
                "p": False,
                "x": DETAIL["name"],
                "l": DETAIL["lines"],
                "s": DETAIL["store"],
                "m": 12,
            },
        ),
        (
            {"InputTemplate": '{"t": "order <size>, <name> of <ms> ms", "other": <text>}'},
            {"t": f"order 0, {DETAIL['name']} of 12 ms", "other": ""},
        ),
        ({"InputTemplate": '[<size>, "<name>"]'}, [0, DETAIL["name"]]),
        ({"InputTemplate": "<store>"}, {"id": "s-1"}),
        ({"InputTemplate": '"sold <size> for <ms>"'}, "sold 0 for 12"),
    ],
    ids=str,
)
def test_what_a_target_gets(aws: Callable[[str], Any], bus: Bus, options: dict[str, Any], wanted: Any) -> None:
    if template := options.get("InputTemplate"):
        names = ("size", "paid", "name", "lines", "store", "text", "ms")
        paths = {name: f"$.detail.{name}" for name in names if f"<{name}>" in template}
        options = {"InputTransformer": {"InputTemplate": template, "InputPathsMap": paths}}
    queue = bus.queue("target")
    machine = aws("stepfunctions").create_state_machine(name=bus.name, roleArn=ROLE, definition=PASS)["stateMachineArn"]
    bus.target(queue, **options)
    bus.target(machine, 2, RoleArn=ROLE, **options)
    event_id = bus.put()
    (message,) = bus.messages(queue)
    assert json.loads(message["Body"]) == wanted

    def execution() -> Any:
        return aws("stepfunctions").list_executions(stateMachineArn=machine)["executions"]

    (found,) = wait_for("the execution", execution)
    assert found["name"].startswith(event_id)
    told = aws("stepfunctions").describe_execution(executionArn=found["executionArn"])
    assert json.loads(told["input"]) == wanted


def test_an_execution_starts_for_each_rule(aws: Callable[[str], Any], bus: Bus) -> None:
    machine = aws("stepfunctions").create_state_machine(name=bus.name, roleArn=ROLE, definition=PASS)["stateMachineArn"]
    bus.target(machine, RoleArn=ROLE)
    bus.events.put_rule(Name="second", EventBusName=bus.name, EventPattern='{"source": ["till"]}')
    bus.events.put_targets(Rule="second", EventBusName=bus.name, Targets=[{"Id": "1", "Arn": machine, "RoleArn": ROLE}])
    bus.put()

    def both() -> bool:
        return len(aws("stepfunctions").list_executions(stateMachineArn=machine)["executions"]) == 2

    wait_for("both executions", both)


def test_a_disabled_rule_sends_nothing(bus: Bus) -> None:
    queue = bus.queue("target")
    bus.target(queue)
    bus.events.disable_rule(Name=bus.name, EventBusName=bus.name)
    bus.put({"n": 1})
    bus.events.enable_rule(Name=bus.name, EventBusName=bus.name)
    bus.put({"n": 2})
    assert [json.loads(one["Body"])["detail"] for one in bus.messages(queue)] == [{"n": 2}]


@pytest.mark.parametrize("service", ["ecs", "batch", "codepipeline", "redshift-data"])
def test_a_target_that_is_not_done_is_refused(bus: Bus, service: str) -> None:
    arn = f"arn:aws:{service}:us-east-1:{ACCOUNT}:thing/x"
    with pytest.raises(bus.events.exceptions.ClientError, match=f"service {service} are not done by the emulator"):
        bus.target(arn, RoleArn=ROLE)


def test_an_archive_is_replayed(bus: Bus) -> None:
    archive = bus.events.create_archive(ArchiveName=bus.name, EventSourceArn=bus.arn)["ArchiveArn"]
    queue, other = bus.queue("target"), bus.queue("other")
    bus.target(queue)
    bus.events.put_rule(Name="other", EventBusName=bus.name, EventPattern='{"source": ["till"]}')
    bus.events.put_targets(Rule="other", EventBusName=bus.name, Targets=[{"Id": "1", "Arn": other}])
    bus.put({"n": 1}, Resources=["arn:aws:s3:::b"])
    bus.put({"n": 2}, Time=datetime(2020, 1, 1, tzinfo=UTC))
    bus.messages(queue, 2)
    bus.messages(other, 2)
    now = datetime.now(UTC)
    started = bus.events.start_replay(
        ReplayName=bus.name,
        EventSourceArn=archive,
        EventStartTime=now - timedelta(hours=1),
        EventEndTime=now + timedelta(hours=1),
        Destination={"Arn": bus.arn, "FilterArns": [bus.rule]},
    )
    assert started["State"] in ("STARTING", "RUNNING", "COMPLETED")
    (message,) = bus.messages(queue)
    event = json.loads(message["Body"])
    assert (event["detail"], event["replay-name"], event["resources"]) == ({"n": 1}, bus.name, ["arn:aws:s3:::b"])
    bus.put({"n": 3})
    assert [json.loads(one["Body"])["detail"] for one in bus.messages(other)] == [{"n": 3}]
    assert bus.events.describe_replay(ReplayName=bus.name)["State"] == "COMPLETED"


@pytest.mark.waits
def test_a_rule_fires_by_its_schedule(aws: Callable[[str], Any], unique: str) -> None:
    events, sqs = aws("events"), aws("sqs")
    queue = sqs.create_queue(QueueName=unique)["QueueUrl"]
    rule = events.put_rule(Name=unique, ScheduleExpression="rate(1 minute)")["RuleArn"]
    events.put_targets(Rule=unique, Targets=[{"Id": "1", "Arn": _arn(unique)}])
    events.put_targets(Rule=unique, Targets=[{"Id": "1", "Arn": _arn(unique)}])  # changes nothing
    began = datetime.now(UTC)
    found: list[Any] = []

    def receive() -> bool:
        found.extend(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10).get("Messages", []))
        return bool(found)

    wait_for("the event", receive, 80)
    event = json.loads(found[0]["Body"])
    assert (event["detail-type"], event["resources"]) == ("Scheduled Event", [rule])
    assert timedelta(seconds=50) < datetime.now(UTC) - began
    assert "Messages" not in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2)
    events.remove_targets(Rule=unique, Ids=["1"])
    events.delete_rule(Name=unique)
