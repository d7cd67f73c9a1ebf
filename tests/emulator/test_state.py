"""The emulator's whole state is saved, loaded by another emulator, and put back while one runs.

STOCKROOM_STATE_ROUNDS (3) is how often a loaded state is saved and loaded again.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stockroom.engines.emulator_state import RefusedStateError

from .functions import ROLE, client, make_table
from .recipe import Emulator, start_emulator, wait_for
from .state.account import SERVICES, Account, Facts, arn

RECORDS = 50 + 31  # of state-events, and of the items of state-items
REDRIVEN = 9
ROUNDS = int(os.environ.get("STOCKROOM_STATE_ROUNDS", "3"))
OTHER_EVERY = 3  # how often another emulator goes on


def ask(emulator: Emulator, action: str, header: str = "1") -> tuple[int, dict[str, Any]]:
    """The status and the answer to POST /_stockroom/state/<action>."""
    request = urllib.request.Request(
        f"{emulator.endpoint}/_stockroom/state/{action}", data=b"", headers={"X-Stockroom": header}
    )
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def done(emulator: Emulator, action: str) -> dict[str, Any]:
    status, answer = ask(emulator, action)
    assert status == 200, answer
    return answer


@dataclass(frozen=True)
class Saved:
    """A state, what the emulator told when it was saved, and what it had given out before."""

    folder: Path
    facts: dict[str, Facts]
    receipt: str
    ciphertext: bytes
    seen: list[str]


@dataclass(frozen=True)
class Running:
    emulator: Emulator
    aws: Account

    def url(self, queue: str) -> str:
        return str(self.aws("sqs").get_queue_url(QueueName=queue)["QueueUrl"])

    def take(self, queue: str) -> list[str]:
        """Bodies of the messages that a queue gives now; they are deleted."""
        sqs, url = self.aws("sqs"), self.url(queue)
        found = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(message["Body"])
        return found

    def take_until(self, queue: str, count: int, seconds: float = 40) -> list[str]:
        """Bodies of at least `count` messages."""
        found: list[str] = []

        def enough() -> bool:
            found.extend(self.take(queue))
            return len(found) >= count

        wait_for(f"{count} messages in {queue}", enough, seconds)
        return found

    def seen(self, count: int) -> list[str]:
        """At least `count` of the records that the function of the event sources has told of."""
        found: list[str] = []

        def enough() -> bool:
            found.extend(name for body in self.take("state-seen") for name in json.loads(body))
            return len(found) >= count

        wait_for(f"{count} records to be seen", enough, 60)
        return found


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An emulator with something of everything."""
    emulator = start_emulator(tmp_path_factory.mktemp("origin") / "run")
    try:
        emulator.wait_for_services()
        running = Running(emulator, Account(emulator.endpoint))
        running.aws.make()
        yield running
    finally:
        emulator.stop()


@pytest.fixture(scope="module")
def saved(origin: Running, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """The state of an emulator whose event sources have seen all there was, in the middle of a redrive and of an
    invocation."""
    sqs = origin.aws("sqs")
    seen = origin.seen(RECORDS)
    facts = origin.aws.tell()
    for queue in ("state-moved", "state-to-move"):
        sqs.create_queue(QueueName=queue)
    redrive = json.dumps({"deadLetterTargetArn": arn("sqs", "state-to-move"), "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=origin.url("state-moved"), Attributes={"RedrivePolicy": redrive})
    for number in range(REDRIVEN):
        sqs.send_message(QueueUrl=origin.url("state-to-move"), MessageBody=str(number))
    sqs.send_message(QueueUrl=origin.url("state-slow"), MessageBody="1")
    assert origin.take_until("state-slow-seen", 1) == ["begun"]
    sqs.start_message_move_task(
        SourceArn=arn("sqs", "state-to-move"),
        DestinationArn=arn("sqs", "state-moved"),
        MaxNumberOfMessagesPerSecond=1,
    )
    done(origin.emulator, "save")
    folder = tmp_path_factory.mktemp("saved") / "state"
    shutil.copytree(origin.emulator.folder / "state", folder)
    return Saved(folder, facts, origin.aws.receipt, origin.aws.ciphertext, seen)


@pytest.fixture(scope="module")
def put_back(origin: Running, saved: Saved) -> Running:
    """The same emulator after much has changed in it, put back."""
    aws = origin.aws
    aws("s3").put_object(Bucket="state-one", Key="large", Body=b"changed")
    aws("s3").create_bucket(Bucket="state-three")
    aws("dynamodb").delete_table(TableName="state-items")
    aws("kinesis").put_record(StreamName="state-events", Data=b"later", PartitionKey="1")
    aws("lambda").delete_function(FunctionName="state-echo")
    aws("sqs").delete_queue(QueueUrl=origin.url("state-queue"))
    aws("secretsmanager").put_secret_value(SecretId="state", SecretString="third")
    aws("cloudwatch").delete_alarms(AlarmNames=["state-sum"])
    aws("route53").create_hosted_zone(Name="shop.example", CallerReference="1")  # a service that did not run
    done(origin.emulator, "load")
    return origin


@pytest.fixture(scope="module")
def other(saved: Saved, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Another emulator that started with the state."""
    emulator = start_emulator(tmp_path_factory.mktemp("other") / "run", saved.folder)
    try:
        yield Running(emulator, Account(emulator.endpoint))
    finally:
        emulator.stop()


@pytest.fixture(scope="module", params=["put_back", "other"])
def loaded(request: pytest.FixtureRequest) -> Running:
    running: Running = request.getfixturevalue(request.param)
    return running


@pytest.fixture(scope="module")
def told(loaded: Running) -> dict[str, Facts]:
    return loaded.aws.tell()


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_tells_what_it_told(saved: Saved, told: dict[str, Facts], service: str) -> None:
    assert told[service] == saved.facts[service]


@pytest.mark.waits
def test_nothing_changes_however_often_a_state_is_saved_and_loaded(tmp_path: Path) -> None:
    """Each state is saved by the emulator that has loaded the one before."""
    with ExitStack() as started:

        def start(number: int, state: Path | None = None) -> Running:
            emulator = start_emulator(tmp_path / str(number), state)
            started.callback(emulator.stop)
            return Running(emulator, Account(emulator.endpoint))

        running = start(0)
        running.emulator.wait_for_services()
        running.aws.make()
        running.seen(RECORDS)
        facts = running.aws.tell()
        for number in range(1, ROUNDS + 1):
            done(running.emulator, "save")
            if number % OTHER_EVERY:
                done(running.emulator, "load")
            else:
                before, running = running.emulator, start(number, running.emulator.folder / "state")
                before.stop()
            told = running.aws.tell()
            assert {service for service in SERVICES if told[service] != facts[service]} == set(), f"round {number}"


def test_a_service_that_was_not_used_is_empty(loaded: Running, told: dict[str, Facts]) -> None:
    assert loaded.aws("route53").list_hosted_zones()["HostedZones"] == []


def test_messages_are_where_they_were(loaded: Running, saved: Saved, told: dict[str, Facts]) -> None:
    sqs = loaded.aws("sqs")
    assert sorted(loaded.take("state-queue")) == ["waiting 0", "waiting 1", "waiting 2"]
    which = {"QueueUrl": loaded.url("state-queue"), "AttributeNames": ["ApproximateNumberOfMessagesNotVisible"]}
    assert sqs.get_queue_attributes(**which)["Attributes"] == {"ApproximateNumberOfMessagesNotVisible": "1"}
    sqs.delete_message(QueueUrl=loaded.url("state-queue"), ReceiptHandle=saved.receipt)
    assert sqs.get_queue_attributes(**which)["Attributes"] == {"ApproximateNumberOfMessagesNotVisible": "0"}
    assert loaded.take("state-dead") == ["dead"]
    fifo = loaded.url("state.fifo")
    assert loaded.take("state.fifo") == ["b0", "b1"], "a0 is in flight, and a1 has to wait for it"
    sqs.send_message(QueueUrl=fifo, MessageBody="again", MessageGroupId="b", MessageDeduplicationId="b1")
    assert loaded.take("state.fifo") == [], "the queue has seen this deduplication ID"


def test_a_redrive_goes_on(loaded: Running, told: dict[str, Facts]) -> None:
    assert sorted(loaded.take_until("state-moved", REDRIVEN)) == [str(number) for number in range(REDRIVEN)]


def test_an_invocation_under_way_has_not_happened(loaded: Running, told: dict[str, Facts]) -> None:
    assert loaded.take_until("state-slow-seen", 2) == ["begun", "ended"]


def test_functions_run(loaded: Running, told: dict[str, Facts]) -> None:
    for qualifier in ("$LATEST", "1", "live"):
        answer = loaded.aws("lambda").invoke(FunctionName="state-echo", Qualifier=qualifier, Payload=b'{"a": 1}')
        assert json.load(answer["Payload"]) == [{"a": 1}, 1, "B"]


def test_event_sources_go_on_where_they_were(loaded: Running, saved: Saved, told: dict[str, Facts]) -> None:
    aws = loaded.aws
    number = aws("kinesis").put_record(StreamName="state-events", Data=b"new", PartitionKey="1")["SequenceNumber"]
    aws("dynamodb").put_item(TableName="state-items", Item={"id": {"S": "new"}})
    aws("sqs").send_message(QueueUrl=loaded.url("state-source"), MessageBody="new message")
    seen = loaded.seen(3)
    assert {number, "new message"} <= set(seen)
    assert len(seen) == 3
    assert not set(seen) & set(saved.seen)


def test_rules_fire(loaded: Running, told: dict[str, Facts]) -> None:
    loaded.aws("s3").put_object(Bucket="state-one", Key="events/ü", Body=b"1")
    loaded.aws("s3").put_object(Bucket="state-one", Key="others/1", Body=b"1")
    assert [json.loads(body) for body in loaded.take_until("state-created", 1)] == ["events/ü"]


def test_keys_decrypt_what_they_encrypted(loaded: Running, saved: Saved) -> None:
    assert loaded.aws("kms").decrypt(CiphertextBlob=saved.ciphertext)["Plaintext"] == b"plain"


def test_an_upload_in_parts_is_completed(loaded: Running, told: dict[str, Facts]) -> None:
    s3, which = loaded.aws("s3"), {"Bucket": "state-two", "Key": "parts"}
    upload = s3.list_multipart_uploads(Bucket="state-two")["Uploads"][0]["UploadId"]
    third = s3.upload_part(**which, UploadId=upload, PartNumber=2, Body=b"3")["ETag"]
    first = s3.list_parts(**which, UploadId=upload)["Parts"][0]["ETag"]
    parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": third}]
    s3.complete_multipart_upload(**which, UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(**which)["Body"].read() == b"1" * 5 * 2**20 + b"3"


def test_a_saved_state_is_of_one_moment_and_refuses_nobody(own_emulator: Emulator) -> None:
    """Each writer puts an item and then sends a message: there is never a message without its item."""
    endpoint = own_emulator.endpoint
    own_emulator.wait_for_services()
    dynamodb, sqs = client("dynamodb", endpoint), client("sqs", endpoint)
    queue = sqs.create_queue(QueueName="sent")["QueueUrl"]
    make_table(dynamodb, "sent")
    ended = threading.Event()

    def write(writer: int) -> int:
        number = 0
        while not ended.is_set():
            name = f"{writer}-{number}"
            dynamodb.put_item(TableName="sent", Item={"id": {"S": name}})
            sqs.send_message(QueueUrl=queue, MessageBody=name)
            number += 1
        return number

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, writer) for writer in range(4)]
        wait_for("the writers to write", lambda: dynamodb.scan(TableName="sent", Select="COUNT")["Count"] > 20)
        done(own_emulator, "save")
        at_save = dynamodb.scan(TableName="sent", Select="COUNT")["Count"]
        wait_for(
            "the writers to go on", lambda: dynamodb.scan(TableName="sent", Select="COUNT")["Count"] > at_save + 20
        )
        ended.set()
        assert sum(writer.result() for writer in writers) > 40
    done(own_emulator, "load")
    items = {item["id"]["S"] for item in dynamodb.scan(TableName="sent")["Items"]}
    sent = set(Running(own_emulator, Account(endpoint)).take("sent"))
    assert 20 < len(items) <= at_save + 4
    assert sent <= items
    assert len(items - sent) <= 4


def test_what_cant_be_saved_is_named_and_the_last_state_stays(own_emulator: Emulator) -> None:
    done(own_emulator, "save")
    before = {file: file.stat().st_mtime_ns for file in (own_emulator.folder / "state").rglob("*")}
    steps = client("stepfunctions", own_emulator.endpoint)
    states = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}}
    machine = steps.create_state_machine(name="waiting", roleArn=ROLE, definition=json.dumps(states))
    execution = steps.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    status, answer = ask(own_emulator, "save")
    assert (status, answer) == (500, {"error": f"an execution of Step Functions is running: {execution}"})
    assert {file: file.stat().st_mtime_ns for file in (own_emulator.folder / "state").rglob("*")} == before
    assert not (own_emulator.folder / "state.new").exists()
    steps.stop_execution(executionArn=execution)
    done(own_emulator, "save")


def test_only_the_toolkit_may_save_and_load(origin: Running) -> None:
    for action in ("save", "load", "moment", "save_settled"):
        assert ask(origin.emulator, action, header="")[0] == 403


def test_a_state_that_cant_be_loaded_ends_the_emulator(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "emulator.json").write_text('{"format": 2, "services": []}')
    (tmp_path / "state" / "stores.pickle").write_bytes(b"no pickle")
    (tmp_path / "state" / "objects").touch()
    with pytest.raises(RefusedStateError) as raised:
        start_emulator(tmp_path / "run", tmp_path / "state")
    log = (tmp_path / "run" / "engine" / "localstack.log").read_text()
    [line] = [line for line in log.splitlines() if line.startswith("The state could not be loaded:")]
    assert "the list of all stores can't be loaded: UnpicklingError" in line
    assert line in str(raised.value.details)
