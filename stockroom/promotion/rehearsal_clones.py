"""The clones of a rehearsal, and running in them the commands that a user has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from stockroom.console import Steps
from stockroom.errors import StockroomError
from stockroom.project import HOME, ROOT

_AUTHOR = ("-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost", "-c", "commit.gpgsign=false")


class Clones:
    """A remote and its clones in a folder; `variables` are those of commands that are for the rehearsal's engine."""

    def __init__(self, folder: Path, variables: dict[str, str], steps: Steps) -> None:
        self._folder, self._variables, self._steps = folder, variables, steps
        self._running: set[subprocess.Popen[bytes]] = set()
        (folder / "logs").mkdir()

    def clone(self, name: str, branches: Collection[str], comment: bool) -> Path:
        """A clone of the repository's commit; with `comment` at one on top of it, which is pushed to the branches."""
        origin, clone = self._folder / "origin.git", self._folder / name
        if not origin.exists():
            _git(self._folder, "init", "--quiet", "--bare", str(origin))
        _git(self._folder, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone))
        _git(clone, "remote", "set-url", "origin", str(origin))
        (clone / ".stockroom").symlink_to(HOME)
        if comment:
            function = next(path for path in sorted((clone / "functions").glob("*/*/*.py")))
            function.write_text(f"{function.read_text(encoding='utf-8')}\n# A release before.\n", encoding="utf-8")
            _git(clone, *_AUTHOR, "commit", "--quiet", "--all", "--message", "A release before, for a rehearsal")
            for branch in branches:
                _git(clone, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        return clone

    def remove(self, *names: str) -> None:
        for name in ("origin.git", *names):
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def invoke(self, clone: Path, task: str, *args: str, log: str, own: bool = True) -> str:
        """Run a task in a clone; returns what it printed. `own` is on the rehearsal's engine.

        Raises CommandError for one that fails.
        """
        with self._steps.step(log) as step:
            step.say(f"invoke {task} {' '.join(args)}")
            code, printed = self.run(clone, [task, *args], log, own)
            if code:
                raise CommandError(
                    f"`invoke {task} {' '.join(args)}` ended with exit code {code}",
                    f"all that it printed is in {self._folder / 'logs' / f'{log}.log'}",
                    "\n".join(printed.splitlines()[-20:]),
                )
            step.say(f"invoke {task} {' '.join(args)}")
        return printed

    def run(self, clone: Path, args: list[str], log: str, own: bool = True) -> tuple[int, str]:
        """Exit code of a task in a clone, and what it printed."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("STOCKROOM_", "AWS_"))}
        named = self._variables if own else {"STOCKROOM_EVIDENCE_KEY": self._variables["STOCKROOM_EVIDENCE_KEY"]}
        path = self._folder / "logs" / f"{log}.log"
        with path.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "invoke", *args],
                cwd=clone, env=kept | named, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
            self._running.add(process)
            code = process.wait()
            self._running.discard(process)
        return code, path.read_text(encoding="utf-8", errors="replace")

    def end_commands(self) -> None:
        """Those in threads would go on to their ends, and be waited for."""
        left = list(self._running)
        for process in left:
            process.terminate()
        for process in left:  # before the engine goes, which they tell how they ended
            process.wait()


class CommandError(StockroomError):
    """A command of the rehearsal failed; `details` are the last lines that it printed."""


def _git(folder: Path, *words: str) -> None:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StockroomError(f"git {' '.join(words[:4])} failed: {done.stderr.strip()}")
