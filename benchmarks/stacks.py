"""Stacks that don't wait for each other: one of them alone, and two of them side by side."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from statistics import median

from benchmarks.commands import Done, run
from benchmarks.figures import Figure, Findings
from benchmarks.platform import Bench, setting_variables
from stockroom.project import ROOT
from stockroom.settings import PREFIX

STACKS = ("first", "second")

_PROGRAM = "from stockroom.tasks.program import main; main()"


class Twins:
    """A project with two stacks as `new.stack` makes them, and a platform of its own."""

    def __init__(self, bench: Bench) -> None:
        self._folder = bench.work / "twins"
        own = {"run_dir": bench.work / "twins-run"}
        self._variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "AWS_"))},
            **setting_variables(bench.settings.model_copy(update=own)),
            "PYTHONPATH": str(ROOT),
        }
        self._run("new.project", str(self._folder), folder=bench.work)
        for stack in STACKS:
            self._run("new.stack", stack)
        self.start(*STACKS)  # the first start builds, and initialises Terraform, which happens once

    def _run(self, *args: str, folder: Path | None = None) -> Done:
        return run([sys.executable, "-c", _PROGRAM, *args], folder or self._folder, self._variables)

    def start(self, *stacks: str) -> float:
        """Seconds of a cold `infra-up` with these stacks."""
        named = [word for stack in stacks for word in ("--stack", stack)]
        try:
            return self._run("infra-up", "--no-snapshot", "--no-seed", *named).seconds
        finally:
            self._run("infra-down")


def measure(bench: Bench) -> Findings:
    twins = Twins(bench)
    runs: dict[tuple[str, ...], list[float]] = {(STACKS[0],): [], (STACKS[1],): [], STACKS: []}
    for _ in range(bench.rounds(2, 5)):
        for stacks, seconds in runs.items():
            seconds.append(twins.start(*stacks))
    first, second, both = (median(seconds) for seconds in runs.values())
    alone = Figure("infra-up, cold, the slower of two stacks alone", max(first, second), "s")
    figures = [alone, Figure("infra-up, cold, both side by side", both, "s").than(alone)]
    notes = ["Stacks as `new.stack` makes them: a function behind a queue, a table, a key; taken in turns."]
    return Findings(figures, notes, {" and ".join(stacks): seconds for stacks, seconds in runs.items()})
