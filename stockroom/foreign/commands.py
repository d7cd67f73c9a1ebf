"""`invoke up DIR`, `invoke plan DIR` and `invoke down DIR`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stockroom.console import Steps
from stockroom.environments import LOCAL, enter_local_environment, read_environment
from stockroom.foreign.configuration import read_modules
from stockroom.foreign.judge import judge
from stockroom.foreign.platform import running_platform, started_platform
from stockroom.foreign.records import Records
from stockroom.foreign.request import Request
from stockroom.foreign.run import Outcome, Run, Warnings
from stockroom.local.running import platform_lock
from stockroom.settings import Settings
from stockroom.terraform.binary import find_binary


def up(settings: Settings, request: Request, steps: Steps) -> Outcome:
    """Apply the folder to the local platform, whose engine is started where it does not run."""
    with _opened(settings, request, steps, "up") as run:
        run.prepare()
        return run.apply()


def plan(settings: Settings, request: Request, steps: Steps, coloured: bool) -> Outcome:
    """What `up` would change; changes nothing but that the engine runs then."""
    with _opened(settings, request, steps, "plan") as run:
        run.prepare()
        return run.plan(coloured)


def down(settings: Settings, request: Request, steps: Steps) -> Outcome | None:
    """Destroy what was brought up from the folder; None where nothing was."""
    enter_local_environment(settings.local_endpoint, read_environment(LOCAL).region)
    platform = running_platform(settings)
    if platform is None or not Records(platform.environment, platform.session).has_resources(request):
        return None
    with _opened(settings, request, steps, "down") as run:
        run.prepare()
        return run.destroy()


@contextmanager
def _opened(settings: Settings, request: Request, steps: Steps, name: str) -> Iterator[Run]:
    """A run whose folder has been read and judged, before anything is started."""
    # First of all, so that every process which is started sees dummy credentials, even one that asks for a version.
    enter_local_environment(settings.local_endpoint, read_environment(LOCAL).region)
    binary = find_binary(settings)
    modules = read_modules(request.path) if request.path.exists() else []
    warnings = Warnings(steps)
    if modules:
        warnings.take(judge(modules, settings.local_endpoint, request.allowed_providers))
    with platform_lock(settings, f"invoke {name} {request.title}", steps):
        yield Run(settings, request, steps, warnings, binary, started_platform(settings, steps), modules)
