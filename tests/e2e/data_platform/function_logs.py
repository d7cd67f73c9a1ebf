"""What the functions logged about one test: shown with the test when it fails."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from tests.e2e.data_platform.platform import Platform

_MOST_READ = 20_000
_MOST_LINES = 200
_LONGEST_LINE = 4_000

_ERRORS = frozenset({"ERROR", "CRITICAL"})

# What the runtime itself writes, not as JSON, when a call ends badly.
_RUNTIME_ERRORS = ("[ERROR]", "Traceback (most recent call last)", "Task timed out", "Runtime exited", "errorType")


def logs_of_test(platform: Platform, word: str, since: float) -> dict[str, str]:
    """Function → what it logged about the test that uses this word and began at `since` (seconds since the epoch)."""
    logged = {function: _read(platform, function, since) for function in platform.outputs["function_names"]}
    return {function: "\n".join(lines) for function, lines in relevant(logged, word).items()}


def _read(platform: Platform, function: str, since: float) -> list[str]:
    """Lines `<time> <message>`, as they were logged. At most 20,000: an account may have much more traffic."""
    name = platform.outputs["function_names"][function]
    try:
        pages = platform.logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{name}",
            startTime=int((since - 5) * 1000),  # this machine's clock may be a little ahead
            PaginationConfig={"MaxItems": _MOST_READ},
        )
        events = [event for page in pages for event in page["events"]]
    except platform.logs.exceptions.ResourceNotFoundException:
        return []
    return [
        f"{datetime.fromtimestamp(event['timestamp'] / 1000, UTC):%H:%M:%S} {event['message'].rstrip()}"
        for event in sorted(events, key=lambda event: int(event["timestamp"]))
    ]


def relevant(logged: Mapping[str, list[str]], word: str) -> dict[str, list[str]]:
    """Of each function that mentions the word: the lines that do, and its errors; bounded in number and length.

    When none mentions it, whatever went wrong came first: the errors and warnings of every function.
    """
    involved = {function for function, lines in logged.items() if any(word in line for line in lines)}
    levels = _ERRORS if involved else _ERRORS | {"WARNING"}
    chosen = {
        function: [line for line in lines if word in line or tells_of(levels, line)]
        for function, lines in logged.items()
        if function in involved or not involved
    }
    return {function: _bounded(lines) for function, lines in chosen.items() if lines}


def tells_of(levels: Collection[str], line: str) -> bool:
    """Whether a line `<time> <message>` is a JSON record of one of the levels, or the runtime telling of an error."""
    message = line.partition(" ")[2]
    try:
        record = json.loads(message)
    except ValueError:
        return any(words in message for words in _RUNTIME_ERRORS)
    return isinstance(record, dict) and (record.get("level") in levels or "errorType" in record)


def _bounded(lines: list[str]) -> list[str]:
    """The first and the last lines when there are too many, each cut at 4,000 characters."""
    cut = [line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} …" for line in lines]
    if len(cut) <= _MOST_LINES:
        return cut
    half = _MOST_LINES // 2
    return [*cut[:half], f"… {len(cut) - 2 * half} lines left out …", *cut[-half:]]
