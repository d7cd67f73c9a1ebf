"""The one kind of error that a user sees."""

from __future__ import annotations

import errno
import sys


class StockroomError(Exception):
    """Something a user can understand and mend.

    `message` is one line: what is wrong and where. `hint` is one line: what to do next. `details` are further
    lines that help (the last lines of a log, say). Tasks print them and exit with code 1; anything else that
    is raised is a bug and shows its traceback.
    """

    def __init__(self, message: str, hint: str | None = None, details: str | None = None) -> None:
        super().__init__(message)
        # What a service or a file says may hold line ends.
        self.message = " ".join(message.splitlines())
        self.hint = hint
        self.details = details


def explain(error: Exception) -> StockroomError | None:
    """What an error means to a user, or None when it can only be a bug and should show its traceback."""
    if isinstance(error, StockroomError):
        return error
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        where = f": {error.filename}" if error.filename else ""
        return StockroomError(f"no space left on the disk{where}", "free some space, then run the command again")
    if isinstance(error, OSError) and error.errno and error.filename:
        return StockroomError(f"{error.strerror}: {error.filename}")
    if "botocore" in sys.modules:
        from stockroom.aws import explain_aws

        return explain_aws(error)
    return None
