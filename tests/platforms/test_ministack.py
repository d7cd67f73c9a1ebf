"""The engine MiniStack: started, used through AWS APIs, and gone with all that it started."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from stockroom.engines.ministack import MiniStackEngine
from stockroom.settings import Settings
from stockroom.system.processes import PidFile, free_port, port_holder, processes_in
from tests.emulator.functions import ROLE, client, zip_bytes
from tests.emulator.test_admission import NAVIGATION, NO_REFERRER, ask, is_refused

SOURCE = """
import os, sys

def handler(event, context):
    if "Records" in event:
        raise ValueError("these records are never taken")
    return {"python": sys.executable, "variables": dict(os.environ)}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(engine="ministack", run_dir=tmp_path / "run", port=free_port())


@pytest.fixture
def engine(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[MiniStackEngine]:
    engine = MiniStackEngine(settings)
    with monkeypatch.context() as shell:
        shell.setenv("AWS_PROFILE", "production")
        engine.start()
    yield engine
    engine.stop()


def test_it_runs_functions_beside_it_gives_up_what_they_refuse_and_leaves_nothing(
    settings: Settings, engine: MiniStackEngine
) -> None:
    engine.wait_until_ready()
    assert engine.status().version == "1.5.33"
    process = PidFile(settings.engine_dir / "pid").process()
    assert process

    def make(service: str) -> Any:
        return client(service, engine.endpoint)

    functions, sqs, kinesis = make("lambda"), make("sqs"), make("kinesis")
    functions.create_function(
        FunctionName="refuses",
        Runtime="python3.13",
        Handler="app.handler",
        Role=ROLE,
        Code={"ZipFile": zip_bytes({"app.py": SOURCE})},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="refuses", WaiterConfig={"Delay": 0.1})
    seen = json.load(functions.invoke(FunctionName="refuses", Payload=b"{}")["Payload"])
    assert "/runtimes/python3.13/" in seen["python"]
    assert seen["variables"]["AWS_ENDPOINT_URL"] == engine.endpoint
    assert "production" not in seen["variables"].values()

    queue = sqs.create_queue(QueueName="given-up")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    kinesis.create_stream(StreamName="sales", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="sales", WaiterConfig={"Delay": 1})
    stream = kinesis.describe_stream(StreamName="sales")["StreamDescription"]["StreamARN"]
    functions.create_event_source_mapping(
        FunctionName="refuses",
        EventSourceArn=stream,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=1,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": attributes["QueueArn"]}},
    )
    kinesis.put_records(StreamName="sales", Records=[{"Data": b"1", "PartitionKey": "a"}] * 2)
    told: list[dict[str, Any]] = []
    while len(told) < 2:
        answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)
        assert answer.get("Messages"), "nothing more is given up"
        told += [json.loads(message["Body"]) for message in answer["Messages"]]
    assert {one["KinesisBatchInfo"]["batchSize"] for one in told} == {1}, "the batch was split"
    assert {one["requestContext"]["condition"] for one in told} == {"RetryAttemptsExhausted"}

    functions.invoke(FunctionName="refuses", Payload=b"{}")
    tree = [process, *process.children(recursive=True)]
    assert len(tree) > 1
    sockets = [one for each in tree for one in each.net_connections(kind="inet") if one.status == psutil.CONN_LISTEN]
    assert {one.laddr.ip for one in sockets} == {"127.0.0.1"}
    assert engine.stop()
    assert port_holder(settings.port) is None
    assert not list(processes_in(settings.run_dir))


def test_it_answers_programs_of_its_user_and_no_page(settings: Settings, engine: MiniStackEngine) -> None:
    """By the same rule as the emulator, whose own tests have its cases."""
    engine.wait_until_ready()
    asked = "/?Action=GetCallerIdentity&Version=2011-06-15"
    assert ask(engine.endpoint, "GET", asked)[0] == 200
    assert is_refused(ask(engine.endpoint, "GET", asked, host="evil.example"))
    assert is_refused(ask(engine.endpoint, "GET", asked, host="a.execute-api.evil.example"))
    assert is_refused(ask(engine.endpoint, "GET", asked, NO_REFERRER))
    assert is_refused(ask(engine.endpoint, "GET", asked, NAVIGATION))
    assert is_refused(ask(engine.endpoint, "GET", asked, NO_REFERRER, host="x.execute-api.localhost"))
    assert is_refused(ask(engine.endpoint, "POST", "/bucket", [("Origin", "http://evil.example")]))
    assert is_refused(ask(engine.endpoint, "OPTIONS", "/", [("Origin", "http://localhost:3000")]))
