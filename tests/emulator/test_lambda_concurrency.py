"""More invocations at a time than the machine can run: they wait, or are throttled, and none fails in another way."""

from __future__ import annotations

import json
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from stockroom.settings import Settings

from .functions import Functions
from .recipe import Emulator, start_emulator, wait_for


def start_with(files: int, folder: Path, port: Any) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    port.put(start_emulator(folder).settings.port)


@pytest.fixture
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Emulator]:
    """An emulator that can have so many files open, and no more."""
    port: Any = multiprocessing.Queue()
    starting = multiprocessing.Process(target=start_with, args=(request.param, tmp_path / "run", port))
    starting.start()
    starting.join()
    emulator = Emulator(Settings(run_dir=tmp_path / "run", port=port.get(timeout=5)))
    yield emulator
    emulator.stop()


def many_at_once(endpoint: str, count: int) -> Any:
    session: Any = boto3.Session()
    return session.client(
        "lambda",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=300, max_pool_connections=count),
    )


@pytest.mark.parametrize("small", [1024], indirect=True)
def test_260_invocations_at_a_time_work_with_1024_open_files(small: Emulator) -> None:
    service = many_at_once(small.endpoint, 260)
    name = Functions(service).make("import time\ndef handler(event, context):\n    time.sleep(0.5)\n    return event\n")

    def invoke(number: int) -> Any:
        return json.loads(service.invoke(FunctionName=name, Payload=str(number))["Payload"].read())

    with ThreadPoolExecutor(260) as pool:
        assert list(pool.map(invoke, range(260))) == list(range(260))
    assert "Too many open files" not in small.log


@pytest.mark.waits
@pytest.mark.parametrize("small", [240], indirect=True)  # room for four
def test_functions_that_wait_for_each_other_are_throttled(small: Emulator) -> None:
    source = """
        import boto3, json
        from botocore.config import Config
        service = boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}))
        def handler(event, context):
            if not event:
                return "the last"
            try:
                answer = service.invoke(FunctionName=context.function_name, Payload=json.dumps(event - 1))
            except service.exceptions.TooManyRequestsException as error:
                return [error.response["Reason"], error.response["ResponseMetadata"]["HTTPStatusCode"]]
            return json.load(answer["Payload"])
    """
    functions = Functions(many_at_once(small.endpoint, 10))
    name = functions.make(source, Timeout=100)
    assert functions.invoke(name, 3).payload == "the last"
    assert functions.invoke(name, 4).payload == ["ConcurrentInvocationLimitExceeded", 429]
    other = functions.make("def handler(event, context):\n    return 1\n")
    assert functions.invoke(other).payload == 1  # idle environments make room


def test_asynchronous_invocations_wait_for_their_turn_and_happen_once(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    queue = aws("sqs").create_queue(QueueName=unique)["QueueUrl"]
    source = f"""
        import boto3, time
        sqs = boto3.client("sqs")
        def handler(event, context):
            time.sleep(0.2)
            sqs.send_message(QueueUrl={queue!r}, MessageBody=str(event))
    """
    name = functions.make(source)
    functions.service.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    for number in range(6):
        functions.service.invoke(FunctionName=name, InvocationType="Event", Payload=str(number))
    found: list[int] = []

    def all_of_them() -> bool:
        answer = aws("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        found.extend(int(message["Body"]) for message in answer.get("Messages", []))
        return len(found) >= 6

    wait_for("the invocations", all_of_them, 60)
    assert sorted(found) == list(range(6))


def test_what_a_function_reserves_is_its_limit(functions: Functions) -> None:
    name = functions.make("import time\ndef handler(event, context):\n    time.sleep(event)\n    return 1\n")
    functions.service.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(functions.invoke, name, 3)
        time.sleep(1)
        with pytest.raises(functions.service.exceptions.TooManyRequestsException):
            functions.invoke(name, 0)
        assert running.result().payload == 1
