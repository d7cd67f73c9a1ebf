"""The Runtime API answers its own function and nobody else: no other process, no other function, no web page."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from .functions import Functions

VICTIM = """
    import os, socket, subprocess, sys
    def handler(event, context):
        if "send" not in event:
            return {"api": os.environ["AWS_LAMBDA_RUNTIME_API"], "saw": event}
        program = (
            "import os, socket, sys\\n"
            "host, port = os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')\\n"
            "with socket.create_connection((host, int(port)), 5) as s:\\n"
            "    s.sendall(sys.argv[1].replace('HERE', f'{host}:{port}').encode())\\n"
            "    print(s.recv(100).decode(), end='')\\n"
        )
        how = {"start_new_session": True} if event.get("daemon") else {}
        command = [sys.executable, "-c", program, event["send"]]
        return subprocess.run(command, capture_output=True, text=True, **how).stdout
"""
STRANGER = """
    import socket
    def handler(event, context):
        with socket.create_connection((event["host"], event["port"]), 5) as connection:
            connection.sendall(event["send"].encode())
            return connection.recv(100).decode()
"""
NEXT = "/2018-06-01/runtime/invocation/next"
ANSWER = "/2018-06-01/runtime/invocation/{id}/response"
REFUSED = "HTTP/1.1 403"

THEFTS = {
    "GET": f"GET {NEXT} HTTP/1.1\r\nHost: HERE\r\n\r\n",
    "GET without Host": f"GET {NEXT} HTTP/1.0\r\n\r\n",
    "a whole address": f"GET http://HERE{NEXT} HTTP/1.1\r\nHost: HERE\r\n\r\n",
    "pipelined": f"GET {NEXT} HTTP/1.1\r\nHost: HERE\r\n\r\nGET {NEXT} HTTP/1.1\r\nHost: HERE\r\n\r\n",
    "POST": f"POST {ANSWER} HTTP/1.1\r\nHost: HERE\r\nContent-Length: 4\r\n\r\nnull",
    "POST in pieces": (
        f"POST {ANSWER} HTTP/1.1\r\nHost: HERE\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnull\r\n0\r\n\r\n"
    ),
    "an error of the initialisation": (
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: HERE\r\nContent-Length: 2\r\n\r\n{}"
    ),
    "an error": f"POST {ANSWER.replace('response', 'error')} HTTP/1.1\r\nHost: HERE\r\nContent-Length: 2\r\n\r\n{{}}",
    "no HTTP": "hello\r\n\r\n",
    "one line": f"GET {NEXT}\r\n",
}


@pytest.fixture
def victim(functions: Functions) -> Iterator[tuple[str, str]]:
    """Name of a function, and the address of its Runtime API."""
    name = functions.make(VICTIM)
    address = functions.invoke(name, {}).payload["api"]
    yield name, address
    # It is the same process, and it still gets its own events.
    with ThreadPoolExecutor(1) as alone:
        for number in range(3):
            result = alone.submit(functions.invoke, name, {"number": number}).result(20)
            assert result.payload == {"api": address, "saw": {"number": number}}


@pytest.mark.parametrize("theft", THEFTS)
def test_a_process_of_this_machine_gets_nothing(victim: tuple[str, str], theft: str) -> None:
    host, port = victim[1].split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(THEFTS[theft].replace("HERE", victim[1]).encode())
        assert connection.recv(100).decode().startswith(REFUSED)


def test_another_function_gets_nothing(victim: tuple[str, str], functions: Functions) -> None:
    host, port = victim[1].split(":")
    thief = functions.make(STRANGER)
    for theft in THEFTS.values():
        event = {"host": host, "port": int(port), "send": theft.replace("HERE", victim[1])}
        assert functions.invoke(thief, event).payload.startswith(REFUSED)


def test_connections_without_a_word_hold_up_nobody(victim: tuple[str, str], functions: Functions) -> None:
    host, port = victim[1].split(":")
    held = [socket.create_connection((host, int(port)), 10) for _ in range(50)]
    assert functions.invoke(victim[0], {}).error is None
    for connection in held:
        connection.close()


@pytest.mark.parametrize(
    "header", ["Host: evil.example", "Origin: http://HERE", "Sec-Fetch-Site: same-origin", "Referer: http://HERE/"]
)
def test_a_browser_that_the_function_started_gets_nothing(
    victim: tuple[str, str], functions: Functions, header: str
) -> None:
    host = "" if header.startswith("Host") else "Host: HERE\r\n"
    request = f"GET {NEXT} HTTP/1.1\r\n{host}{header}\r\n\r\n"
    assert functions.invoke(victim[0], {"send": request}).payload.startswith(REFUSED)


@pytest.mark.parametrize("daemon", [False, True])
def test_children_of_the_function_may_ask(victim: tuple[str, str], functions: Functions, daemon: bool) -> None:
    request = "GET /2018-06-01/runtime/nothing HTTP/1.1\r\nHost: HERE\r\n\r\n"
    answer = functions.invoke(victim[0], {"send": request, "daemon": daemon}).payload
    assert answer.startswith("HTTP/1.1 404")
