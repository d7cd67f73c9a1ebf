"""What a function sees of its execution environment, and how environments are reused."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from stockroom.engines.emulator_installation import emulator_dir

from .functions import Functions, zip_bytes
from .recipe import wait_for

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime, and the one
# variable that makes every SDK talk to the emulator.
VARIABLES = {
    "_HANDLER",
    "_AWS_XRAY_DAEMON_ADDRESS",
    "_AWS_XRAY_DAEMON_PORT",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_TIMEOUT",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "HOME",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "LANG",
    "LC_CTYPE",  # Python's own, where the machine lacks the locale of LANG
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONPATH",
    "TMPDIR",
    "TZ",
}

ENVIRONMENT = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"


def test_a_function_sees_its_variables_and_those_of_aws_and_no_others(functions: Functions, endpoint: str) -> None:
    variables = {"TABLE": "orders", "PLACE": "日本"}
    seen = functions.run(ENVIRONMENT, Environment={"Variables": variables}, Timeout=7, MemorySize=256).payload
    assert {name: seen.pop(name) for name in variables} == variables
    assert set(seen) - VARIABLES == set()
    assert seen["AWS_ENDPOINT_URL"] == endpoint
    assert seen["AWS_REGION"] == "us-east-1"
    assert seen["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert seen["_HANDLER"] == "app.handler"
    assert (seen["AWS_LAMBDA_FUNCTION_TIMEOUT"], seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) == ("7", "256")


def test_the_home_and_the_temporary_folder_are_private(functions: Functions) -> None:
    source = """
        import os, pathlib, tempfile
        def handler(event, context):
            home = pathlib.Path.home()
            (home / "written").write_text("x")
            return [str(home), tempfile.gettempdir(), sorted(os.listdir(home))]
    """
    home, temporary, content = functions.run(source).payload
    other, _, _ = functions.run(source).payload
    assert home == temporary
    assert home != other
    assert content == ["written"]


def test_the_context_tells_memory_name_arn_and_time_left(functions: Functions) -> None:
    source = """
        def handler(event, context):
            return {
                "memory": context.memory_limit_in_mb,
                "name": context.function_name,
                "arn": context.invoked_function_arn,
                "left": context.get_remaining_time_in_millis(),
                "id": context.aws_request_id,
                "stream": context.log_stream_name,
                "client": context.client_context and context.client_context.custom,
            }
    """
    name = functions.make(source, MemorySize=512, Timeout=20)
    import base64

    given = base64.b64encode(json.dumps({"custom": {"till": "Köln"}}).encode()).decode()
    result = functions.invoke(name, ClientContext=given)
    seen = result.payload
    assert int(seen["memory"]) == 512
    assert seen["name"] == name
    assert seen["arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    assert 15_000 < seen["left"] <= 20_000
    assert seen["id"] == result.request_id
    assert "[$LATEST]" in seen["stream"]
    assert seen["client"] == {"till": "Köln"}


def test_credentials_are_those_of_the_functions_role(functions: Functions) -> None:
    source = "import boto3\ndef handler(event, context):\n    return boto3.client('sts').get_caller_identity()['Arn']\n"
    name = functions.make(source)
    assert functions.invoke(name).payload == f"arn:aws:sts::000000000000:assumed-role/emulator-tests/{name}"


def test_a_function_calls_dynamodb(functions: Functions, aws: Callable[[str], Any], unique: str) -> None:
    table = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    aws("dynamodb").create_table(TableName=unique, **table)
    source = """
        import os
        import boto3
        table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
        def handler(event, context):
            table.put_item(Item=event)
            return table.get_item(Key={"id": event["id"]})["Item"]["name"]
    """
    result = functions.run(source, {"id": "1", "name": "Teetasse ☕"}, Environment={"Variables": {"TABLE": unique}})
    assert result.error is None
    assert result.payload == "Teetasse ☕"
    assert aws("dynamodb").get_item(TableName=unique, Key={"id": {"S": "1"}})["Item"]["name"]["S"] == "Teetasse ☕"
    aws("dynamodb").delete_table(TableName=unique)


@pytest.mark.parametrize(
    "event", [{"größe": "日本語 🛒", "n": 1.5}, [], "text", None, 12345678901234567890, {"deep": [[{}]]}]
)
def test_events_and_responses_pass_untouched(functions: Functions, event: Any) -> None:
    assert functions.run("def handler(event, context):\n    return event\n", event).payload == event


def test_a_large_event_passes(functions: Functions) -> None:
    event = {"text": "€" * 1_500_000}
    assert functions.run("def handler(event, context):\n    return len(event['text'])\n", event).payload == 1_500_000


def test_a_warm_environment_keeps_its_module_state(functions: Functions) -> None:
    source = """
        import os
        calls = 0
        def handler(event, context):
            global calls
            calls += 1
            return calls, os.getpid()
    """
    name = functions.make(source)
    answers = [functions.invoke(name) for _ in range(5)]
    assert [answer.payload[0] for answer in answers] == [1, 2, 3, 4, 5]
    assert len({answer.payload[1] for answer in answers}) == 1
    assert "Init Duration" in answers[0].tail
    assert all("INIT_START" not in answer.tail and "Init Duration" not in answer.tail for answer in answers[1:])


def test_invocations_at_the_same_time_get_environments_of_their_own(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    """No invocation ends before all have begun, so they can't have shared an environment."""
    aws("s3").create_bucket(Bucket=unique)
    source = """
        import os, time
        import boto3
        s3 = boto3.client("s3")
        def handler(event, context):
            s3.put_object(Bucket=event["bucket"], Key=context.aws_request_id)
            while s3.list_objects_v2(Bucket=event["bucket"])["KeyCount"] < event["all"]:
                time.sleep(0.05)
            return os.getpid()
    """
    name = functions.make(source, Timeout=30)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: functions.invoke(name, {"bucket": unique, "all": 4}), range(4)))
    assert [result.error for result in results] == [None] * 4
    assert len({result.payload for result in results}) == 4


def test_many_short_invocations_at_the_same_time_all_succeed(functions: Functions) -> None:
    name = functions.make("def handler(event, context):\n    return event\n")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: functions.invoke(name, number).payload, range(60)))
    assert answers == list(range(60))


def test_new_code_takes_the_place_of_the_old(functions: Functions) -> None:
    name = functions.make("def handler(event, context):\n    return 'old'\n")
    assert functions.invoke(name).payload == "old"
    functions.service.update_function_code(
        FunctionName=name, ZipFile=zip_bytes({"app.py": "def handler(event, context):\n    return 'new'\n"})
    )
    functions.service.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
    assert functions.invoke(name).payload == "new"


def test_layers_are_on_the_path_and_the_last_one_wins(functions: Functions, unique: str) -> None:
    arns = [
        functions.service.publish_layer_version(LayerName=f"{unique}-{number}", Content={"ZipFile": zip_bytes(files)})[
            "LayerVersionArn"
        ]
        for number, files in enumerate(
            [
                {"python/only_first.py": "VALUE = 1", "python/both.py": "VALUE = 'first'"},
                {"python/lib/python3.13/site-packages/only_last.py": "VALUE = 2", "python/both.py": "VALUE = 'last'"},
            ]
        )
    ]
    source = """
        import both, only_first, only_last, shadowed
        def handler(event, context):
            return [only_first.VALUE, only_last.VALUE, both.VALUE, shadowed.VALUE]
    """
    result = functions.run(source, Layers=arns, files={"shadowed.py": "VALUE = 'bundle'"})
    assert result.payload == [1, 2, "last", "bundle"]


def test_the_bundles_own_packages_come_before_those_of_the_image(functions: Functions) -> None:
    source = "import boto3\ndef handler(event, context):\n    return boto3.VERSION\n"
    assert functions.run(source, files={"boto3/__init__.py": "VERSION = 'mine'"}).payload == "mine"


FORKED = "import sys\nis_forked = 'botocore' in sys.modules\ndef handler(event, context):\n    return is_forked\n"


def test_a_forked_interpreter_is_like_a_new_one(functions: Functions) -> None:
    source = """
        import os, signal, sys, threading
        def handler(event, context):
            return {
                "forked": "botocore" in sys.modules,
                "flags": repr(sys.flags),
                "path": [part.replace(os.getcwd(), "task root") for part in sys.path],
                "arguments": sys.argv,
                "main": sys.modules["__main__"].__name__,
                "folder": os.getcwd() == os.environ["LAMBDA_TASK_ROOT"],
                "files": [os.readlink(f"/proc/self/fd/{number}").partition(":")[0] for number in range(3)],
                "open": sorted(os.listdir("/proc/self/fd")),
                "encoding": [sys.stdout.encoding, sys.getfilesystemencoding()],
                "signals": {number: repr(signal.getsignal(number)) for number in signal.valid_signals()},
                "threads": [thread.name for thread in threading.enumerate()],
                "group": os.getpgid(0) == os.getpid(),
                "variables": sorted(os.environ.keys() - {"PYTHONNODEBUGRANGES", "LC_CTYPE"}),
            }
    """
    forked = functions.run(source).payload
    new = functions.run(source, Environment={"Variables": {"PYTHONNODEBUGRANGES": "1"}}).payload
    assert (forked.pop("forked"), new.pop("forked")) == (True, False)
    assert forked == new


@pytest.mark.parametrize(
    ("files", "variables"),
    [
        ({"six.py": "VERSION = 'mine'"}, {}),
        ({"urllib3/__init__.py": ""}, {}),
        ({"calendar.py": ""}, {}),
        ({"lib/libmine.so": ""}, {}),
        ({}, {"PYTHONHASHSEED": "1"}),
        ({}, {"LC_ALL": "C"}),
    ],
    ids=lambda given: ",".join(given) or "nothing",
)
def test_an_interpreter_that_would_not_be_the_same_is_started_anew(
    functions: Functions, files: dict[str, str], variables: dict[str, str]
) -> None:
    assert functions.run(FORKED, files=files, Environment={"Variables": variables}).payload is False


def test_the_bundle_may_hold_what_the_image_holds(functions: Functions) -> None:
    [six] = (emulator_dir() / "runtimes" / "python3.13").glob("lib/*/site-packages/six.py")
    assert functions.run(FORKED, files={"six.py": six.read_text()}).payload is True


@pytest.mark.parametrize("runtime", ["python3.11", "python3.12", "python3.13"])
def test_python_runtimes(functions: Functions, runtime: str) -> None:
    """On the interpreter of that version where the machine has one, else on 3.13: the image's packages either way."""
    source = "import sys, boto3\ndef handler(event, context):\n    return 'python%d.%d' % sys.version_info[:2]\n"
    assert functions.run(source, Runtime=runtime).payload in (runtime, "python3.13")


@pytest.mark.parametrize(("runtime", "nearest"), [("python3.8", "python3.11"), ("python3.14", "python3.13")])
def test_another_python_runs_on_the_nearest_and_the_log_says_so(
    functions: Functions, runtime: str, nearest: str
) -> None:
    source = "import sys\ndef handler(event, context):\n    return 'python%d.%d' % sys.version_info[:2]\n"
    result = functions.run(source, Runtime=runtime)
    assert result.payload in (nearest, "python3.13")
    assert f"[WARNING] {runtime} is not installed here: this function runs on {result.payload}\n" in result.tail


def test_handlers_in_packages(functions: Functions) -> None:
    files = {"shop/__init__.py": "", "shop/orders.py": "def take(event, context):\n    return __name__\n"}
    for handler in ("shop.orders.take", "shop/orders.take"):
        assert functions.run("", files=files, Handler=handler).payload == "shop.orders"


def test_what_a_function_starts_in_the_background_ends_with_its_environment(functions: Functions) -> None:
    """The function leaves its process group, as a daemon does."""
    source = """
        import subprocess
        def handler(event, context):
            return subprocess.Popen(["sleep", "300"], start_new_session=True).pid
    """
    import psutil

    name = functions.make(source)
    pid = functions.invoke(name).payload
    assert psutil.Process(pid).name() == "sleep"
    functions.service.update_function_configuration(FunctionName=name, Timeout=5)
    wait_for("the process to end", lambda: not psutil.pid_exists(pid))


def test_the_report_line(functions: Functions) -> None:
    result = functions.run("import time\ndef handler(event, context):\n    time.sleep(0.2)\n", MemorySize=256)
    found = re.search(
        rf"REPORT RequestId: {result.request_id}\tDuration: ([\d.]+) ms\tBilled Duration: (\d+) ms\t"
        r"Memory Size: 256 MB\tMax Memory Used: (\d+) MB\tInit Duration: ([\d.]+) ms",
        result.tail,
    )
    assert found, result.tail
    duration, billed, memory, init = map(float, found.groups())
    assert 200 <= duration < 2000
    assert billed >= duration + init
    assert 5 < memory < 200


def test_provisioned_environments_are_initialised_before_the_first_invocation(functions: Functions) -> None:
    name = functions.make(
        "import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"
    )
    version = functions.service.publish_version(FunctionName=name)["Version"]
    functions.service.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=version, ProvisionedConcurrentExecutions=1
    )

    def status() -> str | None:
        answer = functions.service.get_provisioned_concurrency_config(FunctionName=name, Qualifier=version)
        return answer["Status"] if answer["Status"] != "IN_PROGRESS" else None

    assert wait_for("the environment", status) == "READY"
    assert functions.invoke(name, Qualifier=version).payload == "provisioned-concurrency"


def test_an_environment_that_can_not_be_provisioned_is_told(functions: Functions) -> None:
    name = functions.make("import does_not_exist\n")
    version = functions.service.publish_version(FunctionName=name)["Version"]
    functions.service.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=version, ProvisionedConcurrentExecutions=1
    )

    def status() -> dict[str, Any] | None:
        answer = functions.service.get_provisioned_concurrency_config(FunctionName=name, Qualifier=version)
        return dict(answer) if answer["Status"] != "IN_PROGRESS" else None

    found = wait_for("the attempt to end", status)
    assert (found["Status"], found["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")


def test_an_initialisation_has_ten_seconds_and_is_repeated_within_the_functions_timeout(functions: Functions) -> None:
    name = functions.make("import time\ntime.sleep(60)\ndef handler(event, context):\n    return 1\n", Timeout=1)
    result = functions.invoke(name)
    assert result.payload["errorType"] == "Sandbox.Timedout"
    assert result.payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    reports = re.findall(r"INIT_REPORT Init Duration: ([\d.]+) ms\tPhase: (\w+)\tStatus: timeout", result.tail)
    assert [phase for _, phase in reports] == ["init", "invoke"]
    assert 10_000 <= float(reports[0][0]) < 11_500


WRAPPER = """#!/bin/sh
echo "wrapped: $#"
export WRAPPED=yes _HANDLER=other.handler
exec "$@"
"""


def zip_with_program(files: dict[str, str], program: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o755 if path == program else 0o644) << 16
            archive.writestr(entry, text)
    return packed.getvalue()


@pytest.mark.parametrize("wrapper", ["/var/task/wrapper", "/opt/wrapper"])
def test_a_wrapper_starts_the_runtime(functions: Functions, unique: str, wrapper: str) -> None:
    files = {"app.py": "", "other.py": "import os\ndef handler(event, context):\n    return os.environ['WRAPPED']\n"}
    layers = []
    if wrapper.startswith("/opt"):
        layer = zip_with_program({"wrapper": WRAPPER}, "wrapper")
        published = functions.service.publish_layer_version(LayerName=unique, Content={"ZipFile": layer})
        layers = [published["LayerVersionArn"]]
    else:
        files["wrapper"] = WRAPPER
    name = functions.make("", Layers=layers, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": wrapper}})
    functions.service.update_function_code(FunctionName=name, ZipFile=zip_with_program(files, "wrapper"))
    functions.service.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
    result = functions.invoke(name)
    assert result.payload == "yes"
    assert "wrapped: 3\n" in result.tail


def test_a_wrapper_that_is_not_there_is_named(functions: Functions) -> None:
    wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/nothing"}
    result = functions.run("def handler(event, context):\n    return 1\n", Environment={"Variables": wrapper})
    assert result.payload["errorType"] == "Runtime.ExitError"
    assert re.search("cannot run .*/nothing: No such file or directory", result.tail)
