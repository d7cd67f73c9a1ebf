"""State machines of Step Functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .recipe import wait_for

ROLE = "arn:aws:iam::000000000000:role/emulator-tests"
PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


def _run(step_functions: Any, name: str, definition: dict[str, Any], given: Any) -> Any:
    machine = step_functions.create_state_machine(name=name, roleArn=ROLE, definition=json.dumps(definition))
    arn = step_functions.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(given))
    return _ended(step_functions, arn["executionArn"])


def _ended(step_functions: Any, arn: str) -> Any:
    def look() -> Any:
        found = step_functions.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    return wait_for("the execution to end", look)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("$sum($states.input.prices)", 6.5),
        ("$states.input.name & '!'", 'a "b" \\ c!'),
        ("$states.input.lines[quantity > 1].sku", "x"),
        ("$map($states.input.prices, function($p) { $p * 2 })", [2, 4, 7]),
        ("{'total': $count($states.input.lines), 'none': null}", {"total": 2, "none": None}),
        ("$partition([1, 2, 3], 2)", [[1, 2], [3]]),
        ("$range(1, 7, 3)", [1, 4, 7]),
        ("$hash('a', 'SHA-256')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ("$parse('{\"a\": [1]}').a", [1]),
        ("$length($uuid())", 36),
        ("$kept & $states.input.name", '"\\a "b" \\ c'),
    ],
)
def test_jsonata(aws: Callable[[str], Any], unique: str, expression: str, wanted: Any) -> None:
    given = {
        "prices": [1, 2, 3.5],
        "name": 'a "b" \\ c',
        "lines": [{"sku": "w", "quantity": 1}, {"sku": "x", "quantity": 2}],
    }
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Keep",
        "States": {
            "Keep": {"Type": "Pass", "Assign": {"kept": '"\\'}, "Next": "Answer"},
            "Answer": {"Type": "Pass", "Output": {"answer": f"{{% {expression} %}}"}, "End": True},
        },
    }
    ended = _run(aws("stepfunctions"), unique, definition, given)
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
    assert json.loads(ended["output"]) == {"answer": wanted}


def test_an_expression_that_fails_fails_the_execution(aws: Callable[[str], Any], unique: str) -> None:
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "P",
        "States": {"P": {"Type": "Pass", "Output": "{% $number('x') %}", "End": True}},
    }
    ended = _run(aws("stepfunctions"), unique, definition, {})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.QueryEvaluationError")


def test_a_machine_with_an_alias_starts_by_its_own_name(aws: Callable[[str], Any], unique: str) -> None:
    step_functions = aws("stepfunctions")
    made = step_functions.create_state_machine(name=unique, roleArn=ROLE, definition=json.dumps(PASS), publish=True)
    routing = [{"stateMachineVersionArn": made["stateMachineVersionArn"], "weight": 100}]
    alias = step_functions.create_state_machine_alias(name="live", routingConfiguration=routing)["stateMachineAliasArn"]
    for arn in (made["stateMachineArn"], alias, made["stateMachineVersionArn"]):
        started = step_functions.start_execution(stateMachineArn=arn)["executionArn"]
        assert _ended(step_functions, started)["status"] == "SUCCEEDED"


def _with(**states: Any) -> dict[str, Any]:
    return {"StartAt": "A", "States": states}


WRONG = {
    "StartAt": ({**PASS, "StartAt": "Q"}, "Missing 'StartAt' target: Q at /StartAt"),
    "Next": (_with(A={"Type": "Pass", "Next": "B"}), "Missing 'Next' target: B at /States/A/Next"),
    "Default": (
        _with(
            A={
                "Type": "Choice",
                "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "S"}],
                "Default": "B",
            },
            S={"Type": "Succeed"},
        ),
        "Missing 'Default' target: B at /States/A/Default",
    ),
    "Choices": (
        _with(
            A={
                "Type": "Choice",
                "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "B"}],
            }
        ),
        "Missing 'Next' target: B at /States/A/Choices[0]/Next",
    ),
    "Catch": (
        _with(
            A={
                "Type": "Parallel",
                "Branches": [PASS],
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}],
                "End": True,
            }
        ),
        "Missing 'Next' target: B at /States/A/Catch[0]/Next",
    ),
    "branch": (
        _with(A={"Type": "Parallel", "Branches": [PASS, {**PASS, "StartAt": "Q"}], "End": True}),
        "Missing 'StartAt' target: Q at /States/A/Branches[1]/StartAt",
    ),
    "map": (
        _with(A={"Type": "Map", "ItemProcessor": {**PASS, "StartAt": "Q"}, "End": True}),
        "Missing 'StartAt' target: Q at /States/A/ItemProcessor/StartAt",
    ),
    "unreachable": (_with(A={"Type": "Succeed"}, B={"Type": "Succeed"}), 'State "B" is not reachable'),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_transition_to_nowhere_is_refused(aws: Callable[[str], Any], unique: str, case: str) -> None:
    step_functions = aws("stepfunctions")
    definition, reason = WRONG[case]
    with pytest.raises(step_functions.exceptions.InvalidDefinition) as refused:
        step_functions.create_state_machine(name=unique, roleArn=ROLE, definition=json.dumps(definition))
    assert reason in str(refused.value)
    arn = step_functions.create_state_machine(name=unique, roleArn=ROLE, definition=json.dumps(PASS))["stateMachineArn"]
    with pytest.raises(step_functions.exceptions.InvalidDefinition):
        step_functions.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))
    found = step_functions.validate_state_machine_definition(definition=json.dumps(definition))
    assert found["result"] == "FAIL"


def test_tracing_is_kept_and_makes_no_new_version(aws: Callable[[str], Any], unique: str) -> None:
    step_functions = aws("stepfunctions")
    made = step_functions.create_state_machine(
        name=unique, roleArn=ROLE, definition=json.dumps(PASS), publish=True, tracingConfiguration={"enabled": True}
    )
    arn = made["stateMachineArn"]
    for machine in (arn, made["stateMachineVersionArn"]):
        told = step_functions.describe_state_machine(stateMachineArn=machine)
        assert told["tracingConfiguration"] == {"enabled": True}
        assert told["encryptionConfiguration"] == {"type": "AWS_OWNED_KEY"}
    same = step_functions.update_state_machine(stateMachineArn=arn, definition=json.dumps(PASS), publish=True)
    assert same["stateMachineVersionArn"] == made["stateMachineVersionArn"]
    step_functions.update_state_machine(stateMachineArn=arn, tracingConfiguration={"enabled": False})
    assert step_functions.describe_state_machine(stateMachineArn=arn)["tracingConfiguration"] == {"enabled": False}
