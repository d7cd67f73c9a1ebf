"""What stands in for something that can't be had in a test: AWS itself, and a network that fails."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

_NAMES = "DNS:*.amazonaws.com,DNS:*.us-east-1.amazonaws.com,DNS:*.s3.us-east-1.amazonaws.com,DNS:*.s3.amazonaws.com"


@dataclass(frozen=True)
class Aws:
    """How AWS answers. `identity` and `role` are the codes of errors; "" lets the call succeed."""

    account: str = "111111111111"
    identity: str = ""
    role: str = ""
    s3_status: int = 404
    ahead_seconds: int = 0


@contextlib.contextmanager
def fake_aws(aws: Aws, folder: Path) -> Iterator[dict[str, str]]:
    """A proxy on the loopback that answers for every host of AWS itself; yields the variables of a shell that uses it.

    So the credentials of a shell are tried as they are against a real account, and nothing leaves the machine.
    """
    certificate = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    handler = type("Handler", (_Handler,), {"aws": aws, "context": context})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield {
                "HTTPS_PROXY": f"http://127.0.0.1:{server.server_port}",
                "AWS_CA_BUNDLE": str(certificate),
                "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
                "AWS_SECRET_ACCESS_KEY": "of-nobody",
                "NO_PROXY": "",
            }
        finally:
            server.shutdown()


def _certificate(folder: Path) -> Path:
    """A certificate for the hosts of AWS, which only those believe who are told to."""
    path = folder / "aws.pem"
    if not path.exists():
        words = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=amazonaws.com"]
        words += ["-addext", f"subjectAltName={_NAMES}", "-keyout", str(path.with_suffix(".key")), "-out", str(path)]
        subprocess.run(["openssl", "req", *words], check=True, capture_output=True)
    return path


class _Handler(BaseHTTPRequestHandler):
    aws: Aws
    context: ssl.SSLContext
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *words: object) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate((timestamp or time.time()) + self.aws.ahead_seconds, usegmt=True)

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        action = parse_qs(body)["Action"][0]
        error = self.aws.role if action == "AssumeRole" else self.aws.identity
        if error:
            words = f"<Error><Type>Sender</Type><Code>{error}</Code><Message>of the stand-in</Message></Error>"
            self._answer(403, f"<ErrorResponse>{words}<RequestId>1</RequestId></ErrorResponse>")
            return
        account = self.aws.account
        result = f"<Arn>arn:aws:iam::{account}:user/x</Arn><UserId>X</UserId><Account>{account}</Account>"
        self._answer(200, f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>")

    def do_HEAD(self) -> None:
        self._answer(self.aws.s3_status, "")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


class Wire:
    """A port that leads to another one of this machine until it is cut, and again when it is mended."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._connections: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._listen()

    def cut(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near, socket.create_connection(("127.0.0.1", self._target)) as far:
            self._connections |= {near, far}
            other = {near: far, far: near}
            while True:
                for one in select.select([near, far], [], [])[0]:
                    content = one.recv(65536)
                    if not content:
                        return
                    other[one].sendall(content)
