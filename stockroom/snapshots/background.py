"""Packs saved states while nobody waits: `python -m stockroom.snapshots.background`, with a job on its input.

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
from stockroom.snapshots.store import Bounds, Store, write_whole

LOG = "snapshots.log"


@dataclass(frozen=True)
class Job:
    """Folders with saved states, each with its header; they are removed when they are packed."""

    store: Path
    bounds: Bounds
    key: bytes
    states: list[tuple[Header, Path]]

    def to_json(self) -> str:
        states = [[format_header(header), str(folder)] for header, folder in self.states]
        content = {"store": str(self.store), "bounds": asdict(self.bounds), "key": self.key.hex(), "states": states}
        return json.dumps(content)


def parse_job(text: str) -> Job:
    content = json.loads(text)
    states = [(header, Path(folder)) for line, folder in content["states"] if (header := parse_header(line))]
    return Job(Path(content["store"]), Bounds(**content["bounds"]), bytes.fromhex(content["key"]), states)


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
    store = Store(job.store)
    store.clean()
    for header, folder in job.states:
        started = monotonic()
        target = store.path(header)
        write_whole(target, partial(write, header=header, folder=folder, key=job.key))
        shutil.rmtree(folder)
        size = target.stat().st_size
        print(f"{datetime.now():%H:%M:%S} saved {target.name}: {size >> 20} MB in {monotonic() - started:.1f} s")
    store.drop_beyond(job.bounds)


def main() -> None:
    os.nice(10)
    try:
        run(parse_job(sys.stdin.read()))
    except OSError as error:
        sys.exit(f"{datetime.now():%H:%M:%S} could not save a snapshot: {error}")


if __name__ == "__main__":
    main()
