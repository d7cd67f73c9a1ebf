"""What the emulator's HTTP server takes and gives on the wire, seen from raw connections."""

from __future__ import annotations

import http.client
import socket
import ssl
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

SECONDS = 30
HEALTH = b"GET /_localstack/health HTTP/1.1\r\nHost: localhost\r\n"


@contextmanager
def _connected(endpoint: str) -> Iterator[socket.socket]:
    address = urlsplit(endpoint)
    with socket.create_connection((address.hostname, address.port or 80), timeout=SECONDS) as connection:
        yield connection


def _answer(connection: socket.socket) -> tuple[int, bytes, http.client.HTTPResponse]:
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, response.read(), response


def _rest(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.fixture
def bucket(aws: Callable[[str], Any]) -> str:
    name = f"wire-{uuid.uuid4().hex[:12]}"
    aws("s3").create_bucket(Bucket=name)
    return name


def _stored(aws: Callable[[str], Any], bucket: str, key: str = "key") -> bytes:
    content: bytes = aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def test_a_connection_serves_many_requests(endpoint: str) -> None:
    with _connected(endpoint) as connection:
        for _ in range(3):
            connection.sendall(HEALTH + b"\r\n")
            assert _answer(connection)[0] == 200


def test_an_answer_tells_the_time(endpoint: str) -> None:
    with _connected(endpoint) as connection:
        connection.sendall(HEALTH + b"\r\n")
        told = _answer(connection)[2].getheader("Date", "")
    assert abs((datetime.now(UTC) - parsedate_to_datetime(told)).total_seconds()) < SECONDS


def test_requests_sent_in_one_piece_are_answered_in_order(endpoint: str) -> None:
    with _connected(endpoint) as connection:
        missing = b"GET /no-such-bucket-of-anybody HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(HEALTH + b"\r\n" + missing)
        first, second = _rest(connection).split(b"HTTP/1.1 ")[1:]
    assert [first[:3], second[:3]] == [b"200", b"404"]


@pytest.mark.parametrize(
    "request_line_and_headers",
    [HEALTH + b"Connection: close\r\n\r\n", b"GET /_localstack/health HTTP/1.0\r\nHost: localhost\r\n\r\n"],
    ids=["connection: close", "HTTP/1.0"],
)
def test_the_server_closes_when_the_client_wants_no_more(endpoint: str, request_line_and_headers: bytes) -> None:
    with _connected(endpoint) as connection:
        connection.sendall(request_line_and_headers)
        assert _rest(connection).startswith(b"HTTP/1.1 200")


def test_a_body_waits_for_the_servers_consent_when_the_client_expects_it(
    endpoint: str, aws: Callable[[str], Any], bucket: str
) -> None:
    with _connected(endpoint) as connection:
        head = f"PUT /{bucket}/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        assert _answer(connection)[0] == 200
    assert _stored(aws, bucket) == b"hello"


def test_a_body_may_come_in_chunks(endpoint: str, aws: Callable[[str], Any], bucket: str) -> None:
    with _connected(endpoint) as connection:
        head = f"PUT /{bucket}/key HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        for piece in (head.encode(), b"3\r\nhel\r\n", b"2\r\nl", b"o\r\n0\r\n\r\n"):
            connection.sendall(piece)
        assert _answer(connection)[0] == 200
    assert _stored(aws, bucket) == b"hello"


@pytest.mark.parametrize("size", [0, 1, 16 * 1024 * 1024 + 1])
def test_bodies_of_any_size_come_back_as_they_were(aws: Callable[[str], Any], bucket: str, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    aws("s3").put_object(Bucket=bucket, Key="key", Body=body[:size])
    assert _stored(aws, bucket) == body[:size]


def test_a_head_tells_the_length_and_sends_nothing(endpoint: str, aws: Callable[[str], Any], bucket: str) -> None:
    aws("s3").put_object(Bucket=bucket, Key="key", Body=b"hello")
    with _connected(endpoint) as connection:
        connection.sendall(f"HEAD /{bucket}/key HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head, _, body = _rest(connection).partition(b"\r\n\r\n")
    assert b"content-length: 5" in head.lower()
    assert body == b""


def test_a_request_to_a_proxy_names_the_whole_address(endpoint: str) -> None:
    with _connected(endpoint) as connection:
        host = urlsplit(endpoint).netloc
        head = f"GET {endpoint}/_localstack/health?reload HTTP/1.1\r\nHost: {host}\r\n\r\n"
        connection.sendall(head.encode())
        assert _answer(connection)[0] == 200


@pytest.mark.parametrize("key", ["a b/ä+%25", "../x/./y//z", "?#&=", "%"])
def test_keys_of_any_characters(aws: Callable[[str], Any], bucket: str, key: str) -> None:
    aws("s3").put_object(Bucket=bucket, Key=key, Body=b"hello", Metadata={"Some-Name": "a, b"})
    assert _stored(aws, bucket, key) == b"hello"
    assert [found["Key"] for found in aws("s3").list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert aws("s3").head_object(Bucket=bucket, Key=key)["Metadata"] == {"some-name": "a, b"}


def test_tls_on_the_same_port(endpoint: str) -> None:
    address = urlsplit(endpoint)
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE  # its certificate is its own
    with closing(
        http.client.HTTPSConnection(str(address.hostname), address.port, timeout=SECONDS, context=unchecked)
    ) as connection:
        connection.request("GET", "/_localstack/health")
        assert connection.getresponse().status == 200


def test_what_is_no_http_is_refused(endpoint: str) -> None:
    with _connected(endpoint) as connection:
        connection.sendall(b"no HTTP at all\r\n\r\n")
        assert _rest(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01nonsense", HEALTH])
def test_who_leaves_early_is_no_trouble(endpoint: str, sent: bytes) -> None:
    with _connected(endpoint) as connection:
        connection.sendall(sent)
    with _connected(endpoint) as connection:
        connection.sendall(HEALTH + b"\r\n")
        assert _answer(connection)[0] == 200
