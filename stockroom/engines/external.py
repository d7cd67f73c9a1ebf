"""An emulator that somebody else runs; we only talk to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stockroom.engines import Capabilities, EngineStatus
from stockroom.engines.health import read_health, wait_for_health
from stockroom.errors import StockroomError
from stockroom.settings import Settings

_PATIENCE_SECONDS = 5


class ExternalEngine:
    """`STOCKROOM_ENDPOINT`: never started and never stopped by us."""

    name = emulator = "external"
    capabilities = Capabilities(managed=False, log=False)

    def __init__(self, settings: Settings) -> None:
        self.endpoint = settings.local_endpoint

    def check(self) -> None:
        self.wait_until_ready()

    def start(self, say: Callable[[str], None] = lambda _: None) -> bool:
        return False

    def wait_until_ready(self, watch: Callable[[], None] | None = None) -> None:
        def give_up() -> StockroomError | None:
            if watch:
                watch()
            return None

        try:
            wait_for_health(self.endpoint, _PATIENCE_SECONDS, give_up)
        except StockroomError:
            raise StockroomError(
                f"nothing answers at STOCKROOM_ENDPOINT={self.endpoint}",
                "start that emulator, or unset STOCKROOM_ENGINE to use the built-in one",
            ) from None

    def stop(self) -> bool:
        return False

    def is_running(self) -> bool:
        return read_health(self.endpoint) is not None

    def status(self) -> EngineStatus:
        health = read_health(self.endpoint)
        return EngineStatus(
            self.name,
            "running" if health else "stopped",
            self.endpoint,
            version=health.version if health else None,
            detail="run by somebody else",
        )

    def log_lines(self, follow_log: bool, lines: int) -> Iterator[str]:
        raise StockroomError("the engine `external` has no log here", "ask the one who runs that emulator for its log")
