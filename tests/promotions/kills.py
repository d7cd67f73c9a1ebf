"""Kill promotions at random moments, and see that the next one completes and the ledger tells the truth.

    python -m tests.promotions.kills [--times 10] [--seed 1]

Two releases are promoted in turn to an account that an engine of its own plays. In every second try the whole process
tree is killed, Terraform too; in the others `invoke promote` alone. Then `invoke promote` has to get through,
`invoke history` to say "interrupted" of the killed one (or "succeeded", if its end was in the ledger already), no lock
may be left, and `invoke drift` has to find nothing. Exit code 1 when one of these did not hold.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psutil
from rich.table import Table

from stockroom.console import out
from stockroom.promotion.ledger import Promotion
from tests.promotions.two_releases import Goal, disagreements, make_releases, new_folder
from tests.promotions.world import World, small_world

PROMOTE = ("promote", "--env", "dev", "--rehearse")


@dataclass(frozen=True)
class Try:
    """One kill after so many seconds. `ledger` is what it held of the killed promotion then, `told` what it says now.

    `wrong` is what did not hold; nothing, when all did.
    """

    tree: bool
    seconds: float
    reached: str
    ledger: str
    told: str
    wrong: tuple[str, ...]


def run_kills(world: World, times: int, chance: random.Random) -> Iterator[Try]:
    """Kill so many promotions, one after the other."""
    goals = make_releases(world)
    started = time.monotonic()
    world.succeed(*PROMOTE)
    usual = time.monotonic() - started
    for number in range(times):
        goal = goals[number % 2]
        world.use(goal.commit)
        # In its first quarter a promotion only looks.
        yield _kill(world, goal, tree=number % 2 == 1, seconds=chance.uniform(usual / 4, usual))


def _kill(world: World, goal: Goal, tree: bool, seconds: float) -> Try:
    known = {one.id for one in world.history()}
    log = world.folder / "killed.log"
    with log.open("w") as file:
        process = world.start(*PROMOTE, stdout=file)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        kill(process.pid, tree)
        process.wait()
    lines = [line for line in log.read_text().splitlines() if line.startswith("✓")]
    reached = lines[-1].split()[1] if lines else "nothing"
    at_death = _new(world.history(), known)
    following = world.run(*PROMOTE)
    shown = json.loads(world.succeed("history", "--env", "dev", "--rehearse", "--json"))
    results = {one["id"]: one["result"] for one in shown if one["id"] not in known}
    told = next((results[one.id] for one in at_death if one.id in results), "nothing")
    ledger = _words(at_death)
    wrong = (
        [] if following.code == 0 else [f"the next one ended with exit code {following.code}: {_end(following.output)}"]
    )
    if told != {"nothing": "nothing", "finished": "succeeded"}.get(ledger, "interrupted"):
        wrong.append(f"{ledger} at its death, and '{told}' in the history")
    wrong += disagreements(world, goal)
    drift = world.run("drift", "--env", "dev", "--rehearse")
    wrong += [f"drift: {_end(drift.output)}"] if drift.code else []
    return Try(tree, seconds, reached, ledger, told, tuple(wrong))


def kill(pid: int, tree: bool) -> None:
    """End the process at once, or all that it has started too; nothing where it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in [process, *(process.children(recursive=True) if tree else [])]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)


def _new(history: Sequence[Promotion], known: set[str]) -> list[Promotion]:
    return [one for one in history if one.id not in known]


def _words(at_death: Sequence[Promotion]) -> str:
    if not at_death:
        return "nothing"
    if at_death[0].finished:
        return "finished"
    return "applying" if at_death[0].applying else "started"


def _end(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("error:")), lines[-1] if lines else "no word")


def show(tries: Sequence[Try]) -> bool:
    """Print the table; returns whether everything held."""
    table = Table("", "killed", "after", "behind", "in the ledger", "history", "the next one", box=None, pad_edge=False)
    for number, one in enumerate(tries, start=1):
        what = "with Terraform" if one.tree else "invoke alone"
        words = "; ".join(one.wrong) or "got through"
        table.add_row(str(number), what, f"{one.seconds:.1f} s", one.reached, one.ledger, one.told, words)
    out.print(table)
    good = sum(not one.wrong for one in tries)
    out.print(f"{good} of {len(tries)}")
    return good == len(tries)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.promotions.kills", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--times", type=int, default=10, help="how many promotions to kill (default: 10)")
    parser.add_argument("--seed", type=int, default=None, help="the same moments again")
    words = parser.parse_args()
    seed = words.seed if words.seed is not None else random.randrange(1_000_000)
    out.print(f"seed {seed}")
    folder = new_folder()
    tries: list[Try] = []
    try:
        with small_world(folder) as world:
            for one in run_kills(world, words.times, random.Random(seed)):
                tries.append(one)
                out.print(f"{len(tries)}: {'; '.join(one.wrong) or 'got through'}", soft_wrap=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if show(tries) else 1


if __name__ == "__main__":
    sys.exit(main())
