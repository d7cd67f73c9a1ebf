"""Ctrl-C while several Terraforms run in threads: each gets it once, writes its state, and ends at the next one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from stockroom.side_by_side import Check, run_side_by_side
from stockroom.terraform.process import run_terraform

PATIENCE_SECONDS = 30

# What Terraform does: at the first SIGINT it ends what it is at, which takes a while, and writes its state.
TERRAFORM = """import signal, sys, time
from pathlib import Path

name, seconds = sys.argv[1], float(sys.argv[2])

def end(*_):
    with Path(name + ".interrupts").open("a") as file:
        file.write("x")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.05)
    Path(name + ".state").write_text("written")
    sys.exit(1)

signal.signal(signal.SIGINT, end)
Path(name + ".running").touch()
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def run_both(folder: Path, seconds: float, presses: int) -> None:
    """Two of them; the thread of one presses Ctrl-C when both run, and again so often."""
    program = folder / "terraform.py"
    program.write_text(TERRAFORM)

    def run(name: str, check: Check) -> None:
        pressed = 0

        def watch() -> None:
            nonlocal pressed
            running = all((folder / f"{one}.running").exists() for one in ("lake", "shop"))
            interrupted = all((folder / f"{one}.interrupts").exists() for one in ("lake", "shop"))
            if name == "lake" and pressed < presses and (interrupted if pressed else running):
                pressed += 1
                os.kill(os.getpid(), signal.SIGINT)
                sleep(0.1)
            check()

        words = [str(program), name, str(seconds)]
        run_terraform(name, Path(sys.executable), words, folder, os.environ, folder / f"{name}.log", watch)

    with pytest.raises(KeyboardInterrupt):
        run_side_by_side({"lake": [], "shop": []}, run)


def test_each_gets_it_once_and_writes_its_state(tmp_path: Path) -> None:
    run_both(tmp_path, seconds=1.5, presses=1)
    for stack in ("lake", "shop"):
        assert (tmp_path / f"{stack}.interrupts").read_text() == "x"
        assert (tmp_path / f"{stack}.state").read_text() == "written"


def test_the_second_one_ends_them_at_once(tmp_path: Path) -> None:
    started = monotonic()
    run_both(tmp_path, seconds=PATIENCE_SECONDS, presses=2)
    assert monotonic() - started < PATIENCE_SECONDS
    for stack in ("lake", "shop"):
        assert (tmp_path / f"{stack}.interrupts").read_text() == "x"
        assert not (tmp_path / f"{stack}.state").exists()
