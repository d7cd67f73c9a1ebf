"""Log events and error objects, worded as AWS words them."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

# The documented limit of a synchronous response: 6 MB and 100 bytes.
MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100
# CloudWatch Logs takes 256 KB per event, of which it counts 26 itself; Lambda splits longer lines.
MAX_LOG_LINE_BYTES = 256 * 1024 - 26
# What the emulator keeps of a call; AWS keeps all.
FIRST_EVENTS, LAST_EVENTS = 60_000, 20_000
LEVELS = ("DEBUG", "INFO", "WARN")


@dataclass(frozen=True)
class Spent:
    """What an invocation took. Memory in MB. init_milliseconds: of the environment's first invocation, None of later
    ones."""

    milliseconds: float
    memory_size: int
    memory_used: int
    init_milliseconds: float | None

    @property
    def billed_milliseconds(self) -> int:
        """Whole milliseconds, initialisation included, as AWS bills."""
        return math.ceil(self.milliseconds + (self.init_milliseconds or 0))


def error_object(error_type: str, message: str) -> bytes:
    """AWS's error object, as JSON."""
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


def timeout_message(seconds: float) -> str:
    """What AWS says of a function that took longer than its timeout, in seconds."""
    return f"Task timed out after {seconds:.2f} seconds"


def timeout_error(request_id: str, seconds: float) -> bytes:
    """The payload for the caller of a function that took too long."""
    return error_object("Sandbox.Timedout", f"RequestId: {request_id} Error: {timeout_message(seconds)}")


def exit_message(status: int) -> str:
    """What AWS says of a process that ended. status: its exit status, or minus the signal that ended it."""
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    return f"Runtime exited with error: signal: {_signal_name(-status)}"


def exit_error(request_id: str, status: int) -> bytes:
    """The payload for the caller of a function whose process ended. status: as of `exit_message`."""
    return error_object("Runtime.ExitError", f"RequestId: {request_id} Error: {exit_message(status)}")


def too_large_error() -> bytes:
    """The payload for the caller of a function whose response was over the limit."""
    message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
    return error_object("Function.ResponseSizeTooLarge", message)


def _stands_in(runtime: str, interpreter: str) -> str:
    return f"{runtime} is not installed here: this function runs on {interpreter}"


class TextReport:
    """Lines that Lambda itself writes into a function's log, as text. An empty line is not written."""

    def init_start(self, interpreter: str, version_arn: str) -> str:
        """The initialisation begins. interpreter: python3.X."""
        name = interpreter.replace("python", "python:")
        return f"INIT_START Runtime Version: {name}\tRuntime Version ARN: {version_arn}\n"

    def stand_in(self, runtime: str, interpreter: str) -> str:
        """What AWS has no word for: the function runs on another version of Python than the one it asks for."""
        return f"[WARNING] {_stands_in(runtime, interpreter)}\n"

    def init_report(self, milliseconds: float, phase: str, status: str, error_type: str | None = None) -> str:
        """The initialisation failed. phase: init or invoke. status: timeout or error."""
        line = f"INIT_REPORT Init Duration: {milliseconds:.2f} ms\tPhase: {phase}\tStatus: {status}"
        return line + (f"\tError Type: {error_type}\n" if error_type else "\n")

    def start(self, request_id: str, version: str) -> str:
        """An invocation begins. version: the qualifier that was invoked."""
        return f"START RequestId: {request_id} Version: {version}\n"

    def timeout(self, request_id: str, seconds: float) -> str:
        """An invocation took longer than so many seconds."""
        return f"{now()} {request_id} {timeout_message(seconds)}\n"

    def exit(self, request_id: str, status: int) -> str:
        """The process ended during an invocation. status: as of `exit_message`."""
        return f"RequestId: {request_id} Error: {exit_message(status)}\nRuntime.ExitError\n"

    def end(self, request_id: str) -> str:
        """An invocation ended."""
        return f"END RequestId: {request_id}\n"

    def report(self, request_id: str, spent: Spent, status: str | None, error_type: str | None) -> str:
        """What an invocation took. status: timeout or error; None when all went well, or the handler raised."""
        parts = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {spent.milliseconds:.2f} ms",
            f"Billed Duration: {spent.billed_milliseconds} ms",
            f"Memory Size: {spent.memory_size} MB",
            f"Max Memory Used: {spent.memory_used} MB",
        ]
        if spent.init_milliseconds is not None:
            parts.append(f"Init Duration: {spent.init_milliseconds:.2f} ms")
        if status:
            parts.append(f"Status: {status}")
        if error_type:
            parts.append(f"Error Type: {error_type}")
        return "\t".join(parts) + "\t\n"


class JsonReport(TextReport):
    """The same for a function whose LogFormat is JSON.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html
    """

    def __init__(self, level: str) -> None:
        """level: SystemLogLevel. Events below it are not told."""
        self._level = LEVELS.index(level)

    def init_start(self, interpreter: str, version_arn: str) -> str:
        runtime = {"runtimeVersion": interpreter.replace("python", "python:"), "runtimeVersionArn": version_arn}
        record = {"initializationType": "on-demand", "phase": "init", **runtime}
        return self._event("INFO", "initStart", record)

    def stand_in(self, runtime: str, interpreter: str) -> str:
        return self._event("WARN", "standIn", {"message": _stands_in(runtime, interpreter)})

    def init_report(self, milliseconds: float, phase: str, status: str, error_type: str | None = None) -> str:
        record = {"initializationType": "on-demand", "phase": phase, "status": status}
        error = {"errorType": error_type} if error_type else {}
        return self._event("WARN", "initReport", record | error | {"metrics": {"durationMs": round(milliseconds, 3)}})

    def start(self, request_id: str, version: str) -> str:
        return self._event("INFO", "start", {"requestId": request_id, "version": version})

    def end(self, request_id: str) -> str:
        return ""

    def report(self, request_id: str, spent: Spent, status: str | None, error_type: str | None) -> str:
        metrics: dict[str, float] = {
            "durationMs": round(spent.milliseconds, 3),
            "billedDurationMs": spent.billed_milliseconds,
            "memorySizeMB": spent.memory_size,
            "maxMemoryUsedMB": spent.memory_used,
        }
        if spent.init_milliseconds is not None:
            metrics["initDurationMs"] = round(spent.init_milliseconds, 3)
        record: dict[str, object] = {"requestId": request_id, "metrics": metrics, "status": status or "success"}
        error = {"errorType": error_type} if error_type else {}
        return self._event("WARN" if status else "INFO", "report", record | error)

    def _event(self, level: str, kind: str, record: Mapping[str, object]) -> str:
        if LEVELS.index(level) < self._level:
            return ""
        return json.dumps({"time": now(), "type": f"platform.{kind}", "record": record}, separators=(",", ":")) + "\n"


def is_in_tail(event: str) -> bool:
    """Whether LogResult holds the event. AWS starts an environment before the invocation, so the log group alone has
    the line of its start."""
    return not event.startswith("INIT_START ") and '"type":"platform.initStart"' not in event


def now() -> str:
    """The time, in ISO 8601 with milliseconds and Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def output_events(output: bytes) -> list[str]:
    """What a function printed, as events for CloudWatch Logs: one for each line, or several for a line over the limit.

    AWS's runtime client joins the lines of an error with carriage returns, to keep them in one event; they are put
    back here.
    """
    if output.endswith(b"\n"):
        output = output[:-1]
    elif not output:
        return []
    lines = output.split(b"\n")
    if (too_many := len(lines) - FIRST_EVENTS - LAST_EVENTS) > 0:
        kept = f"The local emulator keeps {FIRST_EVENTS + LAST_EVENTS} of a call."
        lines[FIRST_EVENTS:-LAST_EVENTS] = [f"… truncated: {too_many} lines are not kept. {kept}".encode()]
    return [
        piece.decode(errors="replace") + "\n"
        for line in lines
        for piece in _pieces(line.replace(b"\r", b"\n") if line.startswith(b"[ERROR]") else line)
    ]


def _pieces(line: bytes) -> Iterator[bytes]:
    yield line[:MAX_LOG_LINE_BYTES]
    for at in range(MAX_LOG_LINE_BYTES, len(line), MAX_LOG_LINE_BYTES):
        yield line[at : at + MAX_LOG_LINE_BYTES]


def _signal_name(number: int) -> str:
    text = signal.strsignal(number) or f"signal {number}"
    return text.lower()
