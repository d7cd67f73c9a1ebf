"""The commands as a user runs them: processes of their own, in the repository, for a platform of the test's own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """What a command said, and what it left in its folder (names relative to it)."""

    code: int
    out: str
    err: str
    left: list[str]

    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one error line of a command that refused to work."""
        everything = f"{self.out}\n{self.err}"
        assert self.code not in {0, None}, everything
        assert "Traceback" not in everything, everything
        assert "\x1b" not in everything
        lines = [line for line in self.err.splitlines() if line.startswith("error:")]
        assert len(lines) == 1, everything
        assert len(self.err.strip().splitlines()) <= 2, "besides the error line only one that says what to do next"
        return lines[0].removeprefix("error: ")


@dataclass(frozen=True)
class Commands:
    """Runs commands for one platform: `run_dir` and `port` are its own."""

    run_dir: Path
    port: int

    def environment(self, **changes: str | None) -> dict[str, str]:
        """The environment of the tests without any setting or AWS variable; a change to None removes a name."""
        kept = {name: value for name, value in os.environ.items() if not re.match("STOCKROOM_|AWS_|FORCE_COLOR", name)}
        kept |= {"STOCKROOM_RUN_DIR": str(self.run_dir), "STOCKROOM_PORT": str(self.port)}
        kept |= {"STOCKROOM_SNAPSHOTS": "off", "STOCKROOM_SNAPSHOTS_DIR": str(self.run_dir.with_name("snapshots"))}
        merged: dict[str, str | None] = {**kept, **changes}
        return {name: value for name, value in merged.items() if value is not None}

    def __call__(self, *words: str | Path, **changes: str | None) -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "invoke", *map(str, words)],
            cwd=ROOT,
            env=self.environment(**changes),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return Answer(done.returncode, done.stdout, done.stderr, self.left())

    def left(self) -> list[str]:
        return sorted(path.relative_to(self.run_dir).as_posix() for path in self.run_dir.rglob("*"))
