"""What an error of a target means: whether to try again, and what is written to the dead letter."""

from __future__ import annotations

import random
from typing import NamedTuple

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 300.0
CLIENT_ERRORS = range(400, 500)
TOO_MANY_REQUESTS = 429
BUSY = ("Throttl", "TooManyRequests", "LimitExceeded", "ProvisionedThroughputExceeded", "RequestTimeout", "SlowDown")
MISSING = ("NotFound", "NonExistent", "DoesNotExist", "NoSuch")
FORBIDDEN = ("AccessDenied", "Unauthorized", "Forbidden")


class TargetError(Exception):
    """An answer of a target that is reached by HTTP."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"status {status}: {text[:500]}")
        self.status = status


class Failure(NamedTuple):
    """code, message: for the dead letter. lasts: it makes no sense to try again."""

    code: str
    message: str
    lasts: bool


def failure_of(error: Exception) -> Failure:
    """What an error means that a target answered, or that came on the way to it."""
    if isinstance(error, TargetError):
        lasts = error.status in CLIENT_ERRORS and error.status not in (409, TOO_MANY_REQUESTS)
        return Failure("SDK_CLIENT_ERROR" if lasts else "INTERNAL_ERROR", str(error), lasts)
    if not isinstance(error, ClientError):
        return Failure("INTERNAL_ERROR", str(error) or type(error).__name__, False)
    about = error.response.get("Error", {})
    code, message = about.get("Code", ""), about.get("Message", "") or str(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    if any(part in code for part in BUSY) or status == TOO_MANY_REQUESTS:
        return Failure("THROTTLING", message, False)
    if status not in CLIENT_ERRORS:
        return Failure("INTERNAL_ERROR", message, False)
    kinds = {"NO_RESOURCE": MISSING, "NO_PERMISSIONS": FORBIDDEN}
    known = (kind for kind, parts in kinds.items() if any(part in code for part in parts))
    return Failure(next(known, "SDK_CLIENT_ERROR"), message, True)


def pause_before(attempt: int) -> float:
    """Seconds to wait before an attempt, counted from 1. Random, so that many do not come at once."""
    longest: float = min(FIRST_PAUSE_SECONDS * 2 ** min(attempt - 2, 30), LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1)  # noqa: S311  # no secret
