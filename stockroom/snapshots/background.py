"""Packs a saved state while nobody waits: `python -m stockroom.snapshots.background FOLDER`, with a job on its input.

Then it has the state saved once more when the seeded data has been processed, and packs that in its place, unless
somebody changes something before; `invoke reset` goes back to that one from then on. FOLDER is the platform's engine
folder, by which `infra-down` finds this process and ends it with the rest. It takes the processor only when nobody else
wants it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic

from stockroom.engines.emulator_state import save_settled, settled_folder
from stockroom.errors import StockroomError
from stockroom.project import ROOT
from stockroom.settings import Settings
from stockroom.snapshots.archive import Header, format_header, parse_header, write
from stockroom.snapshots.proof import proving
from stockroom.snapshots.record import keep_base, read_base
from stockroom.snapshots.store import Bounds, Store, put
from stockroom.system.file_lock import exclusive
from stockroom.toolkit import IMPORTED_FROM

LOG = "snapshots.log"


@dataclass(frozen=True)
class Settling:
    """An emulator to save when all has happened that is on its way at a moment; it writes below `engine_dir`."""

    endpoint: str
    engine_dir: Path
    platform_lock: Path
    moment: str


@dataclass(frozen=True)
class Job:
    """What is to be packed, and where the snapshot goes.

    `state` is a folder with a saved state, which is removed when it is packed; None when it is packed already.
    `settling` is None for a state in which nothing is on its way.
    """

    store: Path
    bounds: Bounds
    key: bytes
    header: Header
    state: Path | None
    settling: Settling | None = None

    def to_json(self) -> str:
        content = asdict(self) | {"key": self.key.hex(), "header": format_header(self.header)}
        return json.dumps(content, default=str)


def parse_job(text: str) -> Job:
    content = json.loads(text)
    header = parse_header(content["header"])
    assert header
    state, settling = content["state"], content["settling"]
    return Job(
        Path(content["store"]),
        Bounds(**content["bounds"]),
        bytes.fromhex(content["key"]),
        header,
        Path(state) if state else None,
        Settling(**settling | {name: Path(settling[name]) for name in ("engine_dir", "platform_lock")})
        if settling
        else None,
    )


def begin(job: Job, engine_dir: Path) -> int:
    """Start the job in a process that outlives this one; returns its id."""
    with (engine_dir / LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "stockroom.snapshots.background", engine_dir],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(IMPORTED_FROM)},
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
    """Raises OSError."""
    if job.state:
        _pack(job, job.header, job.state)
    if not job.settling:
        return
    try:
        saved = save_settled(job.settling.endpoint, job.settling.moment)
    except StockroomError as error:  # nothing is lost: what is packed already stays
        print(f"{datetime.now():%H:%M:%S} {error.message}")
        return
    now = datetime.now(UTC).isoformat(timespec="seconds")
    header = replace(job.header, created=now, bytes=saved.bytes, settled=True)
    state = settled_folder(job.settling.engine_dir)
    try:
        # It replaces one that has served already.
        with proving(Settings(run_dir=job.settling.engine_dir), job.settling.engine_dir / "proof") as prove:
            prove(state)()
    except StockroomError as error:
        print(f"{datetime.now():%H:%M:%S} {error.message}")
        return
    keep_settled(job.settling, job.header, header, state)
    _pack(job, header, state)


def keep_settled(settling: Settling, before: Header, header: Header, state: Path) -> None:
    """Let `invoke reset` go back to the settled state, if it would go back to the same one before."""
    with exclusive(settling.platform_lock, "saving what has been processed", print):
        if read_base(settling.engine_dir) == before:
            keep_base(settling.engine_dir, header, state)


def _pack(job: Job, header: Header, state: Path) -> None:
    store, started = Store(job.store), monotonic()
    store.clean()
    target = store.path(header)
    put(target, partial(write, header=header, folder=state, key=job.key))
    shutil.rmtree(state)
    size = target.stat().st_size
    store.drop_beyond(job.bounds)
    verb = "settled" if header.settled else "saved"
    print(
        f"{datetime.now():%H:%M:%S} {verb} {target.name}: {size >> 20} MB in {monotonic() - started:.1f} s", flush=True
    )


def main() -> None:
    os.nice(10)
    try:
        run(parse_job(sys.stdin.read()))
    except OSError as error:
        sys.exit(f"{datetime.now():%H:%M:%S} could not save a snapshot: {error}")


if __name__ == "__main__":
    main()
