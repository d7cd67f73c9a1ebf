"""How an initialisation or an invocation ended, and what the caller is told of it. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from stockroom_localstack.runtime import report
from stockroom_localstack.runtime.api import Answer, Exited, Failed, Ready, Responded, TooLarge
from stockroom_localstack.runtime.aws_paths import AwsPaths


@dataclass(frozen=True)
class TimedOut:
    """Nothing came in time; the process was killed."""


Outcome = Answer | TimedOut


@dataclass(frozen=True)
class Initialised:
    """How an initialisation went and what it takes to tell about it."""

    outcome: Ready | Failed | Exited | TimedOut
    milliseconds: float


def payload_and_error(
    outcome: Outcome, request_id: str, timeout: float, paths: AwsPaths | None
) -> tuple[bytes, str | None]:
    """The payload for the caller, and AWS's name of the error, None where there is none.

    timeout: that was exceeded, in seconds. paths: how the function's files are named on AWS, if it is known.
    """
    match outcome:
        case Responded(payload):
            return payload, None
        case Failed(payload, error_type):
            return paths.in_tracebacks(payload) if paths else payload, error_type
        case TooLarge():
            return report.too_large_error(), "Function.ResponseSizeTooLarge"
        case TimedOut():
            return report.timeout_error(request_id, timeout), "Sandbox.Timedout"
        case Exited(status):
            return report.exit_error(request_id, status), "Runtime.ExitError"
