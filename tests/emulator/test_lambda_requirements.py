"""What AWS refuses is refused, worded as there; and what has no effect here is not taken in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .emulator_python import run_program
from .functions import ROLE, Functions, zip_bytes

SOURCE = "def handler(event, context):\n    return len(event)\n"
RESERVED = (
    "_HANDLER _X_AMZN_TRACE_ID AWS_DEFAULT_REGION AWS_REGION AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_NAME "
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE "
    "AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY "
    "AWS_SESSION_TOKEN AWS_LAMBDA_RUNTIME_API LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR"
)


def refusal(call: Callable[..., Any], **options: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**options)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def name(functions: Functions) -> str:
    return functions.make(SOURCE)


def test_reserved_variables_are_refused(functions: Functions, name: str) -> None:
    for variable in RESERVED.split():
        code, message = refusal(
            functions.service.update_function_configuration,
            FunctionName=name,
            Environment={"Variables": {variable: "x", "OTHER": "y"}},
        )
        assert code == "InvalidParameterValueException"
        assert message.endswith(f"Reserved keys used in this request: {variable}")
    assert refusal(functions.make, source=SOURCE, Environment={"Variables": {"AWS_REGION": "x"}})[0] == code


@pytest.mark.parametrize("variable", ["GRÖSSE", "1A", "A", "A-B", "_A", "A B", ""])
def test_variables_have_names_that_a_shell_takes(functions: Functions, name: str, variable: str) -> None:
    code, message = refusal(
        functions.service.update_function_configuration,
        FunctionName=name,
        Environment={"Variables": {variable: "x"}},
    )
    assert code == "ValidationException"
    assert "[a-zA-Z]([a-zA-Z0-9_])+" in message


@pytest.mark.parametrize(("kind", "largest"), [("RequestResponse", 6 * 2**20), ("Event", 2**20)])
def test_larger_events_than_aws_takes_are_refused(functions: Functions, name: str, kind: str, largest: int) -> None:
    fits = json.dumps("x" * (largest - 2)).encode()
    answer = functions.service.invoke(FunctionName=name, InvocationType=kind, Payload=fits)
    assert answer["StatusCode"] in (200, 202)
    assert "FunctionError" not in answer
    assert refusal(functions.service.invoke, FunctionName=name, InvocationType=kind, Payload=fits + b" ") == (
        "RequestTooLargeException",
        f"Request must be smaller than {largest} bytes for the InvokeFunction operation",
    )


def test_a_queue_has_to_hide_messages_as_long_as_the_function_may_take(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    name = functions.make(SOURCE, Timeout=30)
    url = aws("sqs").create_queue(QueueName=unique, Attributes={"VisibilityTimeout": "29"})["QueueUrl"]
    arn = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    create = functions.service.create_event_source_mapping
    told = (
        "InvalidParameterValueException",
        "Queue visibility timeout: 29 seconds is less than Function timeout: 30 seconds",
    )
    assert refusal(create, EventSourceArn=arn, FunctionName=name) == told
    aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    mapping = create(EventSourceArn=arn, FunctionName=name, Enabled=False)["UUID"]
    aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "29"})  # it knows of no function
    assert refusal(functions.service.update_event_source_mapping, UUID=mapping, BatchSize=5) == told
    functions.service.delete_event_source_mapping(UUID=mapping)


MAPPINGS: dict[str, tuple[dict[str, Any], str]] = {
    "bisecting a batch of a queue": ({"BisectBatchOnFunctionError": True}, "Unsupported BisectBatchOnFunctionError"),
    "side by side in a queue": ({"ParallelizationFactor": 2}, "Unsupported ParallelizationFactor"),
    "a window over a queue": ({"TumblingWindowInSeconds": 5}, "Unsupported TumblingWindowInSeconds"),
    "a place in a queue": ({"StartingPosition": "LATEST"}, "Unsupported StartingPosition"),
    "too many at a time": ({"ScalingConfig": {"MaximumConcurrency": 1001}}, "less than or equal to 1000"),
    "metrics of its own": ({"MetricsConfig": {"Metrics": ["EventCount"]}}, "MetricsConfig has no effect"),
    "a Kafka topic": ({"Topics": ["a"]}, "Topics has no effect"),
    "an MQ queue": ({"Queues": ["a"]}, "Queues has no effect"),
}


@pytest.mark.parametrize("case", MAPPINGS)
def test_mappings_that_can_not_be_are_refused(
    functions: Functions, aws: Callable[[str], Any], name: str, unique: str, case: str
) -> None:
    options, told = MAPPINGS[case]
    url = aws("sqs").create_queue(QueueName=unique)["QueueUrl"]
    arn = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    create = functions.service.create_event_source_mapping
    assert told in refusal(create, EventSourceArn=arn, FunctionName=name, **options)[1]


def test_sources_that_are_not_there_are_named(functions: Functions, name: str) -> None:
    arn = "arn:aws:kafka:us-east-1:000000000000:cluster/a/b"
    create = functions.service.create_event_source_mapping
    code, message = refusal(create, EventSourceArn=arn, FunctionName=name, StartingPosition="LATEST")
    assert (code, "kafka" in message) == ("InvalidParameterValueException", True)


FILE_SYSTEM = "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0"
FUNCTIONS: dict[str, dict[str, Any]] = {
    "FileSystemConfigs": {"FileSystemConfigs": [{"Arn": FILE_SYSTEM, "LocalMountPath": "/mnt/a"}]},
    "ImageConfig": {"ImageConfig": {"Command": ["a"]}},
    "CodeSigningConfigArn": {
        "CodeSigningConfigArn": "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-0123456789abcdef0"
    },
    "TenancyConfig": {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}},
    "DurableConfig": {"DurableConfig": {"ExecutionTimeout": 60}},
}


@pytest.mark.parametrize("option", FUNCTIONS)
def test_options_of_functions_without_effect_are_refused(functions: Functions, option: str) -> None:
    code, message = refusal(functions.make, source=SOURCE, **FUNCTIONS[option])
    assert code == "InvalidParameterValueException"
    assert message.startswith(f"{option} has no effect on the local emulator: ")


def test_a_dry_run_changes_nothing(functions: Functions, name: str) -> None:
    code = zip_bytes({"app.py": "broken"})
    assert "DryRun" in refusal(functions.service.update_function_code, FunctionName=name, ZipFile=code, DryRun=True)[1]
    assert functions.invoke(name, [1]).payload == 1


@pytest.mark.parametrize(
    ("runtime", "told"),
    [("python2.6", "at 'runtime' failed to satisfy constraint"), ("nodejs22.x", "does not run on the local emulator")],
)
def test_an_unknown_runtime_is_refused_as_on_aws(functions: Functions, runtime: str, told: str) -> None:
    code, message = refusal(
        functions.service.create_function,
        FunctionName="unknown-runtime",
        Runtime=runtime,
        Handler="app.handler",
        Role=ROLE,
        Code={"ZipFile": zip_bytes({"app.py": SOURCE})},
    )
    assert code == "InvalidParameterValueException"
    assert told in message


def test_every_option_of_the_api_is_accounted_for() -> None:
    """A LocalStack that knows more of them has to say what becomes of those."""
    program = (
        "import json\n"
        "from stockroom_localstack.services.lambda_.options import DONE, REFUSED, STORED\n"
        "print(json.dumps({o: [*DONE[o].split(), *STORED.get(o, ()), *REFUSED.get(o, ())] for o in DONE}))\n"
    )
    known = json.loads(run_program(program))
    loaded = "import boto3, json\nc = boto3.client('lambda', region_name='us-east-1').meta.service_model\n"
    loaded += f"print(json.dumps({{o: [*c.operation_model(o).input_shape.members] for o in {sorted(known)!r}}}))\n"
    api = json.loads(run_program(loaded))
    assert {operation: sorted(options) for operation, options in known.items()} == {
        operation: sorted(options) for operation, options in api.items()
    }


def test_a_response_is_streamed_in_pieces(functions: Functions) -> None:
    name = functions.make("def handler(event, context):\n    print('hello')\n    return 'ü' * event\n")
    answer = functions.service.invoke_with_response_stream(FunctionName=name, Payload=b"100000", LogType="Tail")
    events = list(answer["EventStream"])
    payload = b"".join(event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event)
    assert json.loads(payload) == "ü" * 100_000
    assert len(events) > 2
    assert events[-1]["InvokeComplete"].keys() == {"LogResult"}
    assert answer["ExecutedVersion"] == "$LATEST"


def test_an_error_ends_a_streamed_response(functions: Functions) -> None:
    name = functions.make("def handler(event, context):\n    raise ValueError('no')\n")
    events = list(functions.service.invoke_with_response_stream(FunctionName=name)["EventStream"])
    completed = events[-1]["InvokeComplete"]
    assert completed["ErrorCode"] == "Unhandled"
    assert json.loads(completed["ErrorDetails"])["errorMessage"] == "no"
