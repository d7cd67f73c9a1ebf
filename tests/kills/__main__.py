"""Kill, fill the disk and take the port while a platform is saved, kept, loaded and started, and see what is lost.

    python -m tests.kills --rounds 200               needs root for full disks, which are left out without it
    python -m tests.kills --minutes 9 --seed 7       as many as that; the same seed does the same

A round writes a mark into the platform and runs one command that something happens to. Then every snapshot that a
command has said to be saved must be there as it was; what the command itself said to be saved must come back with the
mark of its time; and the platform must come up again with one of the marks that it may have. Exit code 0: nothing lost.
"""

from __future__ import annotations

import argparse
import collections
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from stockroom.engines import emulator_installation as emulator
from stockroom.system.processes import free_port
from tests.kills.faults import small_disk
from tests.kills.rounds import Rounds
from tests.kills.world import World

DISK_MB = 200


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.kills", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=600, help="begin no round after so many")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    words = parser.parse_args()
    # A shell has what it starts in the background ignore it, and so would every command here that is interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    emulator.install(print)
    deadline = time.monotonic() + words.minutes * 60
    print(f"seed {words.seed}", flush=True)
    losses: list[str] = []
    counted: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory(prefix="kills-") as top, small_disk(Path(top) / "disk", DISK_MB) as limited:
        if not limited:
            print("no full disks: only root can make a small file system")
        rounds = Rounds(World(Path(top) / "disk" / "world", free_port()), random.Random(words.seed), limited)
        try:
            for number in range(1, words.rounds + 1):
                if time.monotonic() > deadline:
                    break
                kind, said, lost = rounds.one(number)
                counted[f"{kind}: {said}"] += 1
                losses += [f"round {number}, {kind}: {loss}" for loss in lost]
                print(f"{number:>4}  {kind:<24} {said:<12} {'; '.join(lost)}", flush=True)
        finally:
            rounds.end()
    for kind, count in sorted(counted.items()):
        print(f"{count:>4}  {kind}")
    print(f"{counted.total()} rounds, {rounds.successes} successes that came back, {len(losses)} losses")
    print("\n".join(losses))
    return 1 if losses else 0


if __name__ == "__main__":
    sys.exit(main())
