"""Packs a saved state while nobody waits: `python -m stockroom.snapshots.background`, with a job on its input.

It works in the platform's engine folder, so that `infra-down` ends it with the rest, and takes the processor only when
nobody else wants it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic

from stockroom.settings import ROOT
from stockroom.snapshots.archive import Header, format_header, parse_header, write
from stockroom.snapshots.store import Bounds, Store, put

LOG = "snapshots.log"


@dataclass(frozen=True)
class Job:
    """A folder with a saved state, which is removed when it is packed, and where its snapshot goes."""

    store: Path
    bounds: Bounds
    key: bytes
    header: Header
    state: Path

    def to_json(self) -> str:
        content = {"store": str(self.store), "bounds": asdict(self.bounds), "key": self.key.hex()}
        return json.dumps(content | {"header": format_header(self.header), "state": str(self.state)})


def parse_job(text: str) -> Job:
    content = json.loads(text)
    header = parse_header(content["header"])
    assert header
    bounds, key = Bounds(**content["bounds"]), bytes.fromhex(content["key"])
    return Job(Path(content["store"]), bounds, key, header, Path(content["state"]))


def begin(job: Job, engine_dir: Path) -> int:
    """Start the job in a process that outlives this one; returns its id."""
    with (engine_dir / LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "stockroom.snapshots.background"],
            cwd=engine_dir,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdin
    # Not on its command line nor in its environment, where the signing key would show.
    process.stdin.write(job.to_json().encode())
    process.stdin.close()
    # It is to go on alone; without this Python would complain of that at the end.
    process.returncode = 0
    return process.pid


def run(job: Job) -> None:
    store, started = Store(job.store), monotonic()
    store.clean()
    target = store.path(job.header)
    put(target, partial(write, header=job.header, folder=job.state, key=job.key))
    shutil.rmtree(job.state)
    size = target.stat().st_size
    store.drop_beyond(job.bounds)
    print(f"{datetime.now():%H:%M:%S} saved {target.name}: {size >> 20} MB in {monotonic() - started:.1f} s")


def main() -> None:
    os.nice(10)
    try:
        run(parse_job(sys.stdin.read()))
    except OSError as error:
        sys.exit(f"{datetime.now():%H:%M:%S} could not save a snapshot: {error}")


if __name__ == "__main__":
    main()
