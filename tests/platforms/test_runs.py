"""`invoke e2e` leaves nothing behind, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stockroom.console import Steps
from stockroom.project import ROOT
from stockroom.system.processes import processes_in
from stockroom.testing.own_platform import E2E_DIR, own_folder

from .own_platform import wait_until


def start() -> tuple[subprocess.Popen[str], Path]:
    """A run of its own whose engine has started, and its folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STOCKROOM_", "AWS_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "invoke", "e2e"],
        cwd=ROOT, env=kept, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip

    def folder() -> Path | None:
        holders = {lock.parent.resolve(): lock.read_text() for lock in E2E_DIR.glob("*/lock")}
        own = [path for path, holder in holders.items() if holder and json.loads(holder)["pid"] == process.pid]
        return own[0] if own and (own[0] / "platform" / "engine" / "pid").exists() else None

    found: Path = wait_until(folder)
    return process, found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(number: signal.Signals) -> None:
    process, folder = start()
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert not list(processes_in(folder))
    assert not (folder / "platform").exists()
    assert (folder / "logs" / "engine" / "localstack.log").exists()


def test_killed() -> None:
    process, folder = start()
    process.kill()
    process.communicate(timeout=60)
    assert list(processes_in(folder))
    with own_folder("the next run", Steps(quiet=True)):
        assert not list(processes_in(folder))
        assert not (folder / "platform").exists()
