"""What a caller gets when a function fails, against what AWS documents.

https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
"""

from __future__ import annotations

import importlib.util
import re
import time

import pytest
from botocore.exceptions import ClientError

from .functions import Functions


def test_a_handler_that_sleeps_past_its_timeout_is_killed(functions: Functions) -> None:
    name = functions.make("import time\ndef handler(event, context):\n    time.sleep(30)\n", Timeout=1)
    began = time.monotonic()
    result = functions.invoke(name)
    assert time.monotonic() - began < 5
    assert result.error == "Unhandled"
    assert result.payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {result.request_id} Error: Task timed out after 1.00 seconds",
    }
    assert re.search(rf"Z {result.request_id} Task timed out after 1\.00 seconds\n", result.tail)
    assert "Status: timeout" in result.tail


def test_after_a_timeout_the_next_invocation_finds_fresh_module_state(functions: Functions) -> None:
    source = """
        import time
        calls = 0
        def handler(event, context):
            global calls
            calls += 1
            if event == "hang":
                time.sleep(30)
            return calls
    """
    name = functions.make(source, Timeout=1)
    assert [functions.invoke(name, "count").payload for _ in range(2)] == [1, 2]
    assert functions.invoke(name, "hang").error == "Unhandled"
    assert functions.invoke(name, "count").payload == 1


def test_a_handler_that_raises_reports_type_message_and_stack_trace(functions: Functions) -> None:
    result = functions.run("def handler(event, context):\n    raise ValueError('no such size: 中')\n")
    assert result.error == "Unhandled"
    assert result.payload["errorType"] == "ValueError"
    assert result.payload["errorMessage"] == "no such size: 中"
    assert result.payload["requestId"] == result.request_id
    [frame] = result.payload["stackTrace"]
    assert re.search(r'app\.py", line 2, in handler\n    raise ValueError', frame)
    assert "[ERROR] ValueError: no such size: 中" in result.tail


def test_the_environment_survives_an_exception(functions: Functions) -> None:
    source = """
        calls = []
        def handler(event, context):
            calls.append(1)
            return 1 / (len(calls) - 1)
    """
    name = functions.make(source)
    assert functions.invoke(name).payload["errorType"] == "ZeroDivisionError"
    assert functions.invoke(name).payload == 1


def test_a_missing_import_is_reported_as_on_aws(functions: Functions) -> None:
    result = functions.run("import does_not_exist\ndef handler(event, context):\n    return 1\n")
    assert result.error == "Unhandled"
    assert result.payload == {
        "errorType": "Runtime.ImportModuleError",
        "errorMessage": "Unable to import module 'app': No module named 'does_not_exist'",
        "requestId": "",
        "stackTrace": [],
    }
    assert re.search(
        r"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: \w+\tStatus: error\tError Type: Runtime.ImportModuleError",
        result.tail,
    )


@pytest.mark.parametrize("module", ["pytest", "rich", "pydantic_settings", "localstack", "moto"])
def test_what_only_the_developers_machine_has_is_missing(functions: Functions, module: str) -> None:
    """The first three are installed beside the tests, the others beside LocalStack."""
    if module in ("pytest", "rich", "pydantic_settings"):
        assert importlib.util.find_spec(module), "the test proves nothing without the module in this environment"
    result = functions.run(f"import {module}\ndef handler(event, context):\n    return 1\n")
    assert result.payload["errorType"] == "Runtime.ImportModuleError"
    assert result.payload["errorMessage"] == f"Unable to import module 'app': No module named '{module}'"


@pytest.mark.parametrize(
    ("source", "error_type", "message"),
    [
        (
            "def other(event, context):\n    return 1\n",
            "Runtime.HandlerNotFound",
            "Handler 'handler' missing on module 'app'",
        ),
        (
            "def handler(event, context)\n    return 1\n",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'app': expected ':' (app.py, line 1)",
        ),
        ("raise RuntimeError('at import')\n", "RuntimeError", "at import"),
    ],
)
def test_code_that_can_not_be_loaded(functions: Functions, source: str, error_type: str, message: str) -> None:
    result = functions.run(source)
    assert result.error == "Unhandled"
    assert (result.payload["errorType"], result.payload["errorMessage"]) == (error_type, message)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("sys.exit(0)", "Runtime exited without providing a reason"),
        ("os._exit(3)", "Runtime exited with error: exit status 3"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_process_that_exits_during_the_invocation(functions: Functions, statement: str, reason: str) -> None:
    source = f"""
        import os, sys
        def handler(event, context):
            if event:
                {statement}
            return 1
    """
    name = functions.make(source)
    result = functions.invoke(name, "exit")
    assert result.error == "Unhandled"
    assert result.payload == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {result.request_id} Error: {reason}",
    }
    assert "Status: error\tError Type: Runtime.ExitError" in result.tail
    assert functions.invoke(name).payload == 1


def test_a_response_over_six_megabytes_is_an_error(functions: Functions) -> None:
    name = functions.make("def handler(event, context):\n    return 'x' * event\n")
    result = functions.invoke(name, 6 * 1024 * 1024 + 101)
    assert result.error == "Unhandled"
    assert result.payload == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }
    assert len(functions.invoke(name, 6 * 1024 * 1024).payload) == 6 * 1024 * 1024


@pytest.mark.parametrize("runtime", ["nodejs20.x", "java21", "python3.7", "provided.al2023"])
def test_a_runtime_that_can_not_run_here_is_refused_at_creation(functions: Functions, runtime: str) -> None:
    with pytest.raises(ClientError) as refused:
        functions.make("", Runtime=runtime)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    message = refused.value.response["Error"]["Message"]
    assert message.startswith(f"The runtime {runtime} does not run on the local emulator.")
    assert "python3.11, python3.12 and python3.13" in message


def test_a_container_image_is_refused_at_creation(functions: Functions, unique: str) -> None:
    with pytest.raises(ClientError, match=r"InvalidParameterValueException.*Container images do not run"):
        functions.service.create_function(
            FunctionName=unique,
            PackageType="Image",
            Code={"ImageUri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/image:1"},
            Role="arn:aws:iam::000000000000:role/emulator-tests",
        )


def test_an_update_to_a_runtime_that_can_not_run_here_is_refused(functions: Functions) -> None:
    name = functions.make("def handler(event, context):\n    return 1\n")
    with pytest.raises(ClientError, match=r"InvalidParameterValueException.*nodejs20\.x does not run"):
        functions.service.update_function_configuration(FunctionName=name, Runtime="nodejs20.x")
    assert functions.invoke(name).payload == 1


def _dedent(source: str) -> str:

    return source
