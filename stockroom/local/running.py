"""The running platform, or an account, for commands that work with what is deployed there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stockroom.aws import session_for
from stockroom.bootstrap import Readers, bootstrap
from stockroom.console import Steps
from stockroom.deployed.outputs import Outputs
from stockroom.deployed.terraform_state import read_all_deployed
from stockroom.engines import Engine, make_engine
from stockroom.environments import (
    LOCAL,
    Environment,
    read_environment,
)
from stockroom.errors import StockroomError
from stockroom.settings import Settings
from stockroom.snapshots.platform import unfinished
from stockroom.snapshots.record import write_started
from stockroom.system.file_lock import exclusive

if TYPE_CHECKING:
    import boto3


@contextmanager
def platform_lock(settings: Settings, purpose: str, steps: Steps) -> Iterator[None]:
    """One command at a time changes a platform."""
    with exclusive(settings.platform_lock, purpose, steps.note):
        yield


def environment_session(settings: Settings, name: str) -> tuple[Environment, boto3.Session]:
    """An environment by name, and a session for it. Raises StockroomError when the local platform does not run."""
    environment = read_environment(name)
    if name == LOCAL:
        return environment, running_session(settings)[2]
    return environment, session_for(environment)


def deployed_outputs(environment: Environment, session: boto3.Session) -> Outputs:
    """The outputs of the environment's stacks, by stack. Raises StockroomError when none is deployed."""
    deployed = read_all_deployed(environment, session)
    if not deployed:
        hint = "deploy it with `invoke infra-up`" if environment.name == LOCAL else "deploy a release there first"
        raise StockroomError(f"nothing is deployed to '{environment.name}'", hint)
    return {stack.name: stack.outputs for stack in deployed}


def running_session(settings: Settings) -> tuple[Engine, Environment, boto3.Session]:
    """The running local platform. Raises StockroomError when it does not run."""
    engine, environment = running_engine(settings), read_environment(LOCAL)
    return engine, environment, session_for(environment, engine.endpoint)


def start_engine(
    settings: Settings, engine: Engine, steps: Steps, meanwhile: Callable[[], object] = lambda: None
) -> bool:
    """Start the engine with nothing in it unless it runs, and wait until it answers; `meanwhile` is called before that.

    Returns whether it was started.
    """
    with steps.step("engine") as step, ThreadPoolExecutor(1) as pool:
        started = engine.start(step.say)
        pool.submit(meanwhile)
        engine.wait_until_ready()
        step.say(f"{engine.name} {'ready' if started else 'already running'} at {engine.endpoint}")
    if started and engine.capabilities.snapshots:
        write_started(settings.engine_dir, unfinished(settings))
    return started


def running_engine(settings: Settings) -> Engine:
    """The engine of the running local platform. Raises StockroomError when it does not run."""
    engine = make_engine(settings)
    if engine.status().state != "running":
        raise StockroomError("the local platform does not run", "start it with `invoke infra-up`")
    return engine


def bootstrap_environment(settings: Settings, name: str, readers: Readers, steps: Steps) -> None:
    """`invoke bootstrap`: state bucket (with its readers), lock table and artifact bucket of an environment."""
    environment, session = environment_session(settings, name)
    with steps.step("bootstrap") as step:
        created = bootstrap(environment, session, readers)
        step.say(f"created {', '.join(created)}" if created else "everything is there already")
