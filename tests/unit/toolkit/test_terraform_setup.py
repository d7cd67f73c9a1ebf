import hashlib
import io
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from stockroom.errors import StockroomError
from stockroom.system.processes import free_port
from stockroom.terraform import download as terraform_setup
from stockroom.terraform.download import SHA256, VERSION, setup_terraform
from stockroom.terraform.provider_sources import target_platform

PROGRAM = b"#!/bin/sh\necho Terraform\n"
NAME = f"/{VERSION}/terraform_{VERSION}_{target_platform()}.zip"


def _zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("LICENSE.txt", "words")
        archive.writestr("terraform", PROGRAM)
    return content.getvalue()


ARCHIVE = _zip()
CHECKSUMS = {target_platform(): hashlib.sha256(ARCHIVE).hexdigest()}


class Releases(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        tree, _, name = self.path.removeprefix("/").partition("/")
        if tree == "missing" or f"/{name}" != NAME:
            self.send_error(404)
            return
        content = b"<html>please sign in</html>" if tree == "changed" else ARCHIVE
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) + (100 if tree == "broken" else 0)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Not into the output of the tests."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Releases) as httpd:
        Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def test_the_pinned_terraform_is_installed_and_runs(server: str, tmp_path: Path) -> None:
    said: list[str] = []
    target = setup_terraform(said.append, f"{server}/good", CHECKSUMS, tmp_path / "deep" / "bin" / "terraform")
    assert target.read_bytes() == PROGRAM
    assert target.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in target.parent.iterdir()] == ["terraform"]
    assert said == [f"downloading {server}/good{NAME}", f"Terraform {VERSION} is at {target}"]
    setup_terraform(said.append, f"{server}/good", CHECKSUMS, target)


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ("changed", "was expected; nothing was installed"),
        ("missing", "can not be downloaded: HTTP Error 404"),
        ("broken", "can not be downloaded: IncompleteRead"),
    ],
)
def test_what_is_not_the_pinned_one_is_not_installed(server: str, tmp_path: Path, tree: str, words: str) -> None:
    target = tmp_path / "bin" / "terraform"
    with pytest.raises(StockroomError, match=words) as error:
        setup_terraform(lambda _: None, f"{server}/{tree}", CHECKSUMS, target)
    assert f"{server}/{tree}{NAME}" in error.value.message
    assert not target.parent.exists()


def test_an_installed_one_stays_when_the_new_one_is_wrong(server: str, tmp_path: Path) -> None:
    target = tmp_path / "terraform"
    target.write_bytes(b"before")
    with pytest.raises(StockroomError):
        setup_terraform(lambda _: None, f"{server}/good", {target_platform(): "0" * 64}, target)
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


def test_no_server(tmp_path: Path) -> None:
    with pytest.raises(StockroomError, match=r"can not be downloaded: .*refused"):
        setup_terraform(lambda _: None, f"http://127.0.0.1:{free_port()}", CHECKSUMS, tmp_path / "terraform")


def test_a_machine_without_a_pinned_terraform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(terraform_setup, "target_platform", lambda: "plan9_mips")
    with pytest.raises(StockroomError, match="there is no pinned Terraform for plan9_mips"):
        setup_terraform(lambda _: None, target=tmp_path / "terraform")


def test_every_checksum_is_one() -> None:
    assert all(len(value) == 64 and not set(value) - set("0123456789abcdef") for value in SHA256.values())
    assert len(set(SHA256.values())) == len(SHA256)
