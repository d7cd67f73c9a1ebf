"""A saved state is proven to be good by an emulator of its own, in which nothing begins to work."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stockroom.errors import StockroomError
from stockroom.snapshots.proof import proving

from .functions import Functions, client, make_table
from .recipe import Emulator, start_emulator, wait_for
from .test_state import done

CALLS = """
    import os, uuid, boto3
    put = boto3.client("dynamodb").put_item
    def handler(event, context):
        for record in event["Records"]:
            put(TableName="seen", Item={"id": {"S": record["body"] + " " + uuid.uuid4().hex}})
"""


@dataclass(frozen=True)
class Saved:
    """An emulator, and a state of it in which a message waits for a function that tells the emulator of it."""

    emulator: Emulator
    state: Path
    queue: str

    def calls(self) -> int:
        return int(client("dynamodb", self.emulator.endpoint).scan(TableName="seen", Select="COUNT")["Count"])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:
    folder = tmp_path_factory.mktemp("proven")
    emulator = start_emulator(folder / "run")
    try:

        def aws(service: str) -> Any:
            return client(service, emulator.endpoint)

        make_table(aws("dynamodb"), "seen")
        aws("s3").create_bucket(Bucket="proven")
        aws("s3").put_object(Bucket="proven", Key="one", Body=b"1" * 1_000_000)
        aws("cloudwatch").put_metric_data(Namespace="proven", MetricData=[{"MetricName": "one", "Value": 1}])
        queue = aws("sqs").create_queue(QueueName="waiting", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
        name = Functions(aws("lambda")).make(CALLS)
        arn = aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        mapping = aws("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName=name, BatchSize=1)
        wait_for(
            "the mapping to work",
            lambda: aws("lambda").get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Enabled",
        )
        done(emulator, "rest?seconds=600")
        aws("sqs").send_message(QueueUrl=queue, MessageBody="once")
        done(emulator, "save")
        shutil.copytree(emulator.folder / "state", folder / "state")
        yield Saved(emulator, folder / "state", queue)
    finally:
        emulator.stop()


def prove(saved: Saved, state: Path, tmp_path: Path) -> None:
    with proving(saved.emulator.settings, tmp_path / "proof") as proof:
        proof(state)()


def test_a_good_state_is_proven_and_nothing_in_it_begins_to_work(saved: Saved, tmp_path: Path) -> None:
    with proving(saved.emulator.settings, tmp_path / "proof") as proof:
        wait = proof(saved.state)
        wait()
        log = (tmp_path / "proof" / "engine" / "localstack.log").read_text()
    assert not (tmp_path / "proof").exists()
    assert "could not be loaded" not in log
    assert saved.calls() == 0, "the function of the proof would have told this emulator"
    done(saved.emulator, "rest?seconds=0")
    wait_for("the message to be seen", saved.calls, 60)
    time.sleep(1)
    assert saved.calls() == 1


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def spoil(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[100:5000] = bytes(len(content[100:5000]))
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("pattern", "damage", "reason"),
    [
        ("stores.pickle", cut, "can't be loaded: "),
        ("objects", lambda file: file.write_bytes(b""), "s3"),
        ("emulator.json", lambda file: file.unlink(), "holds no state of an emulator"),
        ("dynamodb/*.db", spoil, "dynamodb/"),
        ("cloudwatch/metrics.db", spoil, "cloudwatch/metrics.db: "),
    ],
)
def test_what_cant_be_loaded_is_told(
    saved: Saved, tmp_path: Path, pattern: str, damage: Callable[[Path], object], reason: str
) -> None:
    state = tmp_path / "state"
    shutil.copytree(saved.state, state)
    for file in state.glob(pattern):
        damage(file)
    with pytest.raises(StockroomError, match="what was saved could not be loaded again: ") as raised:
        prove(saved, state, tmp_path)
    assert reason in raised.value.message
    assert not (tmp_path / "proof").exists()


def test_a_proof_that_is_given_up_leaves_nothing(saved: Saved, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), proving(saved.emulator.settings, tmp_path / "proof"):
        raise KeyboardInterrupt
    assert not (tmp_path / "proof").exists()
