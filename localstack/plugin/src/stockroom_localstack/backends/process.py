"""A service backend in a process of its own, in the shape in which LocalStack manages its servers."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any

from localstack.runtime import events
from localstack.utils.sync import poll_condition
from localstack.utils.threads import TMP_THREADS, FuncThread

from stockroom_localstack.lifecycle import shutdown
from stockroom_localstack.lifecycle.supervisor import SupervisedProcess

LOG = logging.getLogger(__name__)

POLL_SECONDS = 0.02
LAST_LINES = 10
ANSWER = "answer: "
DONE = "done"
COMMAND_SECONDS = 60.0
MOST_SHOWN = 200


class CommandError(RuntimeError):
    """A backend could not do what it was told to; the message says why."""


class BackendProcess(FuncThread):
    """Thread that reads what a process prints until it is stopped.

    If the backend ends by itself, so does the emulator: its data is gone, and an emulator that went on would answer
    as if tables and streams had never been made, or not at all.
    """

    def __init__(self, name: str, process: SupervisedProcess) -> None:
        super().__init__(self._run, name=name)
        self._label = name
        self._answers: SimpleQueue[str] = SimpleQueue()
        self._commanding = Lock()
        self._number = 0
        self.process = process

    def _run(self, *_: object) -> None:
        last_lines: deque[str] = deque(maxlen=LAST_LINES)
        for output in self.process.stdout:
            line = output.decode(errors="replace").rstrip()
            if line.startswith(ANSWER):
                self._answers.put(line.removeprefix(ANSWER))
                continue
            last_lines.append(line)
            LOG.debug("%s: %s", self._label, line)
        status = self.process.wait()
        if self.running and not events.infra_stopping.is_set():
            LOG.critical("%s", obituary(self._label, status, last_lines))
            shutdown.end_at_once(1)

    def command(self, line: str) -> Any:
        """Have the backend do something, and return what came of it. One command at a time. Raises CommandError."""
        assert self.process.stdin
        shown = f"{line[:MOST_SHOWN]}…" if len(line) > MOST_SHOWN else line
        with self._commanding:
            self._number += 1
            self.process.stdin.write(f"{self._number} {line}\n".encode())
            self.process.stdin.flush()
            number, answer = "", ""
            while number != str(self._number):  # one for which nobody waited any more may come before it
                try:
                    number, _, answer = self._answers.get(timeout=COMMAND_SECONDS).partition(" ")
                except Empty:
                    message = f"{self._label} did not answer within {COMMAND_SECONDS:.0f} s to: {shown}"
                    raise CommandError(message) from None
        status, _, result = answer.partition(" ")
        if status != DONE:
            raise CommandError(f"{self._label} could not {shown}: {answer}")
        return json.loads(result)

    def stop(self, quiet: bool = False) -> None:
        super().stop(quiet)
        self.process.kill()


def obituary(name: str, status: int, last_lines: Sequence[str]) -> str:
    """What the log says about a backend that ended by itself. status: as in supervisor.SupervisedProcess.wait."""
    how = f"with exit code {status}" if status >= 0 else f"by signal {-status}"
    text = f"{name} ended {how}, so the emulator ends too; `invoke infra-up` starts a whole one."
    return "\n    ".join([f"{text} Its last lines:", *last_lines]) if last_lines else f"{text} It printed nothing."


def attend(name: str, process: SupervisedProcess) -> BackendProcess:
    """Look after a process in the background; LocalStack stops it on shutdown."""
    thread = BackendProcess(name, process)
    TMP_THREADS.append(thread)
    thread.start()
    return thread


def wait_until(is_up: Callable[[], bool], timeout: float | None) -> bool:
    """Wait for the condition, at most `timeout` seconds (None: for ever); whether it came true.

    LocalStack's own wait looks every half second, which is as long as these servers take to start.
    """
    return bool(poll_condition(is_up, timeout=timeout, interval=POLL_SECONDS))  # type: ignore[arg-type]  # None: forever
