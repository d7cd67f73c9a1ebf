"""Killed at any point, the next `invoke infra-up` ends well: nothing doubled, nothing lost, nothing left running."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from .online_retail import totals_of_events, totals_of_file, totals_of_orders
from .own_platform import Command, OwnPlatform


def engine_starts(platform: OwnPlatform, _: Command) -> None:
    platform.emulator()


def apply_runs(platform: OwnPlatform, _: Command) -> None:
    platform.wait_for_apply()


def seeding_begins(_: OwnPlatform, command: Command) -> None:
    command.wait_for_line(" apply ")


POINTS = pytest.mark.parametrize("point", [engine_starts, apply_runs, seeding_begins], ids=lambda point: point.__name__)
Point = Callable[[OwnPlatform, Command], None]


def comes_up_whole(platform: OwnPlatform, dataset: Path) -> str:
    """Bring the platform up and compare what is in it with the file; returns what the command printed."""
    output = platform.run("infra-up", "--dataset", str(dataset))
    platform.wait_until_drained()
    expected = totals_of_file(dataset)
    assert totals_of_orders(platform.stored_orders()) == expected
    assert totals_of_events(platform.captured_events()) == expected
    return output


@POINTS
def test_emulator_killed(platform: OwnPlatform, dataset: Path, point: Point) -> None:
    command = platform.start("infra-up", "--dataset", str(dataset))
    point(platform, command)
    emulator = platform.emulator()
    children = emulator.children(recursive=True)
    emulator.kill()
    assert command.finish() == 1, command.output
    assert command.output.count("error:") == 1
    assert "Traceback" not in command.output
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    comes_up_whole(platform, dataset)


@POINTS
def test_toolkit_killed(platform: OwnPlatform, dataset: Path, point: Point) -> None:
    command = platform.start("infra-up", "--dataset", str(dataset))
    point(platform, command)
    command.process.kill()
    command.process.wait()
    comes_up_whole(platform, dataset)


def test_toolkit_and_terraform_killed(platform: OwnPlatform, dataset: Path) -> None:
    """Terraform has then created what its state does not tell of."""
    command = platform.start("infra-up", "--dataset", str(dataset))
    platform.wait_for_apply()
    emulator = platform.emulator()
    spared = {emulator.pid, *(child.pid for child in emulator.children(recursive=True))}
    toolkit = psutil.Process(command.process.pid)
    for process in [*toolkit.children(recursive=True), toolkit]:
        if process.pid not in spared:
            with contextlib.suppress(psutil.Error):
                process.kill()
    command.process.wait()
    comes_up_whole(platform, dataset)


@pytest.mark.waits
def test_interrupted_by_the_user(platform: OwnPlatform, dataset: Path) -> None:
    command = platform.start("infra-up", "--dataset", str(dataset))
    platform.wait_for_apply()
    command.process.send_signal(signal.SIGINT)
    assert command.finish() == 130
    assert "Traceback" not in command.output
    assert "run the same command again" in command.output
    comes_up_whole(platform, dataset)
