"""How seeding tells what it is doing; it knows nothing of terminals."""

import threading
from collections.abc import Callable
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


class ProgressLine:
    """Tells of all steps at work in one line, which `say` gets whenever it changes."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._steps: dict[str, list[int]] = {}
        self._units: dict[str, str] = {}

    def started(self, step: str, total: int, unit: str) -> None:
        with self._lock:
            self._steps[step] = [0, total]
            self._units[step] = unit
        self._show()

    def advanced(self, step: str, n: int) -> None:
        with self._lock:
            self._steps[step][0] += n
        self._show()

    def finished(self, step: str) -> None:
        with self._lock:
            self._steps.pop(step, None)
        self._show()

    def _show(self) -> None:
        with self._lock:
            parts = [
                f"{step} {min(done * 100 // max(total, 1), 100)} %"
                if self._units[step] == "bytes"
                else f"{step} {done:,}/{total:,}"
                for step, (done, total) in self._steps.items()
            ]
        if parts:
            self._say(", ".join(parts))
