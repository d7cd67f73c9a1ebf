from typing import Any

import pytest

from stockroom.foreign.functions import judge_functions, nearest

RUNTIMES = ("python3.11", "python3.12", "python3.13")


def plan(actions: list[str], **after: Any) -> dict[str, Any]:
    change = {"actions": actions, "after": after or None}
    return {"resource_changes": [{"address": "aws_lambda_function.f", "type": "aws_lambda_function", "change": change}]}


@pytest.mark.parametrize(
    ("runtime", "used"),
    [
        ("python3.8", "python3.11"),
        ("python3.9", "python3.11"),
        ("python3.10", "python3.11"),
        ("python3.14", "python3.13"),
    ],
)
def test_another_python_runs_on_the_nearest_with_a_warning(runtime: str, used: str) -> None:
    verdict = judge_functions(plan(["create"], runtime=runtime), RUNTIMES)
    assert verdict.warnings == [f"aws_lambda_function.f asks for {runtime}, and runs on {used}"]
    assert not verdict.refusals


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_runs_as_it_is_is_not_spoken_of(runtime: str) -> None:
    verdict = judge_functions(plan(["create"], runtime=runtime), RUNTIMES)
    assert (verdict.warnings, verdict.refusals) == ([], [])


@pytest.mark.parametrize("runtime", ["nodejs20.x", "java21", "provided.al2023", "go1.x", "python2.7", "python3.7"])
def test_another_language_is_refused_before_anything_is_made(runtime: str) -> None:
    [refusal] = judge_functions(plan(["update"], runtime=runtime), RUNTIMES).refusals
    assert f"aws_lambda_function.f asks for {runtime}, which does not run here" in refusal.message
    assert "python3.11, python3.12 and python3.13" in (refusal.hint or "")


def test_a_container_image_is_refused() -> None:
    [refusal] = judge_functions(plan(["create"], package_type="Image", runtime=None), RUNTIMES).refusals
    assert "container image" in refusal.message


@pytest.mark.parametrize("actions", [["delete"], ["no-op"], ["read"]])
def test_what_is_not_made_now_is_not_spoken_of(actions: list[str]) -> None:
    verdict = judge_functions(plan(actions, runtime="nodejs20.x"), RUNTIMES)
    assert (verdict.warnings, verdict.refusals) == ([], [])


def test_of_two_that_are_as_near_the_newer_one_is_taken() -> None:
    assert nearest("python3.12", ("python3.11", "python3.13")) == "python3.13"
