"""Lambda functions of a plan that the emulator does not run as they are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stockroom.errors import StockroomError
from stockroom.foreign.judge import Verdict

_PYTHON = "python3."
_OLDEST_MINOR = 8  # of which code mostly runs on versions of today


def judge_functions(plan: Mapping[str, Any], runtimes: Sequence[str]) -> Verdict:
    """What becomes of the functions that a plan (`terraform show -json`) creates or changes.

    runtimes: those that run as they are, such as python3.13. Other versions of Python 3 run on the nearest of these.
    """
    verdict = Verdict()
    works = f"{', '.join(runtimes[:-1])} and {runtimes[-1]}, as zip packages"
    for address, function in _planned(plan):
        if function.get("package_type") == "Image":
            verdict.refusals.append(
                StockroomError(f"{address} is a container image, which does not run here", f"these do: {works}")
            )
            continue
        runtime = str(function.get("runtime"))
        if runtime in runtimes or function.get("runtime") is None:
            continue
        if runtime.startswith(_PYTHON) and _minor(runtime) >= _OLDEST_MINOR:
            verdict.warnings.append(f"{address} asks for {runtime}, and runs on {nearest(runtime, runtimes)}")
        else:
            verdict.refusals.append(
                StockroomError(f"{address} asks for {runtime}, which does not run here", f"these do: {works}")
            )
    return verdict


def _planned(plan: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for resource in plan.get("resource_changes", []):
        change = resource["change"]
        if resource["type"] == "aws_lambda_function" and {"create", "update"}.intersection(change["actions"]):
            yield resource["address"], change["after"] or {}


def nearest(runtime: str, runtimes: Sequence[str]) -> str:
    """The runtime whose version of Python is nearest, the newer of two."""
    return min(runtimes, key=lambda one: (abs(_minor(one) - _minor(runtime)), -_minor(one)))


def _minor(runtime: str) -> int:
    digits = runtime.removeprefix(_PYTHON)
    return int(digits) if digits.isdecimal() else 0
