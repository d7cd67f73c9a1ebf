"""The emulator's processes: what it starts, where they listen, and that none outlives it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time

import psutil
import pytest

from .functions import Functions, client
from .recipe import Emulator, wait_for

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


def _gone(processes: list[psutil.Process]) -> bool:
    return not [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_the_emulator(own_emulator: Emulator, how: signal.Signals) -> None:
    own_emulator.wait_for_services()
    of_the_function = _function_with_processes(own_emulator)
    processes = own_emulator.processes()
    assert set(of_the_function) <= {process.pid for process in processes}
    commands = " ".join(" ".join(process.cmdline()) for process in processes)
    assert "kinesis-local" in commands
    assert "dynamodb_local" in commands
    os.kill(own_emulator.pid, how)
    psutil.Process(own_emulator.pid).wait(10)
    wait_for("every process to end", lambda: _gone(processes), 15)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="elsewhere nothing ties a command to its supervisor")
def test_a_command_ends_with_its_supervisor(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    supervisors = [one for one in own_emulator.processes() if any("supervisor_main" in word for word in one.cmdline())]
    kinesis = next(one for one in supervisors if any("kinesis-local" in word for word in one.cmdline()))
    [node] = kinesis.children()
    kinesis.kill()
    wait_for("node to end", lambda: _gone([node]))
    # And the emulator starts the backend again.
    streams = client("kinesis", own_emulator.endpoint)

    def answers() -> bool:
        try:
            return "StreamNames" in streams.list_streams()
        except streams.exceptions.ClientError:
            return False

    wait_for("Kinesis to answer again", answers)


def test_the_emulator_ends_when_its_run_directory_disappears(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    processes = own_emulator.processes()
    shutil.rmtree(own_emulator.run_dir, ignore_errors=True)
    wait_for("every process to end", lambda: _gone(processes), 15)
    assert not own_emulator.run_dir.exists()
    port = int(own_emulator.endpoint.rsplit(":", 1)[1])
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_every_socket_listens_on_loopback_only(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    _function_with_processes(own_emulator)
    listening = [
        connection.laddr.ip
        for process in own_emulator.processes()
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM
    ]
    assert len(listening) >= 4, "the gateway, DynamoDB Local, Kinesis Mock and the function's runtime API"
    assert set(listening) <= LOOPBACK


def test_the_first_requests_find_their_services_started(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    for service, operation in (("dynamodb", "list_tables"), ("kinesis", "list_streams"), ("lambda", "list_functions")):
        caller = client(service, own_emulator.endpoint)
        began = time.monotonic()
        getattr(caller, operation)()
        assert time.monotonic() - began < 1.0, service


def test_nothing_is_written_outside_the_run_directory(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    _function_with_processes(own_emulator)
    inside = (str(own_emulator.run_dir.resolve()), "/dev/", "/proc/")
    outside = [
        file.path
        for process in own_emulator.processes()
        for file in process.open_files()
        if getattr(file, "mode", "r") != "r" and not file.path.startswith(inside)
    ]
    assert outside == []
