import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from stockroom.system.processes import PidFile, free_port, is_running, port_answers, port_holder, processes_in, stop

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process in a session of its own, as the toolkit does; it ends with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start_process(*words: str, cwd: Path | None = None, code: str = SLEEP[-1]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([*SLEEP[:-1], code, *words], cwd=cwd, start_new_session=True)
        started.append(process)
        return process

    yield start_process
    for process in started:
        process.kill()
        process.wait()


def test_a_pid_file_finds_its_process(tmp_path: Path, start: Start) -> None:
    process = start()
    pid_file = PidFile(tmp_path / "pid")
    assert pid_file.process() is None
    pid_file.write(process.pid)
    found = pid_file.process()
    assert found is not None
    assert found.pid == process.pid
    assert [path.name for path in tmp_path.iterdir()] == ["pid"]


def test_a_stale_pid_file_heals(tmp_path: Path, start: Start) -> None:
    process = start()
    pid_file = PidFile(tmp_path / "pid")
    pid_file.write(process.pid)
    process.kill()
    assert _eventually(lambda: pid_file.process() is None), "a zombie is not running"
    assert not pid_file.path.exists()


def test_a_reused_pid_is_not_mistaken(tmp_path: Path, start: Start) -> None:
    pid_file = PidFile(tmp_path / "pid")
    pid_file.write(start().pid)
    content = json.loads(pid_file.path.read_text())
    pid_file.path.write_text(json.dumps(content | {"began": f"{content['began']}0"}))
    assert pid_file.process() is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system keeps the time of a process's start")
def test_a_process_stays_the_same_when_the_clock_is_set(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file = PidFile(tmp_path / "pid")
    pid_file.write(start().pid)
    booted = psutil.boot_time()
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: booted + 3600)
    assert pid_file.process() is not None


def test_a_process_that_an_older_version_started_is_found(tmp_path: Path, start: Start) -> None:
    process = psutil.Process(start().pid)
    pid_file = PidFile(tmp_path / "pid")
    for late, found in ((0, process), (-60, None)):
        pid_file.path.write_text(json.dumps({"pid": process.pid, "started": process.create_time() + late}))
        assert pid_file.process() == found
    assert not pid_file.path.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"4711", b"{", b"[]", b"null", b'{"pid": 1}', b'{"pid": "x", "started": 1}', b'{"pid": -1, "started": 1}',
        b'{"pid": 99999999999999999999, "started": 1}', b'{"pid": 1e999, "started": 1}', b"\xff\xfe\x00",
    ],
)  # fmt: skip
def test_a_damaged_pid_file_heals(tmp_path: Path, content: bytes) -> None:
    pid_file = PidFile(tmp_path / "pid")
    pid_file.path.write_bytes(content)
    assert pid_file.process() is None
    assert not pid_file.path.exists()


def test_the_holder_of_a_port_is_named() -> None:
    program = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True);"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, "a-word-to-know-it-by"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as listener:
        assert listener.stdout
        port = int(listener.stdout.readline())
        holder = port_holder(port)
        assert holder is not None
        assert holder.pid == listener.pid
        assert str(holder).startswith(f"process {listener.pid} (")
        assert sys.executable in str(holder)
        assert port_answers("127.0.0.1", port)
        listener.communicate()
    assert port_holder(port) is None


def test_a_free_port_has_no_holder() -> None:
    port = free_port()
    assert port_holder(port) is None
    assert not port_answers("127.0.0.1", port)


def test_a_connection_is_no_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.connect(listener.getsockname())
        assert port_holder(client.getsockname()[1]) is None


def test_processes_are_found_by_their_folder_or_their_words(tmp_path: Path, start: Start) -> None:
    run = tmp_path / "run"
    (run / "engine").mkdir(parents=True)
    ours = {
        start(cwd=run / "engine").pid,
        start(str(run / "data")).pid,
        start(f"-Dpath={run}").pid,
        start(f"{run / 'lib'}:/usr/lib").pid,
    }
    assert {process.pid for process in processes_in(run)} == ours


def test_the_folder_of_another_platform_is_not_ours(tmp_path: Path, start: Start) -> None:
    for name in ("run2", "run-2", "run.old", "other/run"):
        (tmp_path / name).mkdir(parents=True)
        start(str(tmp_path / name / "data"), cwd=tmp_path / name)
    start(f"{tmp_path}/run.lock")
    assert not list(processes_in(tmp_path / "run"))


def test_a_process_whose_folder_was_removed_is_still_found(tmp_path: Path, start: Start) -> None:
    run = tmp_path / "run"
    run.mkdir()
    process = start(cwd=run)
    run.rmdir()
    assert [found.pid for found in processes_in(run)] == [process.pid]


def test_a_shell_in_the_folder_is_the_users(tmp_path: Path) -> None:
    program = """
import os, pty, signal
pid, _ = pty.fork()
if pid == 0:
    os.chdir(os.environ["FOLDER"])
    os.execlp("sleep", "sleep", "60")
print(pid, flush=True)
input()
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
"""
    environment = os.environ | {"FOLDER": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as terminal:
        assert terminal.stdout
        shell = psutil.Process(int(terminal.stdout.readline()))
        assert _eventually(lambda: shell.cmdline() == ["sleep", "60"])
        assert shell.cwd() == str(tmp_path)
        assert not list(processes_in(tmp_path))
        terminal.communicate("\n")


def test_stop_ends_even_what_does_not_listen(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with (
        subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as one,
        subprocess.Popen(SLEEP) as other,
    ):
        assert one.stdout
        one.stdout.readline()
        processes = [psutil.Process(one.pid), psutil.Process(other.pid)]
        stop(processes, patience=0.3)
        assert not any(map(is_running, processes))
        stop(processes, patience=0.3)


def _eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_what_has_ended_is_not_waited_for_although_its_parent_does_not_ask(start: Start) -> None:
    parent = psutil.Process(
        start(code=f"import subprocess, time; child = subprocess.Popen({SLEEP}); time.sleep(60)").pid
    )
    assert _eventually(lambda: bool(parent.children()))
    (child,) = parent.children()
    began = time.monotonic()
    stop([child], patience=40)
    assert child.status() == psutil.STATUS_ZOMBIE
    assert time.monotonic() - began < 30  # it was not waited for in vain
