"""Bring the platform up and let data flow while other work takes the processors, and count what was lost on the way.

    python -m tests.busy                                    the sample
    python -m tests.busy --dataset sales.csv --repeat 5     a file, five times, on a new platform each time
    python -m tests.busy --loops 16                         more of other work (default: four loops a processor)

Every round is `infra-up` with the data while the loops run, on what was deployed once before. It ends when nothing is
on its way any more. Exit code 1 when there is a dead letter, or an order that is not in its table.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from stockroom.system.processes import free_port
from tests.busy.flow import Flow, missing_orders
from tests.busy.load import processors_taken
from tests.platforms.own_platform import OwnPlatform, own_platform, wait_until

PATIENCE_SECONDS = 1800  # of one command


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.busy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", type=Path, metavar="FILE", help="load this file instead of the sample")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="so many rounds")
    parser.add_argument("--loops", type=int, default=4 * (os.cpu_count() or 1), metavar="N", help="so much other work")
    words = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is stopped
    data = ["--dataset", str(words.dataset.absolute())] if words.dataset else []
    lost = 0
    with tempfile.TemporaryDirectory(prefix="stockroom-busy-") as place:
        folder, port = Path(place), free_port()
        deploy(folder / "deployed", folder / "run", port)
        for number in range(words.repeat):
            snapshots = folder / f"snapshots-{number}"
            shutil.copytree(folder / "deployed", snapshots)
            print(f"round {number + 1} of {words.repeat}:", end=" ", flush=True)
            with own_platform(folder / "run", port, shell(snapshots)) as platform, processors_taken(words.loops):
                lost += one_round(platform, data)
            shutil.rmtree(snapshots)
    print(f"{lost} records were lost" if lost else "nothing was lost")
    return 1 if lost else 0


def shell(snapshots: Path) -> dict[str, str]:
    return {"STOCKROOM_SNAPSHOTS": "on", "STOCKROOM_SNAPSHOTS_DIR": str(snapshots)}


def deploy(snapshots: Path, run_dir: Path, port: int) -> None:
    """Leaves a snapshot of the platform without data."""
    began = time.monotonic()
    with own_platform(run_dir, port, shell(snapshots)) as platform:
        platform.patience = PATIENCE_SECONDS
        platform.run("infra-up", "--no-seed")
        wait_until(lambda: list(snapshots.glob("*.snapshot")))
    print(f"deployed in {time.monotonic() - began:.0f} s", flush=True)


def one_round(platform: OwnPlatform, data: list[str]) -> int:
    """How many dead letters there are in the end, and orders that are missing."""
    began = time.monotonic()
    platform.patience = PATIENCE_SECONDS
    seeded = platform.run("infra-up", *data)
    up = time.monotonic()
    flow = Flow(platform)
    flow.wait_until_still()
    dead, missing = flow.dead_letters(), missing_orders(seeded, len(platform.stored_orders()))
    print(
        f"up in {up - began:.0f} s, done {time.monotonic() - up:.0f} s later; dead letters: {dead or 'none'};",
        f"orders missing: {missing}; calls timed out: {flow.timed_out_calls() or 'none'};",
        f"load average of 15 minutes: {os.getloadavg()[2]:.0f}",
        flush=True,
    )
    return sum(dead.values()) + missing


if __name__ == "__main__":
    sys.exit(main())
