"""Two releases of the small stack that are promoted in turn, so that every promotion has something to change."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from tests.promotions.world import World

GREETINGS = ("hello", "good day")


@dataclass(frozen=True)
class Goal:
    """A release, and what can be seen of it in the account."""

    commit: str
    digest: str
    greeting: str


def make_releases(world: World) -> tuple[Goal, Goal]:
    """The base, and one with another greeting and other code of the function; both are on main, with evidence."""
    first = Goal(world.base, world.release()["release"]["digest"], GREETINGS[0])
    commit = world.commit(
        {
            "terraform/environments/dev/records.tfvars": f'greeting = "{GREETINGS[1]}"\n',
            "functions/records/greet/greet.py": "def handler(event: object, context: object) -> None: ...\n",
        }
    )
    return first, Goal(commit, world.release()["release"]["digest"], GREETINGS[1])


def disagreements(world: World, goal: Goal) -> list[str]:
    """What the account is not, though the release was promoted to it."""
    live, newest = world.live_version()
    last = next((one for one in reversed(world.history()) if one.result == "succeeded"), None)
    claims = {
        "another greeting": world.greeting() == goal.greeting,
        "an older version of the function": live == newest,
        "another release in the ledger": last is not None and last.digest == goal.digest,
        "a lock is left": not world.is_locked(),
    }
    return [words for words, holds in claims.items() if not holds]


def new_folder() -> Path:
    """A folder for a world. From now on, being told to stop ends the program as Ctrl-C does: with the world down."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    return Path(mkdtemp(prefix="stockroom-promotions-"))
