"""Start two promotions at once, and see that exactly one of them gets through.

    python -m tests.promotions.races [--times 20]

The other one has to be refused before it changed anything: the ledger has one new promotion, which succeeded, and none
of the loser. Prints "20 of 20"; exit code 1 when a try went otherwise.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from stockroom.console import out
from tests.promotions.two_releases import Goal, disagreements, make_releases, new_folder
from tests.promotions.world import COMMAND_SECONDS, Done, World, small_world

PROMOTE = ("promote", "--env", "dev", "--rehearse")


@dataclass(frozen=True)
class Race:
    """`refused` is what the loser was told; `wrong` is what did not hold."""

    refused: str
    wrong: tuple[str, ...]


def run_races(world: World, times: int) -> Iterator[Race]:
    """So many races, of two releases in turn."""
    goals = make_releases(world)
    for number in range(times):
        yield _race(world, goals[(number + 1) % 2])


def _race(world: World, goal: Goal) -> Race:
    world.use(goal.commit)
    known = {one.id for one in world.history()}
    processes = [world.start(*PROMOTE) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        printed = list(pool.map(lambda process: process.communicate(timeout=COMMAND_SECONDS)[0], processes))
    ended = [Done(process.returncode, text) for process, text in zip(processes, printed, strict=True)]
    losers = [one for one in ended if one.code]
    results = [one.result for one in world.history() if one.id not in known]
    wrong = []
    if [one.code for one in losers] != [1]:
        wrong.append(f"exit codes {', '.join(str(one.code) for one in ended)}")
    if results != ["succeeded"]:
        wrong.append(f"in the ledger: {', '.join(results) or 'nothing'}")
    refused = [error_of(one.output) for one in losers]
    if not all("another promotion" in one.output or "nothing was touched" in one.output for one in losers):
        wrong.append("the loser was not refused")
    return Race("; ".join(refused), (*wrong, *disagreements(world, goal)))


def error_of(output: str) -> str:
    return next((line for line in output.splitlines() if line.startswith("error:")), "no error")


def show(races: Sequence[Race]) -> bool:
    """Print how many went as they should; returns whether all did."""
    good = sum(not one.wrong for one in races)
    out.print(f"{good} of {len(races)}")
    return good == len(races)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.promotions.races", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--times", type=int, default=20, help="how many races (default: 20)")
    times = parser.parse_args().times
    folder = new_folder()
    races: list[Race] = []
    try:
        with small_world(folder) as world:
            for one in run_races(world, times):
                races.append(one)
                words = "; ".join(one.wrong) or f"one got through, and to the other: {one.refused}"
                out.print(f"{len(races)}: {words}", soft_wrap=True, markup=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if show(races) else 1


if __name__ == "__main__":
    sys.exit(main())
