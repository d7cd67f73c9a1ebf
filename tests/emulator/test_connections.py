"""Many connections, slow ones, and those of another user: on an emulator that may open few files."""

from __future__ import annotations

import importlib.util
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from types import ModuleType
from urllib.parse import urlsplit

import pytest

from stockroom.project import ROOT
from stockroom.settings import Settings

from .emulator_python import run_program
from .functions import client, make_table
from .recipe import Emulator
from .test_admission import ask

FILES = 300
NOBODY = 65534
SECONDS = 30
HEALTH = b"GET /_localstack/health HTTP/1.1\r\nHost: localhost\r\n\r\n"

ASK_AS_SOMEBODY = """
import encodings.idna, http.client, os, sys  # that user may be unable to read what Python imports later
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
for path in ("/_localstack/health", "/?Action=GetCallerIdentity&Version=2011-06-15"):
    connection.request("GET", path)
    answer = connection.getresponse()
    print(answer.status, answer.read().decode()[:60])
"""


# Limits can't be raised again, so another process sets them and starts the emulator.
START_WITH_FEW_FILES = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]) // 2, int(sys.argv[2])))
from tests.emulator.recipe import start_emulator
print(start_emulator(Path(sys.argv[1])).settings.port)
"""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One that may open so few files that a test can use them up."""
    run_dir = tmp_path_factory.mktemp("few") / "run"
    command = [sys.executable, "-c", START_WITH_FEW_FILES, str(run_dir), str(FILES)]
    started = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    running = Emulator(Settings(run_dir=run_dir, port=int(started.stdout.split()[-1])))
    yield running
    running.stop()


def _connect(emulator: Emulator) -> socket.socket:
    address = urlsplit(emulator.endpoint)
    return socket.create_connection((address.hostname, address.port or 80), timeout=SECONDS)


def _is_healthy(emulator: Emulator) -> bool:
    return ask(emulator.endpoint, "GET", "/_localstack/health")[0] == 200


def test_the_emulator_may_open_as_many_files_as_its_user(emulator: Emulator) -> None:
    assert emulator.process.rlimit(resource.RLIMIT_NOFILE) == (FILES, FILES)


def test_many_idle_connections_keep_nobody_out(emulator: Emulator) -> None:
    with ExitStack() as held:
        for _ in range(3 * FILES):
            held.enter_context(_connect(emulator))
        assert _is_healthy(emulator)
    assert _is_healthy(emulator)


def test_heads_without_an_end_keep_nobody_out(emulator: Emulator) -> None:
    with ExitStack() as held:
        for _ in range(2 * FILES):
            held.enter_context(_connect(emulator)).sendall(HEALTH[:20])
        assert _is_healthy(emulator)


def test_who_waits_for_an_answer_is_not_closed_for_others(emulator: Emulator) -> None:
    sqs = client("sqs", emulator.endpoint)
    queue = sqs.create_queue(QueueName="long-poll")["QueueUrl"]
    with ExitStack() as held, ThreadPoolExecutor(1) as pool:
        polled = pool.submit(sqs.receive_message, QueueUrl=queue, WaitTimeSeconds=20)
        for _ in range(2 * FILES):
            held.enter_context(_connect(emulator))
        assert not polled.done()
        client("sqs", emulator.endpoint).send_message(QueueUrl=queue, MessageBody="at last")
        assert polled.result()["Messages"][0]["Body"] == "at last"


def test_a_head_without_an_end_is_bounded(emulator: Emulator) -> None:
    with _connect(emulator) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        with suppress(OSError):  # it closes before all has been sent
            for number in range(2000):
                connection.sendall(b"X-%d: %s\r\n" % (number, b"x" * 1000))
        with suppress(ConnectionResetError):
            assert connection.recv(100).startswith(b"HTTP/1.1 431 ")


def _ask_as(user: int, emulator: Emulator) -> list[str]:
    command = [sys.executable, "-I", "-c", ASK_AS_SOMEBODY, str(emulator.settings.port), str(user)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd="/").stdout.splitlines()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the user of a connection")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_another_user_is_refused(emulator: Emulator) -> None:
    for line in _ask_as(NOBODY, emulator):
        assert line.startswith("403 Stockroom: this platform belongs to another")
    assert _ask_as(0, emulator)[0].startswith("200 ")


def test_dynamodb_local_answers_the_emulator_alone(emulator: Emulator) -> None:
    dynamodb = client("dynamodb", emulator.endpoint)
    make_table(dynamodb, "private")
    ports = {
        one.laddr.port
        for process in emulator.processes()
        for one in process.net_connections()
        if one.status == "LISTEN"
    }
    (port,) = ports - {emulator.settings.port}
    headers = [("X-Amz-Target", "DynamoDB_20120810.ListTables"), ("Content-Type", "application/x-amz-json-1.0")]
    headers += [("Authorization", "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/dynamodb/aws4_request")]
    for host in ("127.0.0.1", "localhost", "evil.example"):
        for path in ("/", "/shell", "/0123456789abcdef0123456789abcdef"):
            status, body, _ = ask(f"http://127.0.0.1:{port}", "POST", path, headers, host=host, body=b"{}")
            assert (status, b"private" in body) == (403, False)
    assert dynamodb.list_tables()["TableNames"] == ["private"]


@pytest.fixture(scope="module")
def peers() -> ModuleType:
    source = ROOT / "emulation" / "src" / "stockroom_emulation" / "peers.py"
    specification = importlib.util.spec_from_file_location("peers", source)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_other_systems_do_not_tell_whose_a_connection_is(peers: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert peers.peer_of(socket.AF_INET, ("127.0.0.1", 1), ("127.0.0.1", 2)) is peers.Peer.UNKNOWN


# In the emulator's Python, at a time that the test sets.
SLOW_REQUESTS = """
import time
from stockroom_localstack.doors import http_requests
from stockroom_emulation.admission import ADMITTED

now = 0.0
time.monotonic = lambda: now

def complaint(*sent):
    global now
    now = 0.0
    arriving = http_requests.Arriving(lambda *_: ADMITTED, lambda: None)
    for seconds, data in sent:
        now += seconds
        list(arriving.feed(data))
    return (arriving.complaint() or b"none").split(b"\\r\\n")[0].decode()

HEAD = b"PUT /bucket/key HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 10000000\\r\\n\\r\\n"
print("head in time:", complaint((0, HEAD[:30]), (29, HEAD[30:])))
print("slow head:", complaint((0, HEAD[:30]), (31, HEAD[30:40])))
print("dribbling body:", complaint((0, HEAD), *[(1, b"x")] * 70))
print("slow body:", complaint((0, HEAD), *[(1, b"x" * 1100)] * 600))
"""


def test_heads_and_bodies_that_dribble_are_given_up() -> None:
    assert run_program(SLOW_REQUESTS).splitlines() == [
        "head in time: none",
        "slow head: HTTP/1.1 408 Request Timeout",
        "dribbling body: HTTP/1.1 408 Request Timeout",
        "slow body: none",
    ]


# As above; the limit is two minutes, which the test makes a second.
IDLE_CONNECTION = """
import socket
from stockroom_localstack.doors import connections

connections.IDLE_SECONDS = 1
ours, theirs = socket.socketpair()
connections.limit_waiting(ours)
try:
    ours.recv(1)
except BlockingIOError:
    print("given up")
"""


def test_an_idle_connection_is_given_up() -> None:
    assert run_program(IDLE_CONNECTION) == "given up\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the user of a connection")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("way", ["_owner_by_netlink", "_owner_by_proc"])
def test_both_ways_tell_whose_a_connection_is(peers: ModuleType, way: str, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listening:
        client = socket.create_connection(listening.getsockname()[:2])
        server, name = listening.accept()
        with server:
            ask_system = partial(getattr(peers, way), family, name, server.getsockname())
            user, inode = ask_system()
            assert (user, inode) == (os.getuid(), os.fstat(client.fileno()).st_ino)
            assert peers.peer_of(family, name, server.getsockname()) is peers.Peer.SAME_USER
            # Of a socket that its process has closed the system says that it is root's.
            client.close()
            assert not (ask_system() or (0, 0))[1]
            assert peers.peer_of(family, name, server.getsockname()) is peers.Peer.OTHER_USER
