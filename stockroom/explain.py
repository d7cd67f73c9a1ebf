"""What an error that a command meets means to its user."""

from __future__ import annotations

import errno
import sys

from stockroom.errors import StockroomError


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
