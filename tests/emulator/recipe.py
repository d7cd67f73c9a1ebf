"""Starts and stops emulators for the tests, as the toolkit does, each in a run directory of its own."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from stockroom.engines import emulator_installation as emulator
from stockroom.engines.localstack import LocalStackEngine
from stockroom.errors import StockroomError
from stockroom.settings import Settings
from stockroom.stacks import early_services, read_manifests
from stockroom.system.processes import PidFile, free_port

T = TypeVar("T")


def wait_for[T](what: str, look: Callable[[], T | None], seconds: float = 20) -> T:
    """The first true value that `look` returns; fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s in vain: {what}")
        time.sleep(0.05)
    return found


@dataclass(frozen=True)
class Emulator:
    """An emulator that the tests started. Any process that knows its settings can make one and stop it."""

    settings: Settings

    @property
    def endpoint(self) -> str:
        return self.settings.local_endpoint

    @property
    def folder(self) -> Path:
        """Holds all that the emulator writes, its log among it; the emulator ends when it disappears."""
        return self.settings.engine_dir

    @property
    def log(self) -> str:
        return (self.folder / "localstack.log").read_text(errors="replace")

    @cached_property
    def process(self) -> psutil.Process:
        process = PidFile(self.folder / "pid").process()
        assert process, "the emulator does not run"
        return process

    def processes(self) -> list[psutil.Process]:
        """The emulator and all it has started."""
        return [self.process, *self.process.children(recursive=True)]

    def wait_for_services(self) -> None:
        manifests = read_manifests()
        early = early_services(manifests, manifests)
        wait_for(
            "the early services to run",
            lambda: {self._service_states().get(name) for name in early} == {"running"},
            self.settings.start_timeout,
        )

    def _service_states(self) -> dict[str, str]:
        with urllib.request.urlopen(f"{self.endpoint}/_localstack/health", timeout=5) as answer:
            return dict(json.load(answer)["services"])

    def stop(self) -> None:
        LocalStackEngine(self.settings).stop()


def _copied(state: Path, run_dir: Path) -> Future[Path]:
    copied: Future[Path] = Future()
    copied.set_result(shutil.copytree(state, run_dir / "state"))
    return copied


def start_emulator(run_dir: Path, state: Path | None = None) -> Emulator:
    """An emulator that answers. Raises StockroomError with the end of its log when it does not.

    state: folder of a saved state, with a copy of which it starts.
    """
    emulator.install(print)
    settings = Settings(run_dir=run_dir, port=free_port())
    engine = LocalStackEngine(settings)
    engine.start(state=_copied(state, run_dir) if state else None)
    try:
        engine.wait_until_ready()
    except StockroomError:
        engine.stop()
        raise
    return Emulator(settings)
