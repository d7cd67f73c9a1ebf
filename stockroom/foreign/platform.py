"""The local platform as a foreign folder needs it: an engine that runs, and the bucket for its state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stockroom.aws import session_for
from stockroom.bootstrap import bootstrap
from stockroom.console import Steps
from stockroom.engines import Engine, make_engine
from stockroom.environments import LOCAL, Environment, read_environment
from stockroom.errors import StockroomError
from stockroom.local.running import start_engine
from stockroom.settings import Settings
from stockroom.snapshots.record import kept_file

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True)
class Platform:
    """A running engine, the environment that it plays, and a session of that."""

    engine: Engine
    environment: Environment
    session: boto3.Session

    def watch(self) -> None:
        """Raises StockroomError when the engine has gone, which says more than what Terraform makes of it."""
        if not self.engine.is_running():
            raise StockroomError(
                "the emulator ended while Terraform worked",
                "run the command again; `invoke logs` shows what happened",
                "\n".join(self.engine.log_lines(False, 15)) if self.engine.capabilities.log else None,
            )


def started_platform(settings: Settings, steps: Steps) -> Platform:
    """The platform, whose engine is started with an empty world unless it runs."""
    engine, environment = make_engine(settings), read_environment(LOCAL)
    if not engine.is_running() and kept_file(settings.run_dir).exists():
        raise StockroomError(
            "the platform is down, and its data was kept, which an empty platform would put aside",
            "go on with it first: `invoke infra-up`",
        )
    start_engine(settings, engine, steps)
    session = session_for(environment, engine.endpoint)
    with steps.step("bootstrap") as step:
        created = bootstrap(environment, session)
        step.say(f"created {', '.join(created)}" if created else "the state bucket is there")
    return Platform(engine, environment, session)


def running_platform(settings: Settings) -> Platform | None:
    """The platform if its engine runs and is ready, None otherwise."""
    engine, environment = make_engine(settings), read_environment(LOCAL)
    if engine.status().state != "running":
        return None
    return Platform(engine, environment, session_for(environment, engine.endpoint))
