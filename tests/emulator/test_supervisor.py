"""The supervisor between the emulator and each of its processes, without an emulator."""

from __future__ import annotations

import importlib.util
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from stockroom.project import ROOT

from .recipe import wait_for

SOURCE = ROOT / "localstack" / "plugin" / "src" / "stockroom_localstack" / "lifecycle" / "supervisor.py"


@pytest.fixture(scope="module")
def supervisor() -> ModuleType:
    specification = importlib.util.spec_from_file_location("supervisor", SOURCE)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def start(supervisor: ModuleType, script: str, folder: Path) -> Any:
    return supervisor.start([sys.executable, "-c", script], env={"ONLY": "this"}, cwd=folder)


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("pass", 0),
        ("raise SystemExit(7)", 7),
        ("import os; os.kill(os.getpid(), 9)", -9),
        ("import os; os.abort()", -6),
    ],
)
def test_the_end_of_the_command_is_the_end_of_the_supervisor(
    supervisor: ModuleType, tmp_path: Path, script: str, status: int
) -> None:
    assert start(supervisor, script, tmp_path).wait(10) == status


def test_output_environment_and_folder_are_those_of_the_command(supervisor: ModuleType, tmp_path: Path) -> None:
    script = "import os, sys; print(os.getpid(), sorted(os.environ), os.getcwd()); print('to stderr', file=sys.stderr)"
    process = start(supervisor, script, tmp_path)
    assert process.wait(10) == 0
    words = process.stdout.read().decode()
    assert f"{process.pid} [" in words
    assert "'ONLY'" in words
    assert "'HOME'" not in words
    assert str(tmp_path.resolve()) in words
    assert "to stderr" in words


def test_a_command_that_does_not_exist(supervisor: ModuleType, tmp_path: Path) -> None:
    process = supervisor.start([tmp_path / "missing"], env={}, cwd=tmp_path)
    assert process.wait(10) == 127
    assert process.stdout.read().decode() == f"cannot run {tmp_path / 'missing'}: No such file or directory\n"


def test_kill_ends_the_command_and_all_it_started(supervisor: ModuleType, tmp_path: Path) -> None:
    script = """
import subprocess, time
for away in (False, True):
    print(subprocess.Popen(["sleep", "300"], start_new_session=away).pid, flush=True)
time.sleep(300)
"""
    process = start(supervisor, script, tmp_path)
    pids = [process.pid, *(int(process.stdout.readline()) for _ in range(2))]
    assert all(psutil.pid_exists(pid) for pid in pids)
    process.kill()
    wait_for("all of them to end", lambda: not [pid for pid in pids if psutil.pid_exists(pid)], 5)


def test_an_orphan_that_ends_does_not_end_the_command(supervisor: ModuleType, tmp_path: Path) -> None:
    script = """
import os, subprocess, sys, time
subprocess.run([sys.executable, "-c", "import subprocess; subprocess.Popen(['sleep', '0.1'])"])
time.sleep(0.5)
print("still here")
"""
    process = start(supervisor, script, tmp_path)
    assert process.wait(10) == 0
    assert process.stdout.read() == b"still here\n"


@pytest.fixture
def many_open_files() -> Iterator[None]:
    """Takes the file descriptors that `select` can watch."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        pytest.skip("this machine allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2000, hard))
    taken = [os.dup(0) for _ in range(1100)]
    yield
    for descriptor in taken:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_open_files")
def test_a_busy_emulator_passes_on_large_file_descriptors(supervisor: ModuleType, tmp_path: Path) -> None:
    with socket.socket() as some:
        assert some.fileno() > 1024
    process = start(supervisor, "print('ran')", tmp_path)
    assert process.wait(10) == 0
    assert process.stdout.read() == b"ran\n"


def test_a_killed_starter_takes_the_command_along(tmp_path: Path) -> None:
    """As the emulator is killed: by a signal that it can't see."""
    script = f"""
import importlib.util, sys, time
from pathlib import Path
specification = importlib.util.spec_from_file_location("supervisor", {str(SOURCE)!r})
supervisor = importlib.util.module_from_spec(specification)
specification.loader.exec_module(supervisor)
process = supervisor.start([sys.executable, "-c", "import time; time.sleep(300)"], env={{}}, cwd=Path("."))
print(process.pid, flush=True)
time.sleep(300)
"""
    starter = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE)
    assert starter.stdout
    command = int(starter.stdout.readline())
    assert psutil.pid_exists(command)
    starter.kill()
    starter.wait()
    wait_for("the command to end", lambda: not psutil.pid_exists(command), 5)
