"""Logs of Lambda functions in CloudWatch Logs and in LogResult."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .functions import Functions
from .recipe import wait_for


def messages(logs: Any, function: str) -> list[str]:
    """Messages of the function's streams once the REPORT line is there, in order."""
    group = f"/aws/lambda/{function}"

    def read() -> list[str]:
        try:
            streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        found: list[str] = []
        for stream in streams:
            arguments = {"logGroupName": group, "logStreamName": stream["logStreamName"], "startFromHead": True}
            token = None
            while True:
                page = logs.get_log_events(**arguments, **({"nextToken": token} if token else {}))
                found += [event["message"] for event in page["events"]]
                if page["nextForwardToken"] == token:
                    break
                token = page["nextForwardToken"]
        return found if any(message.startswith("REPORT") for message in found) else []

    return wait_for("the log events", read)


def test_lines_arrive_between_start_and_end(functions: Functions, aws: Callable[[str], Any]) -> None:
    source = """
        import sys
        print("loading")
        def handler(event, context):
            print("one ✓")
            print("two", file=sys.stderr)
    """
    name = functions.make(source)
    request = functions.invoke(name).request_id
    found = [message.rstrip("\n") for message in messages(aws("logs"), name)]
    assert found[0].startswith("INIT_START Runtime Version: python:3.13")
    assert found[1:6] == [
        "loading",
        f"START RequestId: {request} Version: $LATEST",
        "one ✓",
        "two",
        f"END RequestId: {request}",
    ]
    assert found[6].startswith(f"REPORT RequestId: {request}\tDuration: ")
    assert len(found) == 7


def test_every_invocation_gets_all_of_its_own_lines_and_no_others(functions: Functions) -> None:
    name = functions.make(
        "def handler(event, context):\n    print(f'<{event}>' * 2000)\n    print(f'last of {event}')\n"
    )
    for number in range(40):
        lines = functions.invoke(name, number).tail.splitlines()
        assert lines[-3] == f"last of {number}"
        assert f"<{number}>" in lines[-4]


def test_a_megabyte_in_lines_is_kept_whole_and_the_tail_holds_its_last_four_kilobytes(
    functions: Functions, aws: Callable[[str], Any]
) -> None:
    name = functions.make(
        "def handler(event, context):\n    for n in range(10_000):\n        print(f'{n:06}' + 'x' * 98)\n"
    )
    result = functions.invoke(name)
    assert result.error is None
    assert len(result.tail.encode()) == 4096
    assert "009999" in result.tail
    assert result.tail.rstrip("\n").splitlines()[-1].startswith(f"REPORT RequestId: {result.request_id}")
    lines = [message for message in messages(aws("logs"), name) if message.endswith("x\n")]
    assert lines == [f"{number:06}{'x' * 98}\n" for number in range(10_000)]


def test_a_megabyte_in_one_line_is_split_at_the_limit_of_a_log_event(
    functions: Functions, aws: Callable[[str], Any]
) -> None:
    name = functions.make("def handler(event, context):\n    print('y' * 1024 * 1024)\n    return 'done'\n")
    assert functions.invoke(name).payload == "done"
    parts = [message.rstrip("\n") for message in messages(aws("logs"), name) if message.startswith("yyy")]
    assert "".join(parts) == "y" * 1024 * 1024
    assert max(map(len, parts)) <= 256 * 1024 - 26
