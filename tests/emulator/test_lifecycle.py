"""The emulator's processes: what it starts, where they listen, and that none outlives it."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

import psutil
import pytest

from stockroom.engines.emulator_installation import emulator_dir
from stockroom.engines.localstack import LocalStackEngine
from stockroom.settings import Settings
from stockroom.system.processes import PidFile, free_port, processes_in

from .functions import Functions, client
from .recipe import Emulator, start_emulator, wait_for

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def _function_with_processes(emulator: Emulator) -> list[int]:
    """Process ids of a function that waits for its timeout, and of two it started: in its group and outside of it."""
    functions = Functions(client("lambda", emulator.endpoint))
    source = """
        import os, subprocess
        started = [subprocess.Popen(["sleep", "300"], start_new_session=away).pid for away in (False, True)]
        def handler(event, context):
            return [os.getpid(), *started]
    """
    return list(functions.invoke(functions.make(source)).payload)


def _supervisor_of(emulator: Emulator, word: str) -> psutil.Process:
    """The supervisor of the backend whose command line holds the word."""
    [supervisor] = [
        one
        for one in emulator.processes()
        if any("supervisor_main" in part for part in one.cmdline()) and any(word in part for part in one.cmdline())
    ]
    return supervisor


def _gone(processes: list[psutil.Process]) -> bool:
    return not [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_the_emulator(own_emulator: Emulator, how: signal.Signals) -> None:
    own_emulator.wait_for_services()
    of_the_function = _function_with_processes(own_emulator)
    processes = own_emulator.processes()
    assert set(of_the_function) <= {process.pid for process in processes}
    commands = " ".join(" ".join(process.cmdline()) for process in processes)
    assert "dynamodb_local" in commands
    own_emulator.process.send_signal(how)
    own_emulator.process.wait(10)
    wait_for("every process to end", lambda: _gone(processes), 15)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="elsewhere nothing ties a command to its supervisor")
def test_a_command_ends_with_its_supervisor(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    supervisor = _supervisor_of(own_emulator, "dynamodb_local/main.py")
    [dynamodb_local] = supervisor.children()
    supervisor.kill()
    wait_for("DynamoDB Local to end", lambda: _gone([dynamodb_local]))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
def test_functions_start_again_when_the_fork_server_has_died(own_emulator: Emulator) -> None:
    functions = Functions(client("lambda", own_emulator.endpoint))
    name = functions.make("import os\ndef handler(event, context):\n    return os.getpid()\n")
    first = functions.invoke(name).payload
    assert functions.invoke(name).payload == first
    [server] = _supervisor_of(own_emulator, "fork_server_main").children()
    server.kill()
    wait_for("the functions to end with it", lambda: not psutil.pid_exists(first))
    again = functions.invoke(name)
    assert again.error is None
    assert again.payload != first


def test_the_emulator_ends_with_a_backend_that_dies_and_says_so(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    processes = own_emulator.processes()
    [backend] = _supervisor_of(own_emulator, "dynamodb_local/main.py").children()
    backend.kill()
    assert own_emulator.process.wait(5) == 1
    [line] = [line for line in own_emulator.log.splitlines() if "so the emulator ends too" in line]
    assert "dynamodb-local ended by signal 9, so" in line
    assert " FATAL " in line  # LocalStack's word for CRITICAL
    wait_for("every process to end", lambda: _gone(processes), 15)


def test_an_orderly_end_is_no_death_of_a_backend(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    own_emulator.process.terminate()
    assert own_emulator.process.wait(10) == 0
    assert "so the emulator ends too" not in own_emulator.log


@pytest.mark.skipif(sys.platform != "linux", reason="a signal for one thread of another process")
def test_a_signal_ends_the_emulator_whichever_thread_gets_it(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    process = own_emulator.process
    (another, *_) = [thread.id for thread in process.threads() if thread.id != process.pid]
    assert ctypes.CDLL(None).tgkill(process.pid, another, signal.SIGTERM) == 0
    assert process.wait(10) == 0


def test_the_emulator_ends_when_its_run_directory_disappears(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    processes = own_emulator.processes()
    shutil.rmtree(own_emulator.folder, ignore_errors=True)
    wait_for("every process to end", lambda: _gone(processes), 15)
    assert not own_emulator.folder.exists()
    port = int(own_emulator.endpoint.rsplit(":", 1)[1])
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_an_emulator_that_waits_for_a_state_ends_with_its_toolkit(tmp_path: Path) -> None:
    settings = Settings(run_dir=tmp_path, port=free_port())
    ended = multiprocessing.get_context("spawn").Process(target=_end_before_the_state_is_there, args=(settings,))
    ended.start()
    ended.join(30)
    assert ended.exitcode == 9
    wait_for("the emulator to end", lambda: not list(processes_in(tmp_path)), 30)
    assert "nobody is there any more" in Emulator(settings).log


def _end_before_the_state_is_there(settings: Settings) -> None:
    never: Future[Path] = Future()
    threading.Thread(target=LocalStackEngine(settings).start, kwargs={"state": never}, daemon=True).start()
    wait_for("the emulator to start", PidFile(settings.engine_dir / "pid").process)
    os._exit(9)


def test_every_socket_listens_on_loopback_only(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    _function_with_processes(own_emulator)
    listening = [
        connection.laddr.ip
        for process in own_emulator.processes()
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM
    ]
    assert len(listening) >= 3, "the gateway, DynamoDB Local and the function's runtime API"
    assert set(listening) <= LOOPBACK


def test_services_are_started_before_anybody_asks_for_them(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    for service, operation in (("dynamodb", "list_tables"), ("kinesis", "list_streams"), ("lambda", "list_functions")):
        getattr(client(service, own_emulator.endpoint), operation)()


def test_nothing_is_written_outside_the_run_directory(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    _function_with_processes(own_emulator)
    inside = (str(own_emulator.folder.resolve()), "/dev/", "/proc/")
    outside = [
        file.path
        for process in own_emulator.processes()
        for file in process.open_files()
        if getattr(file, "mode", "r") != "r" and not file.path.startswith(inside)
    ]
    assert outside == []


def test_an_installation_without_its_service_index_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for part in ("java", "node", "runtimes"):
        (home / part).symlink_to(emulator_dir() / part)
    monkeypatch.setattr("stockroom.engines.localstack.emulator_dir", lambda: home)
    emulator = start_emulator(tmp_path / "run")
    try:
        assert client("sts", emulator.endpoint).get_caller_identity()["Account"] == "000000000000"
    finally:
        emulator.stop()
