"""Projects as a user has them: any folder with a stockroom.toml and a tasks.py of two lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stockroom.project import ROOT
from tests.commands.stockroom_command import Answer, Commands

TASKS = "from stockroom.tasks import namespace\n\n__all__ = ['namespace']\n"


def run(commands: Commands, folder: Path, *args: str, program: str = "invoke") -> Answer:
    module = {"invoke": ["-m", "invoke"], "stockroom": ["-c", "from stockroom.tasks.program import main; main()"]}
    done = subprocess.run(
        [sys.executable, *module[program], *args],
        cwd=folder, env=commands.environment(PYTHONPATH=str(ROOT)), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=60,
    )  # fmt: skip
    return Answer(done.returncode, done.stdout, done.stderr, [])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is no project yet, with a tasks.py."""
    folder = tmp_path / "my shop é"
    folder.mkdir()
    (folder / "tasks.py").write_text(TASKS)
    return folder


def test_two_lines_give_every_task_of_the_toolkit_and_no_other(stockroom: Commands, folder: Path) -> None:
    listed = run(stockroom, folder, "--list")
    assert listed.code == 0
    assert {"infra-up", "promote", "snapshot.save", "test"} <= set(listed.out.split())
    assert not {"report", "bench"} & set(listed.out.split())


@pytest.mark.parametrize("program", ["invoke", "stockroom"])
@pytest.mark.parametrize("task", ["infra-up", "infra-status", "doctor", "lint", "release"])
def test_outside_of_a_project_a_command_says_what_it_looked_for(
    stockroom: Commands, folder: Path, program: str, task: str
) -> None:
    answer = run(stockroom, folder, task, program=program)
    assert answer.error == f"this is no project: neither {folder} nor a folder above it has a stockroom.toml"
    assert "stockroom new.project DIR" in answer.err


def test_a_mistake_in_the_file_is_told_by_every_command(stockroom: Commands, folder: Path) -> None:
    (folder / "stockroom.toml").write_text('name = "shop"\nstack = "shop"\n')
    assert run(stockroom, folder, "env").error == "stockroom.toml: stack: extra inputs are not permitted"


def test_the_program_tells_its_version_anywhere(stockroom: Commands, tmp_path: Path) -> None:
    answer = run(stockroom, tmp_path, "--version", program="stockroom")
    assert answer.code == 0
    assert answer.out.startswith("Stockroom ")
