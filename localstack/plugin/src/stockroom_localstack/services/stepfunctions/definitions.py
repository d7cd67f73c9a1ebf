"""What is wrong with the transitions of a state machine's definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

ENDS = ("Choice", "Succeed", "Fail")  # types that need neither Next nor End


def problems(definition: Mapping[str, Any], path: str = "") -> list[str]:
    """What is wrong with a definition and all that is in its states, in AWS's words; empty for one that is right.

    path: of the definition in the whole, such as /States/All/Branches[0].
    """
    states = definition.get("States")
    if not isinstance(states, dict):
        return []  # what is no machine at all is found elsewhere
    found = []
    start = definition.get("StartAt")
    if start not in states:
        found.append(f"MISSING_TRANSITION_TARGET: Missing 'StartAt' target: {start} at {path}/StartAt")
    targets = {start}
    for name, state in states.items():
        where = f"{path}/States/{name}"
        if state.get("Type") not in ENDS and "Next" not in state and state.get("End") is not True:
            found.append(f"SCHEMA_VALIDATION_FAILED: Either 'Next' or 'End' must be specified at {where}")
        for place, target in _transitions(state):
            targets.add(target)
            if target not in states:
                kind = place.rsplit("/", 1)[-1]
                found.append(f"MISSING_TRANSITION_TARGET: Missing '{kind}' target: {target} at {where}/{place}")
        for place, inner in _inner(state):
            found += problems(inner, f"{where}/{place}")
    unreached = [name for name in states if name not in targets]
    found += [
        f'MISSING_TRANSITION_TARGET: State "{name}" is not reachable. at {path}/States/{name}' for name in unreached
    ]
    return found


def _transitions(state: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Where it says so, and to which state."""
    for name in ("Next", "Default"):
        if name in state:
            yield name, state[name]
    for kind in ("Choices", "Catch"):
        for number, each in enumerate(state.get(kind) or []):
            if isinstance(each, dict) and "Next" in each:
                yield f"{kind}[{number}]/Next", each["Next"]


def _inner(state: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, branch in enumerate(state.get("Branches") or []):
        yield f"Branches[{number}]", branch
    for name in ("ItemProcessor", "Iterator"):
        if name in state:
            yield name, state[name]
