"""Log lines and error objects, worded as AWS words them. Pure functions."""

from __future__ import annotations

import json
import math
import signal
from datetime import UTC, datetime

# The documented limit of a synchronous response: 6 MB and 100 bytes.
MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100
# CloudWatch Logs takes 256 KB per event, of which it counts 26 itself; Lambda splits longer lines.
MAX_LOG_LINE_BYTES = 256 * 1024 - 26


def error_object(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


def timeout_message(seconds: float) -> str:
    return f"Task timed out after {seconds:.2f} seconds"


def timeout_error(request_id: str, seconds: float) -> bytes:
    return error_object("Sandbox.Timedout", f"RequestId: {request_id} Error: {timeout_message(seconds)}")


def exit_message(status: int) -> str:
    """status: exit status of the process, or minus the signal that ended it."""
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    return f"Runtime exited with error: signal: {_signal_name(-status)}"


def exit_error(request_id: str, status: int) -> bytes:
    return error_object("Runtime.ExitError", f"RequestId: {request_id} Error: {exit_message(status)}")


def too_large_error() -> bytes:
    message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
    return error_object("Function.ResponseSizeTooLarge", message)


def init_start_line(interpreter: str, version_arn: str) -> str:
    """interpreter: python3.X."""
    return (
        f"INIT_START Runtime Version: {interpreter.replace('python', 'python:')}\tRuntime Version ARN: {version_arn}\n"
    )


def init_report_line(milliseconds: float, phase: str, status: str, error_type: str | None = None) -> str:
    """phase: init or invoke. status: timeout or error."""
    line = f"INIT_REPORT Init Duration: {milliseconds:.2f} ms\tPhase: {phase}\tStatus: {status}"
    return line + (f"\tError Type: {error_type}\n" if error_type else "\n")


def start_line(request_id: str, version: str) -> str:
    return f"START RequestId: {request_id} Version: {version}\n"


def timeout_line(request_id: str, seconds: float, now: datetime) -> str:
    moment = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{moment} {request_id} {timeout_message(seconds)}\n"


def exit_line(request_id: str, status: int) -> str:
    return f"RequestId: {request_id} Error: {exit_message(status)}\nRuntime.ExitError\n"


def end_line(request_id: str) -> str:
    return f"END RequestId: {request_id}\n"


def report_line(
    request_id: str,
    *,
    milliseconds: float,
    memory_size: int,
    memory_used: int,
    init_milliseconds: float | None = None,
    status: str | None = None,
    error_type: str | None = None,
) -> str:
    """Memory in MB. init_milliseconds: only of the invocation for which the environment was started.

    Billed is what AWS bills: whole milliseconds, initialisation included.
    """
    billed = math.ceil(milliseconds + (init_milliseconds or 0))
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {milliseconds:.2f} ms",
        f"Billed Duration: {billed} ms",
        f"Memory Size: {memory_size} MB",
        f"Max Memory Used: {memory_used} MB",
    ]
    if init_milliseconds is not None:
        parts.append(f"Init Duration: {init_milliseconds:.2f} ms")
    if status:
        parts.append(f"Status: {status}")
    if error_type:
        parts.append(f"Error Type: {error_type}")
    return "\t".join(parts) + "\t\n"


def output_text(output: bytes) -> str:
    """What a function printed, as text for CloudWatch Logs: always ends its last line, lines within the limit.

    AWS's runtime client joins the lines of a traceback with carriage returns, to keep them in one event on their way.
    """
    lines = output.replace(b"\r", b"\n").split(b"\n")
    pieces = (line[at : at + MAX_LOG_LINE_BYTES] for line in lines for at in range(0, len(line), MAX_LOG_LINE_BYTES))
    return "".join(piece.decode(errors="replace") + "\n" for piece in pieces)


def _signal_name(number: int) -> str:
    text = signal.strsignal(number) or f"signal {number}"
    return text.lower()
