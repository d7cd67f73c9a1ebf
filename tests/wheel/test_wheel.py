"""A project of somebody else's, with the toolkit installed as a wheel, and nothing of this repository in reach."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stockroom.system.processes import free_port, processes_in
from stockroom.system.python_environments import uv
from tests.platforms.own_platform import ROOT

MINUTES = 60

# What a shell of a developer of this repository has.
_OURS = re.compile(r"STOCKROOM_|AWS_|PYTHON|PYTEST|VIRTUAL_ENV|XDG_|GIT_|TF_|HOME$")


@dataclass(frozen=True)
class Stranger:
    """Somebody whose machine has Python, git and Terraform, with a home and the wheel in an environment of its own."""

    folder: Path
    port: int

    @property
    def project(self) -> Path:
        return self.folder / "my shop é"

    @property
    def bin(self) -> Path:
        return self.folder / "venv" / "bin"

    def variables(self) -> dict[str, str]:
        """Those of the machine, such as its certificates and registries, and none that leads to this repository."""
        kept = {name: value for name, value in os.environ.items() if not _OURS.match(name) and str(ROOT) not in value}
        path = [part for part in os.environ["PATH"].split(os.pathsep) if not part.startswith((str(ROOT), sys.prefix))]
        own = {"HOME": str(self.folder / "home"), "STOCKROOM_PORT": str(self.port)}
        names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
        own |= {"PATH": os.pathsep.join([str(self.bin), *path])}
        return kept | own | dict.fromkeys(names, "tests@localhost")

    def run(self, *command: str | Path, where: Path | None = None, minutes: float = 20) -> str:
        """What the command printed; it must end with exit code 0."""
        done = subprocess.run(
            command, cwd=where or self.project, env=self.variables(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False, timeout=minutes * MINUTES,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
        return done.stdout

    def invoke(self, *args: str, minutes: float = 20) -> str:
        return self.run(self.bin / "invoke", *args, minutes=minutes)

    def status(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.invoke("infra-status", "--json"))
        return found


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Stranger]:
    person = Stranger(tmp_path, free_port())
    (tmp_path / "home").mkdir()
    dist = tmp_path / "dist"
    subprocess.run([uv(), "build", "--quiet", "--wheel", "--out-dir", dist, ROOT], check=True)
    (wheel,) = dist.glob("*.whl")
    python = Path(sys.executable).resolve()
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    person.run(person.bin / "pip", "install", "--quiet", wheel, where=tmp_path)
    yield person
    if person.project.exists():
        person.invoke("infra-down")
    left = [process.cmdline() for process in processes_in(tmp_path)]
    shutil.rmtree(tmp_path)  # a gigabyte
    assert not left


@pytest.mark.waits
def test_a_project_lives_from_its_first_command_to_a_rehearsal(stranger: Stranger) -> None:
    assert "made the project my-shop-e" in stranger.run(
        stranger.bin / "stockroom", "new.project", stranger.project, where=stranger.folder
    )
    stranger.invoke("new.stack", "shop")
    stranger.invoke("new.function", "shop", "take_returns")
    stranger.run("git", "add", "--all")
    stranger.run("git", "commit", "--quiet", "--message", "Begin")

    assert "shop: " in stranger.invoke("infra-up")
    before = stranger.status()

    function = stranger.project / "functions" / "shop" / "receive" / "receive.py"
    changed = '"stored_by": "receive", "size": str(len(text))'
    function.write_text(function.read_text().replace('"stored_by": "receive"', changed))
    for test in ("unit", "e2e"):
        path = stranger.project / "tests" / test / "shop" / "test_receive.py"
        path.write_text(path.read_text().replace('"stored_by": "receive"', '"stored_by": "receive", "size": "5"'))
    assert "changed" in stranger.invoke("infra-up")
    after = stranger.status()
    assert before["release"] != after["release"]
    stranger.invoke("infra-down")

    stranger.run("git", "commit", "--quiet", "--all", "--message", "Store sizes")
    checks = stranger.invoke("test", "--only", "lint,types,terraform,unit")
    assert "checks: 4 passed, 0 failed" in checks
    assert "4 passed" in stranger.invoke("e2e")
    rehearsed = stranger.invoke("rehearse", minutes=40)  # promotes along the whole path, and rolls back
    assert "rehearsed" in rehearsed

    # Nothing that any of these wrote or ran names this repository.
    logs = [path for path in (stranger.project / ".stockroom").rglob("*.log") if path.is_file()]
    assert logs
    assert not [path for path in logs if str(ROOT) in path.read_text(errors="replace")]
