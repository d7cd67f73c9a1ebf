"""One command of a user, in a process that can be killed: python -m tests.kills.operation FOLDER PORT WHAT [NAME]

It ends with 0 when the command said that it was done.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stockroom.console import Steps, print_error
from stockroom.environments import LOCAL, enter_local_environment, read_environment
from stockroom.explain import explain
from stockroom.local import snapshot_commands as commands
from stockroom.local.down import infra_down
from stockroom.local.running import platform_lock
from stockroom.snapshots.platform import unfinished
from stockroom.snapshots.record import write_started
from stockroom.system.files import PRIVATE_UMASK
from tests.kills.world import World

STARTED_EMPTY = 4


def start(world: World) -> int:
    """What `infra-up` does before it deploys anything."""
    with platform_lock(world.settings, "start", Steps()):
        if world.snapshots().begin(world.wanted.parts):
            return 0
        world.engine.check()
        world.engine.start()
        world.engine.wait_until_ready()
        write_started(world.settings.engine_dir, unfinished(world.settings))
        return STARTED_EMPTY


def main(folder: str, port: str, what: str, name: str = "") -> int:
    os.umask(PRIVATE_UMASK)
    world = World(Path(folder), int(port))
    enter_local_environment(world.settings.local_endpoint, read_environment(LOCAL).region)
    try:
        match what:
            case "start":
                return start(world)
            case "save":
                commands.save(world.settings, name, Steps())
            case "load":
                commands.load(world.settings, name, Steps())
            case "keep":
                infra_down(world.settings, True, Steps())
        return 0
    except Exception as error:
        if (explained := explain(error)) is None:
            raise
        print_error(explained)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
