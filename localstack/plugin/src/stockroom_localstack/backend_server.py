"""A service backend in a process of its own, in the shape in which LocalStack manages its servers."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from localstack.runtime import events
from localstack.utils.sync import poll_condition
from localstack.utils.threads import TMP_THREADS, FuncThread

from . import supervisor

LOG = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
POLL_SECONDS = 0.02


class BackendProcess(FuncThread):
    """Thread that keeps the command running until it is stopped: a backend that crashed is started again."""

    def __init__(self, name: str, command: Sequence[str | Path], env: Mapping[str, str], cwd: Path) -> None:
        super().__init__(self._keep_running, name=name)
        self._label = name
        self._command = command
        self._env = {"PATH": os.defpath, **env}
        self._cwd = cwd
        self.process: supervisor.SupervisedProcess | None = None
        self.auto_restart = True

    def _keep_running(self, *_: object) -> None:
        while self.running and not events.infra_stopping.is_set():
            self.process = process = supervisor.start(self._command, env=self._env, cwd=self._cwd)
            if not self.running:  # stopped while the process was starting
                process.kill()
                return
            for line in process.stdout:
                LOG.debug("%s: %s", self._label, line.decode(errors="replace").rstrip())
            status = process.wait()
            if not (self.running and self.auto_restart):
                return
            LOG.warning("%s ended with status %s and is started again", self._label, status)

    def stop(self, quiet: bool = False) -> None:
        super().stop(quiet)
        if self.process:
            self.process.kill()


def launch(name: str, command: Sequence[str | Path], env: Mapping[str, str], cwd: Path) -> BackendProcess:
    """Starts the command in the background; LocalStack stops it on shutdown."""
    thread = BackendProcess(name, command, env, cwd)
    TMP_THREADS.append(thread)
    thread.start()
    return thread


def wait_until(is_up: Callable[[], bool], timeout: float | None) -> bool:
    """LocalStack's own wait looks every half second, which is as long as these servers take to start."""
    return bool(poll_condition(is_up, timeout=timeout, interval=POLL_SECONDS))  # type: ignore[arg-type]  # None: forever
