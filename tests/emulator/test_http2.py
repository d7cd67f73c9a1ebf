"""HTTP/2, which is all that some clients of Kinesis speak: on the emulator's one port, with TLS and without."""

from __future__ import annotations

import json
import socket
import ssl
import uuid
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)

from .test_kinesis_consumers import Stream

SECONDS = 30
HEALTH = "/_localstack/health"
ACCESS = "AWS4-HMAC-SHA256 Credential=test/20261201/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


class Client:
    """A connection of HTTP/2. What comes is kept until it is asked for."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        self._socket, self._host = connection, host
        self.h2 = H2Connection()
        self.statuses: dict[int, int] = {}
        self.headers: dict[int, dict[str, str]] = {}
        self.informed: dict[int, int] = {}
        self.bodies: defaultdict[int, bytearray] = defaultdict(bytearray)
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}
        self.terminated: ConnectionTerminated | None = None
        self.closed = False
        self.reads = True
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        with suppress(ConnectionError):  # what it sent before it closed the connection is still to be read
            self._socket.sendall(self.h2.data_to_send())

    def send(
        self, method: str, path: str, *, body: bytes | None = None, host: str | None = None, **headers: str
    ) -> int:
        """Number of the stream on which the request was sent; without its body where that is None."""
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "http"), (":path", path), (":authority", host or self._host)]
        lines = [*pseudo, *((name.replace("_", "-"), value) for name, value in headers.items())]
        self.h2.send_headers(stream, lines, end_stream=body == b"")
        self.flush()
        if body:
            self.send_body(stream, body)
        return stream

    def send_body(self, stream: int, whole: bytes) -> None:
        body = memoryview(whole)
        while body:
            while not (room := min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)):
                self.receive()
            self.h2.send_data(stream, bytes(body[:room]), end_stream=room >= len(body))
            self.flush()
            body = body[room:]

    def receive(self) -> None:
        """What comes next."""
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.closed = not data
        for event in self.h2.receive_data(data) if data else []:
            self._note(event)
        if data:
            self.flush()

    def receive_until(self, is_met: Callable[[], Any]) -> None:
        while not is_met():
            assert not self.closed
            self.receive()

    def _note(self, event: Event) -> None:
        match event:
            case InformationalResponseReceived():
                self.informed[event.stream_id] = int(dict(event.headers)[b":status"])
            case ResponseReceived():
                named = {name.decode(): value.decode() for name, value in event.headers}
                self.statuses[event.stream_id] = int(named.pop(":status"))
                self.headers[event.stream_id] = named
            case DataReceived():
                self.bodies[event.stream_id] += event.data
                if self.reads and event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case StreamEnded():
                self.ended.add(event.stream_id)
            case StreamReset():
                self.resets[event.stream_id] = event.error_code
            case ConnectionTerminated():
                self.terminated = event

    def answer(self, stream: int) -> tuple[int, bytes]:
        """Status and body."""
        self.receive_until(lambda: stream in self.ended or stream in self.resets)
        return self.statuses[stream], bytes(self.bodies[stream])

    def kinesis(self, operation: str, **request: Any) -> int:
        return self.send(
            "POST",
            "/",
            body=json.dumps(request).encode(),
            content_type="application/x-amz-json-1.1",
            x_amz_target=f"Kinesis_20131202.{operation}",
            authorization=ACCESS.format("kinesis"),
        )


@contextmanager
def connected(endpoint: str, tls: bool = False) -> Iterator[Client]:
    address = urlsplit(endpoint)
    with socket.create_connection((address.hostname, address.port or 80), timeout=SECONDS) as plain:
        connection: socket.socket = plain
        if tls:
            unchecked = ssl.create_default_context()
            unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE  # its certificate is its own
            unchecked.set_alpn_protocols(["h2"])
            secured = unchecked.wrap_socket(plain)
            assert secured.selected_alpn_protocol() == "h2"
            connection = secured
        with connection:
            yield Client(connection, address.netloc)


@pytest.fixture
def http2(endpoint: str) -> Iterator[Client]:
    with connected(endpoint) as made:
        yield made


@pytest.fixture
def bucket(aws: Callable[[str], Any]) -> str:
    name = f"http2-{uuid.uuid4().hex[:12]}"
    aws("s3").create_bucket(Bucket=name)
    return name


def _put(http2: Client, bucket: str, key: str, body: bytes | None, **headers: str) -> int:
    return http2.send("PUT", f"/{bucket}/{key}", body=body, authorization=ACCESS.format("s3"), **headers)


@pytest.mark.parametrize("tls", [False, True])
def test_kinesis_answers(endpoint: str, tls: bool) -> None:
    with connected(endpoint, tls) as http2:
        status, body = http2.answer(http2.kinesis("ListStreams"))
        assert status == 200
        assert "StreamNames" in json.loads(body)
        assert http2.answer(http2.send("GET", HEALTH, body=b""))[0] == 200  # the connection goes on


def test_the_preface_may_come_in_pieces(endpoint: str) -> None:
    address = urlsplit(endpoint)
    with socket.create_connection((address.hostname, address.port or 80), timeout=SECONDS) as connection:
        for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0":
            connection.sendall(bytes([byte]))
        assert connection.recv(9)[3] == 4  # SETTINGS


def test_an_answer_of_http2_has_no_headers_of_http1(http2: Client) -> None:
    stream = http2.send("GET", HEALTH, body=b"")
    http2.answer(stream)
    assert not {"connection", "transfer-encoding"} & http2.headers[stream].keys()
    assert "date" in http2.headers[stream]


def test_authority_is_the_host(http2: Client, aws: Callable[[str], Any], bucket: str) -> None:
    aws("s3").put_object(Bucket=bucket, Key="key", Body=b"hello")
    host = f"{bucket}.s3.localhost.localstack.cloud"
    stream = http2.send("GET", "/key", body=b"", host=host, authorization=ACCESS.format("s3"))
    assert http2.answer(stream) == (200, b"hello")


@pytest.mark.parametrize("size", [0, 1, 3 * 1024 * 1024, 17 * 1024 * 1024])
def test_bodies_of_any_size_come_back_as_they_were(http2: Client, bucket: str, size: int) -> None:
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    assert http2.answer(_put(http2, bucket, "key", body))[0] == 200
    stream = http2.send("GET", f"/{bucket}/key", body=b"", authorization=ACCESS.format("s3"))
    status, read = http2.answer(stream)
    assert (status, read == body) == (200, True)


def test_a_head_tells_the_length_and_sends_nothing(http2: Client, bucket: str) -> None:
    http2.answer(_put(http2, bucket, "key", b"hello"))
    stream = http2.send("HEAD", f"/{bucket}/key", body=b"", authorization=ACCESS.format("s3"))
    assert http2.answer(stream) == (200, b"")
    assert http2.headers[stream]["content-length"] == "5"


def test_a_body_waits_for_the_servers_consent_when_the_client_expects_it(http2: Client, bucket: str) -> None:
    stream = _put(http2, bucket, "key", None, expect="100-continue")
    http2.receive_until(lambda: stream in http2.informed)
    assert http2.informed[stream] == 100
    http2.send_body(stream, b"hello")
    assert http2.answer(stream)[0] == 200


@pytest.mark.parametrize("tls", [False, True])
def test_many_requests_at_once_on_one_connection(endpoint: str, bucket: str, tls: bool) -> None:
    with connected(endpoint, tls) as http2:
        bodies = {f"key-{number}": f"{number}".encode() * 20_000 for number in range(60)}
        puts = [_put(http2, bucket, key, body) for key, body in bodies.items()]
        assert {http2.answer(stream)[0] for stream in puts} == {200}
        gets = {
            key: http2.send("GET", f"/{bucket}/{key}", body=b"", authorization=ACCESS.format("s3")) for key in bodies
        }
        assert {key: http2.answer(stream)[1] for key, stream in gets.items()} == bodies


def test_a_client_that_does_not_read_one_answer_gets_the_others(http2: Client, bucket: str) -> None:
    http2.answer(_put(http2, bucket, "large", b"x" * 1_000_000))
    http2.reads = False
    stream = http2.send("GET", f"/{bucket}/large", body=b"", authorization=ACCESS.format("s3"))
    while len(http2.bodies[stream]) < 65_535:  # all that it is allowed to send
        http2.receive()
    assert http2.answer(http2.send("HEAD", HEALTH, body=b""))[0] == 200
    assert len(http2.bodies[stream]) == 65_535
    http2.h2.increment_flow_control_window(2_000_000)
    http2.h2.increment_flow_control_window(2_000_000, stream)
    http2.flush()
    assert http2.answer(stream) == (200, b"x" * 1_000_000)


def test_a_request_that_is_given_up_leaves_the_others_alone(http2: Client, bucket: str) -> None:
    half = _put(http2, bucket, "half", None)
    http2.h2.send_data(half, b"never whole")
    whole = _put(http2, bucket, "whole", b"whole")
    http2.h2.reset_stream(half, ErrorCodes.CANCEL)
    http2.flush()
    assert http2.answer(whole)[0] == 200
    stream = http2.send("GET", f"/{bucket}/half", body=b"", authorization=ACCESS.format("s3"))
    assert http2.answer(stream)[0] == 404


def test_a_stream_that_is_reset_again_and_again_exhausts_nothing(endpoint: str, http2: Client) -> None:
    for _ in range(3_000):
        stream = http2.kinesis("ListStreams")
        http2.h2.reset_stream(stream, ErrorCodes.CANCEL)
        http2.flush()
    with connected(endpoint) as other:
        assert other.answer(other.send("GET", HEALTH, body=b""))[0] == 200


def test_more_requests_at_once_than_it_admits_end_the_connection(http2: Client) -> None:
    http2.receive_until(lambda: http2.h2.remote_settings.max_concurrent_streams == 100)
    http2.h2.remote_settings.max_concurrent_streams = 1000  # the client does not care
    http2.h2.remote_settings.acknowledge()
    for _ in range(110):
        http2.send("PUT", "/bucket/key", body=None)
    http2.receive_until(lambda: http2.terminated)


def test_headers_without_end_end_the_connection(endpoint: str, http2: Client) -> None:
    http2.send("GET", HEALTH, body=b"", **{f"name_{number}": "x" * 4_000 for number in range(40)})
    http2.receive_until(lambda: http2.terminated)
    assert http2.terminated
    assert http2.terminated.error_code == ErrorCodes.ENHANCE_YOUR_CALM
    with connected(endpoint) as other:
        assert other.answer(other.send("GET", HEALTH, body=b""))[0] == 200


@pytest.mark.parametrize("tls", [False, True])
def test_a_subscription_sends_records_while_other_requests_are_answered(
    endpoint: str, aws: Callable[[str], Any], unique: str, tls: bool
) -> None:
    made = Stream(aws("kinesis"), unique, 1)
    [shard], consumer = made.shards(), made.consumer("a")
    with connected(endpoint, tls) as http2:
        latest = {"Type": "LATEST"}
        events = http2.kinesis("SubscribeToShard", ConsumerARN=consumer, ShardId=shard, StartingPosition=latest)
        http2.receive_until(lambda: b"initial-response" in http2.bodies[events])
        data = b64encode(b"a record").decode()
        for _ in range(2):
            sent = http2.bodies[events].count(data.encode())
            put = http2.kinesis("PutRecord", StreamName=unique, PartitionKey="1", Data=data)
            assert http2.answer(put)[0] == 200
            while http2.bodies[events].count(data.encode()) == sent:
                http2.receive()
        assert http2.answer(http2.kinesis("DeregisterStreamConsumer", ConsumerARN=consumer))[0] == 200
        assert http2.answer(events)[0] == 200
    made.kinesis.delete_stream(StreamName=unique)


@pytest.mark.parametrize(
    "sent",
    [b"", b"\0\0\0\4\0\0\0\0\0", b"nonsense that is no frame", b"\0\0\4\x08\0\0\0\0\0\0\0\0\0"],
    ids=["nothing", "settings", "nonsense", "an increment of zero"],
)
def test_who_breaks_off_is_no_trouble(endpoint: str, sent: bytes) -> None:
    address = urlsplit(endpoint)
    with socket.create_connection((address.hostname, address.port or 80), timeout=SECONDS) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + sent)
    with connected(endpoint) as other:
        assert other.answer(other.send("GET", HEALTH, body=b""))[0] == 200


def test_a_connection_that_is_said_to_end_is_closed(http2: Client) -> None:
    assert http2.answer(http2.send("GET", HEALTH, body=b""))[0] == 200
    http2.h2.close_connection()
    http2.flush()
    http2.receive_until(lambda: http2.closed)
