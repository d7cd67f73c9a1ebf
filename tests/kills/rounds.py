"""The rounds: one command that something happens to, and what has to be true afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from stockroom.console import Steps
from stockroom.errors import StockroomError
from stockroom.local.down import infra_down
from stockroom.project import ROOT
from stockroom.snapshots.record import kept_file, write_record
from tests.kills import faults
from tests.kills.operation import STARTED_EMPTY
from tests.kills.world import World

# What is done, what happens to it, and how often among all rounds.
KINDS: dict[tuple[str, faults.Fault], int] = {
    ("save", faults.toolkit_killed): 5,
    ("save", faults.emulator_killed): 2,
    ("save", faults.interrupted): 2,
    ("save", faults.disk_full): 5,
    ("load", faults.toolkit_killed): 3,
    ("load", faults.emulator_killed): 2,
    ("load", faults.disk_full): 2,
    ("keep", faults.toolkit_killed): 4,
    ("keep", faults.emulator_killed): 2,
    ("keep", faults.interrupted): 2,
    ("keep", faults.disk_full): 4,
    ("start", faults.toolkit_killed): 2,
    ("start", faults.emulator_killed): 2,
    ("start", faults.all_killed): 2,
    ("start", faults.disk_full): 2,
    ("start", faults.port_taken): 6,
}
NAMES_KEPT = 2


@dataclass
class Promised:
    """A snapshot that a command said to be saved: its bytes, and the mark of the platform in it."""

    path: Path
    mark: str
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        self.digest = self.now()

    def now(self) -> str:
        """SHA-256 of the file as it is; empty when there is none."""
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        except FileNotFoundError:
            return ""


class Rounds:
    """Rounds on one world. `limited`: its file system is small, so that it can be filled."""

    def __init__(self, world: World, draw: random.Random, limited: bool) -> None:
        self._world, self._draw = world, draw
        self._kinds = {kind: often for kind, often in KINDS.items() if limited or kind[1] is not faults.disk_full}
        self._named: dict[str, Promised] = {}
        self._automatic: Promised | None = None
        self._kept: Promised | None = None
        self._mark = "made"
        self.successes = 0

    def one(self, number: int) -> tuple[str, str, list[str]]:
        """What was done, what the command said, and what was lost."""
        lost = self._come_up()
        what, fault = self._draw.choices([*self._kinds], [*self._kinds.values()])[0]
        if what == "load" and not self._named:
            what = "save"
        name = self._draw.choice([*self._named]) if what == "load" else f"round-{number}"
        self._mark = f"mark {number}"
        self._world.set_mark(self._mark)
        if what == "start":
            self._stop(keep=self._draw.random() < 0.5)
        status = fault(self._world, lambda: self._command(what, name), self._draw)
        lost += self._look(what, name, status)
        self._forget_old()
        said = {0: "done", 1: "refused", STARTED_EMPTY: "empty"}.get(status, "ended")
        return f"{what}, {fault.__name__.replace('_', ' ')}", said, lost

    def end(self) -> None:
        with contextlib.suppress(StockroomError, OSError):
            infra_down(self._world.settings, False, Steps(quiet=True))

    def _command(self, what: str, name: str = "") -> subprocess.Popen[bytes]:
        words = [str(self._world.folder), str(self._world.port), what, *([name] if what in ("save", "load") else [])]
        with (self._world.folder.parent.parent / "commands.log").open("ab") as log:
            command = [sys.executable, "-m", "tests.kills.operation", *words]
            return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def _run(self, what: str, name: str = "") -> int:
        """A command that nothing happens to."""
        with faults.timed():
            return self._command(what, name).wait(faults.LONGEST_SECONDS)

    def _come_up(self) -> list[str]:
        """The platform runs and is whole, with what it should hold where it did not run."""
        world, lost = self._world, list[str]()
        if not world.engine.is_running() or world.mark() is None:
            world.engine.stop()
            lost = self._is_up(self._run("start")) if self._expected else []
            if lost or not self._expected:
                self._begin_afresh()
        write_record(world.settings.engine_dir, world.wanted)  # as `infra-up` does after a load that was cut off
        return lost

    def _begin_afresh(self) -> None:
        """With nothing, and a snapshot of what is made then."""
        world, store = self._world, self._world.snapshots().store
        self.end()
        self._kept = None
        path = store.path(world.wanted)
        path.unlink(missing_ok=True)
        assert self._run("start") == STARTED_EMPTY, "nothing happened, and the emulator did not start"
        world.make()
        world.snapshots().save_to(path, world.wanted, overwrite=True)
        self._automatic = Promised(path, "made")

    @property
    def _expected(self) -> Promised | None:
        """What a start begins with."""
        return self._kept or self._automatic

    def _is_up(self, status: int) -> list[str]:
        found = self._world.mark()
        if self._expected and found == self._expected.mark and status in (0, STARTED_EMPTY):
            self.successes += 1
            return []
        return [f"it came up ({status}) with '{found}' in place of '{self._expected and self._expected.mark}'"]

    def _stop(self, keep: bool) -> None:
        """Without a fault."""
        if keep:
            assert self._run("keep") == 0, "nothing happened, and infra-down --keep-state failed"
            self._kept = Promised(kept_file(self._world.settings.run_dir), self._mark)
        else:
            infra_down(self._world.settings, False, Steps(quiet=True))
            self._kept = None

    def _look(self, what: str, name: str, status: int) -> list[str]:
        kept = kept_file(self._world.settings.run_dir)
        lost = []
        match what:
            case "save" if status == 0:
                self._named[name] = Promised(self._world.snapshots().store.named(name), self._mark)
                lost += self._comes_back(name)
            case "keep" if status == 0:
                self._kept = Promised(kept, self._mark)
            case "keep" if kept.exists() and (self._kept is None or self._kept.now() != self._kept.digest):
                # Ended after it was written and before it was said: the new one is as good as the one before.
                self._kept = Promised(kept, self._mark) if status != 1 else self._kept
            case "start" if status == 0 and self._world.mark() is not None:  # it may have been killed after that
                lost += self._is_up(status)
            case "start" if status == STARTED_EMPTY and self._kept:  # without what was kept, a cold start is no loss
                lost.append("it began with nothing in place of what was kept")
            case "load" if status == 0 and (found := self._world.mark()) not in (None, self._named[name].mark):
                lost.append(f"'{name}' was loaded, and there is '{found}'")
        if status == 1 and what in ("save", "keep") and self._world.engine.is_running():
            lost += [] if self._world.mark() == self._mark else ["it was refused, and what ran is not what it was"]
        return lost + [f"'{one.path.name}' is not as it was" for one in self._all() if one.now() != one.digest]

    def _all(self) -> list[Promised]:
        return [*self._named.values(), *filter(None, (self._kept, self._automatic))]

    def _comes_back(self, name: str) -> list[str]:
        """What was saved is loaded again, and is what it was."""
        lost = self._come_up()
        status, found = self._run("load", name), self._world.mark()
        if status or found != self._named[name].mark:
            return [*lost, f"'{name}' with '{self._named[name].mark}' came back ({status}) with '{found}'"]
        self.successes += 1
        return lost

    def _forget_old(self) -> None:
        """The small disk holds a few only."""
        for name in [*self._named][:-NAMES_KEPT]:
            self._named.pop(name).path.unlink(missing_ok=True)
