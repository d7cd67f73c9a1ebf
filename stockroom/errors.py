"""The one kind of error that a user sees."""

from __future__ import annotations


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
