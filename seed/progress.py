"""How seeding tells what it is doing; it knows nothing of terminals."""

from typing import Protocol


class Progress(Protocol):
    """Told of steps that run side by side; called from several threads at once.

    Steps of a CSV file are "copying", "looking at dates", "reading" and "sorting"; then come "dynamodb", "kinesis",
    "sqs" and "s3". `unit` is "bytes" or "records".
    """

    def started(self, step: str, total: int, unit: str) -> None: ...
    def advanced(self, step: str, n: int) -> None: ...
    def finished(self, step: str) -> None: ...


class Silent:
    def started(self, step: str, total: int, unit: str) -> None:
        pass

    def advanced(self, step: str, n: int) -> None:
        pass

    def finished(self, step: str) -> None:
        pass
