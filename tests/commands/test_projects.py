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


@pytest.fixture
def project(stockroom: Commands, tmp_path: Path) -> Path:
    """A project with a stack, as the commands make it."""
    path = tmp_path / "my shop é"
    made = run(stockroom, tmp_path, "new.project", str(path), program="stockroom")
    assert made.code == 0, made.err
    assert "made the project my-shop-e" in made.out
    assert run(stockroom, path, "new.stack", "shop").code == 0
    return path


def test_skeletons_are_written_and_their_unit_tests_pass_at_once(stockroom: Commands, project: Path) -> None:
    assert run(stockroom, project / "functions", "new.function", "shop", "take_returns").code == 0
    assert run(stockroom, project, "new.module", "topic").code == 0
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/unit"], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "14 passed" in done.stdout
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=project, env=stockroom.environment(PYTHONPATH=str(ROOT)),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


def test_what_can_not_be_written_is_one_line_and_leaves_nothing(stockroom: Commands, project: Path) -> None:
    def files() -> list[str]:
        return sorted(str(path) for path in project.rglob("*") if ".git" not in path.parts and path.suffix != ".pyc")

    before = files()
    for args, error in (
        (("new.project", str(project)), f"{project} exists already"),
        (("new.project", str(project / "inner")), f"{project / 'inner'} is inside of the project {project}"),
        (("new.project", str(project.parent / "店")), "'' can't be the name of a project"),
        (("new.project", str(project.parent / "x1"), "--name", "X 1"), "'X 1' can't be the name of a project"),
        (("new.project", ""), "the folder of the project has no name"),
        (("new.project", "/proc/none/shop"), "/proc/none/shop can't be made: No such file or directory: /proc/none"),
        (("new.stack", "shop"), "the stack 'shop' exists already"),
        (("new.stack", "../shop"), "'../shop' can't be the name of a stack"),
        (("new.function", "shop", "receive"), "the function 'receive' of 'shop' exists already"),
        (("new.function", "shop", "json"), "'json' can't be the name of a function: Python has another use for it"),
        (("new.function", "desk", "receive"), "there is no stack 'desk'"),
        (("new.module", "sqs"), "the module 'sqs' exists already"),
        (("new.module", "SQS"), "'SQS' can't be the name of a module"),
    ):
        assert run(stockroom, project, *args).error == error
    assert [name for name in files() if "__pycache__" not in name] == [n for n in before if "__pycache__" not in n]


def test_a_function_of_another_kind_of_stack_says_what_is_to_be_done(stockroom: Commands, project: Path) -> None:
    main = project / "terraform" / "stacks" / "shop" / "main.tf"
    main.write_text(
        main.read_text().replace("functions = var.bundles", 'functions = { receive = var.bundles["receive"] }')
    )
    answer = run(stockroom, project, "new.function", "shop", "take_returns")
    assert answer.code == 0
    assert "next: deploy var.bundles['take_returns'] in terraform/stacks/shop" in answer.out


def test_the_example_is_what_the_commands_make(stockroom: Commands, tmp_path: Path) -> None:
    made = tmp_path / "minimal"
    for args in EXAMPLE:
        assert run(stockroom, made if made.exists() else tmp_path, *args, program="stockroom").code == 0
    assert contents(made) == contents(ROOT / "examples" / "minimal")


EXAMPLE = (("new.project", "minimal"), ("new.stack", "shop"), ("new.function", "shop", "take_returns"))


def contents(folder: Path) -> dict[str, bytes]:
    left_out = {
        ".git",
        ".stockroom",
        ".terraform",
        ".venv",
        "__pycache__",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
    }
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not left_out.intersection(path.relative_to(folder).parts)
    }
