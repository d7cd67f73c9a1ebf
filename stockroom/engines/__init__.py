"""Engines: what answers AWS calls for the `local` environment, behind one small interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from stockroom.settings import Settings


@dataclass(frozen=True)
class EngineStatus:
    """`state` is "running", "starting" or "stopped"; `detail` says more in a few words."""

    name: str
    state: str
    endpoint: str
    pid: int | None = None
    version: str | None = None
    memory_mb: int | None = None
    uptime_seconds: int | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do besides answering AWS calls.

    `managed`: it is started and stopped here, so all that it holds is this platform's.
    `snapshots`: its state can be saved and loaded, and the event sources of its functions can rest meanwhile.
    `log`: its log can be read here.
    `runtimes`: the Lambda runtimes that it runs as they are, where it is known to run no others.
    """

    managed: bool = True
    snapshots: bool = False
    log: bool = True
    runtimes: tuple[str, ...] = ()


class Engine(Protocol):
    """Start, wait until ready, stop, status, endpoint, logs. `emulator` is the product that answers."""

    name: str
    emulator: str
    endpoint: str
    capabilities: Capabilities

    def check(self) -> None:
        """Raises StockroomError when the engine does not run and `start` could not change that."""

    def start(self, say: Callable[[str], None] = lambda _: None) -> bool:
        """Start the engine unless it runs, installed first where that is needed; `say` gets words on how far it is.

        True when it was started now, with an empty world.
        """

    def wait_until_ready(self, watch: Callable[[], None] | None = None) -> None:
        """Return when the endpoint answers. Raises StockroomError with the last log lines when it never will."""

    def stop(self) -> bool:
        """Stop the engine and everything it started. True if anything was stopped."""

    def status(self) -> EngineStatus: ...

    def is_running(self) -> bool:
        """Whether it was started, here or by an earlier command, and has not ended; it need not be ready."""

    def log_lines(self, follow_log: bool, lines: int) -> Iterator[str]:
        """The last `lines` lines of the log; with `follow_log` also every new one, for ever."""


def make_engine(settings: Settings) -> Engine:
    """The engine that the settings choose."""
    match settings.engine:
        case "localstack":
            from stockroom.engines.localstack import LocalStackEngine

            return LocalStackEngine(settings)
        case "ministack":
            from stockroom.engines.ministack import MiniStackEngine

            return MiniStackEngine(settings)
        case "docker":
            from stockroom.engines.docker import DockerEngine

            return DockerEngine(settings)
        case "external":
            from stockroom.engines.external import ExternalEngine

            return ExternalEngine(settings)
