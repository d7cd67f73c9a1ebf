"""Logs of Lambda functions in CloudWatch Logs and in LogResult."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

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


NOISY = {
    "lines": "sys.stdout.write(('z' * 99 + '\\n') * 10_000)",
    "one line": "sys.stdout.write('z' * 1_000_000)",
    "bytes": "os.write(1, b'\\xff\\x00\\r' * 333_333)",
    "standard error": "sys.stderr.write('z' * 1_000_000)",
    "a child": "subprocess.run(['/bin/sh', '-c', 'head -c 1000000 /dev/zero'])",
    "an open of its own": "open('/dev/stdout', 'w').write('z' * 1_000_000)",
}


@pytest.mark.parametrize("noise", NOISY)
def test_what_a_call_prints_beyond_a_bound_is_left_out_and_the_log_says_so(
    functions: Functions, aws: Callable[[str], Any], noise: str
) -> None:
    source = f"""
        import os, subprocess, sys
        def handler(event, context):
            print("the first")
            sys.stdout.flush()
            for _ in range(24):
                {NOISY[noise]}
                sys.stdout.flush()
            print()
            raise ValueError("the last")
    """
    name = functions.make(source, Timeout=60)
    result = functions.invoke(name)
    assert result.payload["errorMessage"] == "the last"
    assert "the last" in result.tail
    found = messages(aws("logs"), name)
    assert "the first\n" in found
    told = [message for message in found if message.startswith("… truncated: ")]
    assert len(told) == 1
    assert int(told[0].split()[2]) > 18_000_000
    assert sum(map(len, found)) < 5 * 2**20
    assert functions.invoke(name).payload["errorMessage"] == "the last"


def test_tiny_lines_without_end_are_left_out_too(functions: Functions, aws: Callable[[str], Any]) -> None:
    name = functions.make(
        "import os\ndef handler(event, context):\n    os.write(1, b'x\\n' * 500_000)\n    print('last')\n"
    )
    assert functions.invoke(name).error is None
    found = messages(aws("logs"), name)
    assert len(found) < 80_010
    assert sum(message.startswith("… truncated: ") for message in found) == 1
    assert "last\n" in found


def test_a_log_group_keeps_its_newest_events_and_says_so(functions: Functions, aws: Callable[[str], Any]) -> None:
    source = """
        def handler(event, context):
            print("the first of", event)
            for _ in range(40):
                print("z" * 100_000)
            print("the last of", event)
    """
    name = functions.make(source, Timeout=60)
    for number in range(20):
        functions.invoke(name, number)

    def newest() -> list[str] | None:
        found = messages(aws("logs"), name)
        return found if "the last of 19\n" in found else None

    found = wait_for("the last call's events", newest)
    assert sum(map(len, found)) < 64 * 2**20
    assert "the first of 0\n" not in found
    assert "the first of 18\n" in found
    assert any(message.startswith("… truncated: the ") for message in found)


def test_the_start_of_an_environment_is_told_in_the_log_group_only(
    functions: Functions, aws: Callable[[str], Any]
) -> None:
    name = functions.make("def handler(event, context):\n    pass\n")
    assert functions.invoke(name).tail.startswith("START RequestId: ")
    assert messages(aws("logs"), name)[0].startswith("INIT_START Runtime Version: ")


def test_a_carriage_return_ends_no_event(functions: Functions, aws: Callable[[str], Any]) -> None:
    name = functions.make("def handler(event, context):\n    print('10 %\\r20 %')\n")
    functions.invoke(name)
    assert "10 %\r20 %\n" in messages(aws("logs"), name)


def test_an_exception_is_one_event_with_the_paths_of_aws(functions: Functions, aws: Callable[[str], Any]) -> None:
    source = """
        import json
        def handler(event, context):
            json.loads("{")
    """
    name = functions.make(source)
    result = functions.invoke(name)
    lib = "/var/lang/lib/python3.13"
    places = [line.partition("File ")[2].partition(",")[0] for line in result.payload["stackTrace"]]
    assert places[:2] == ['"/var/task/app.py"', f'"{lib}/json/__init__.py"']
    (told,) = [message for message in messages(aws("logs"), name) if message.startswith("[ERROR] JSONDecodeError")]
    assert '\n\xa0\xa0File "/var/task/app.py", line 4, in handler\n' in told
    assert f'File "{lib}/json/decoder.py"' in told
    assert "\r" not in told
    assert 'File "/var/task/app.py"' in result.tail


def test_a_function_logs_to_the_group_that_it_names(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    name = functions.make(
        "import os\ndef handler(e, context):\n    print('hello')\n    return os.environ['AWS_LAMBDA_LOG_GROUP_NAME']\n",
        LoggingConfig={"LogFormat": "Text", "LogGroup": f"/custom/{unique}"},
    )
    assert functions.invoke(name).payload == f"/custom/{unique}"
    wait_for("the events", lambda: aws("logs").describe_log_groups(logGroupNamePrefix=f"/custom/{unique}")["logGroups"])
    found = aws("logs").filter_log_events(logGroupName=f"/custom/{unique}")["events"]
    assert "hello\n" in [event["message"] for event in found]
    assert not aws("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]


@pytest.mark.parametrize(
    ("level", "kinds"),
    [
        ("INFO", ["platform.initStart", "platform.start", "INFO", "platform.report"]),
        ("WARN", ["INFO"]),
    ],
)
def test_json_is_what_a_function_logs_where_it_says_so(
    functions: Functions, aws: Callable[[str], Any], unique: str, level: str, kinds: list[str]
) -> None:
    group = f"/custom/{unique}"
    name = functions.make(
        "import logging\ndef handler(event, context):\n    logging.getLogger().info('hello')\n",
        LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": level, "LogGroup": group},
    )
    request = functions.invoke(name).request_id
    wait_for("the events", lambda: aws("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"])
    found = [json.loads(event["message"]) for event in aws("logs").filter_log_events(logGroupName=group)["events"]]
    assert [event.get("type") or event["level"] for event in found] == kinds
    (hello,) = [event for event in found if "message" in event]
    assert (hello["message"], hello["requestId"]) == ("hello", request)
    if level == "INFO":
        assert found[-1]["record"]["requestId"] == request
        assert found[-1]["record"]["status"] == "success"
        assert found[-1]["record"]["metrics"].keys() >= {"durationMs", "billedDurationMs", "maxMemoryUsedMB"}


def test_a_child_that_prints_for_ever_does_not_hold_up_an_answer(functions: Functions) -> None:
    source = """
        import subprocess
        def handler(event, context):
            if event:
                subprocess.Popen(["yes"])
            return event
    """
    name = functions.make(source)
    assert functions.invoke(name, 1).payload == 1
    assert functions.invoke(name, 0).payload == 0


def test_a_function_that_closes_its_output_still_answers(functions: Functions) -> None:
    name = functions.make("import os\ndef handler(event, context):\n    os.closerange(1, 3)\n    return event\n")
    assert [functions.invoke(name, number).payload for number in range(3)] == [0, 1, 2]
