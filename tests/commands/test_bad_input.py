import gzip
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from stockroom.system.processes import free_port
from tests.commands.stockroom_command import Commands

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
ROW = "536365,85123A,HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom"


def test_an_unknown_stack(stockroom: Commands) -> None:
    answer = stockroom("infra-up", "--stack", "data-platform")
    assert answer.error == "there is no stack 'data-platform'"
    assert "next:  stacks are: data_platform" in answer.err
    assert answer.left == []


@pytest.mark.parametrize("name", ["production", "", "../environments/prod"])
def test_an_unknown_environment(stockroom: Commands, name: str) -> None:
    for words in (["bootstrap"], ["secrets"], ["redrive", "orders"]):
        answer = stockroom(*words, f"--env={name}")
        assert answer.error == f"there is no environment '{name}'"
        assert answer.left == []


def test_no_queue_to_redrive(stockroom: Commands) -> None:
    answer = stockroom("redrive")
    assert answer.code == 1
    assert "'redrive' did not receive required positional arguments: 'queue'" in answer.err


def test_secrets_of_an_account_that_these_are_no_credentials_of(stockroom: Commands) -> None:
    answer = stockroom("secrets", "--env=prod", AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    assert answer.error == "the AWS credentials are dummy ones, made for the local platform, not for 'prod'"


@pytest.mark.parametrize("words", [["--put=a"], ["--from-file=x"], ["--generate=a", "--put=b", "--from-file=x"]])
def test_a_value_for_half_a_secret(stockroom: Commands, words: list[str]) -> None:
    answer = stockroom("secrets", *words)
    assert answer.error == "give --generate NAME, or --put NAME with --from-file FILE, or neither"


@pytest.mark.parametrize(("content", "words"), [(b"", "is empty"), (b"\xff", "is not UTF-8 text")])
def test_a_secret_that_is_no_value(stockroom: Commands, tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "value"
    file.write_bytes(content)
    assert stockroom("secrets", "--put=a", f"--from-file={file}").error == f"{file} {words}"
    assert stockroom("secrets", "--put=a", "--from-file=-").error == "standard input is empty"
    gone = stockroom("secrets", "--put=a", f"--from-file={tmp_path / 'gone'}")
    assert gone.error == f"No such file or directory: {tmp_path / 'gone'}"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("STOCKROOM_ENGINE", "moto", "input should be 'localstack', 'ministack', 'docker' or 'external'"),
        ("STOCKROOM_ENGINE", "external", "needs STOCKROOM_ENDPOINT"),
        ("STOCKROOM_PROT", "4566", "STOCKROOM_PROT in the environment is not a setting"),
        ("STOCKROOM_PORT", "http", "STOCKROOM_PORT=http in the environment: "),
        ("STOCKROOM_PORT", "80", "STOCKROOM_PORT=80 in the environment: "),
        ("STOCKROOM_RUN_DIR", ".", "name a folder that a platform can have for itself"),
        ("STOCKROOM_ENDPOINT", "https://s3.amazonaws.com", "the local environment never talks to AWS"),
    ],
)
def test_a_bad_setting(stockroom: Commands, name: str, value: str, words: str) -> None:
    answer = stockroom("infra-up", **{name: value})
    assert words in answer.error
    assert answer.out == ""
    assert answer.left == []


@pytest.mark.parametrize(
    "command", ["infra-down", "infra-status", "seed", "logs", "doctor", "env", "bootstrap", "secrets", "redrive orders"]
)
def test_a_bad_setting_stops_every_command(stockroom: Commands, command: str) -> None:
    answer = stockroom(*command.split(), STOCKROOM_PROT="4566")
    assert answer.error == "STOCKROOM_PROT in the environment is not a setting"
    assert "next:  did you mean STOCKROOM_PORT?" in answer.err
    assert answer.out == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dataset=x.csv", "--no-seed"], "--dataset and --no-seed contradict each other"),
        (["--date-order=ymd"], "--date-order ymd: not known"),
        (["--duplicates=some"], "--duplicates some: not known"),
    ],
)
def test_options_that_make_no_sense(stockroom: Commands, words: list[str], message: str) -> None:
    answer = stockroom("infra-up", *words)
    assert answer.error == message
    assert answer.left == []


@pytest.fixture
def bad_file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "sales.csv"
    match request.param:
        case "missing":
            pass
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case bytes(content):
            path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("bad_file", "words"),
    [
        ("missing", "cannot be read: No such file or directory"),
        ("directory", "cannot be read: No such file or directory"),
        (b"", "is empty"),
        (b"\r\n\r\n", "is empty"),
        (HEADER.encode(), "has a header line but no rows"),
        (b"a,b,c\r\n1,2,3\r\n", "InvoiceNo"),
        (f"{HEADER.replace('Quantity', 'Number')}\r\n{ROW}\r\n".encode(), "Quantity"),
        (b"PK\x03\x04 an Excel workbook", "is an Excel workbook or a zip file, not a CSV file"),
        (f"{HEADER}\r\n{ROW}\0\r\n".encode(), "is binary data, not a CSV file"),
        (f"{HEADER}\r\n{ROW}\r\n".encode("utf-16"), "is UTF-16 text, not a CSV file"),
        (gzip.compress(ROW.encode()), "is gzip data, not a CSV file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
        (f"sep=;\r\n{HEADER.replace(',', ';')}\r\n".encode(), "separated by ';', not by commas"),
        ("pipe", "is a pipe or a device, not a file"),
    ],
    indirect=["bad_file"],
    ids=[
        *(
            "missing",
            "directory",
            "empty",
            "blank",
            "no rows",
            "no columns",
            "a column",
            "workbook",
            "binary",
            "utf-16",
        ),
        *("gzip", "git lfs", "separator", "pipe"),
    ],
)
def test_a_dataset_that_is_none_is_refused_before_anything_starts(
    stockroom: Commands, bad_file: Path, words: str
) -> None:
    answer = stockroom("infra-up", "--dataset", bad_file)
    assert words in answer.error
    assert "sales.csv" in answer.error
    assert answer.out == "", "no step was begun"
    assert answer.left == []
    assert not stockroom.run_dir.exists()


def test_the_dataset_of_the_settings_is_refused_as_well(stockroom: Commands, tmp_path: Path) -> None:
    answer = stockroom("infra-up", STOCKROOM_SEED_DATASET=str(tmp_path / "sales.csv"))
    assert answer.error == f"{tmp_path / 'sales.csv'} cannot be read: No such file or directory"
    assert answer.left == []


# What the machine lacks


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder to be all of PATH, without Terraform."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "cat"):
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    return folder


@pytest.mark.skipif(Path(".stockroom/bin/terraform").exists(), reason="invoke setup-terraform was run in this checkout")
def test_terraform_is_missing(stockroom: Commands, bare_path: Path) -> None:
    answer = stockroom("infra-up", PATH=str(bare_path))
    assert answer.error == "no Terraform or OpenTofu found on PATH"
    assert "next:  run `invoke setup-terraform`" in answer.err
    assert answer.out == ""
    assert answer.left == []


def test_terraform_is_too_old(stockroom: Commands, tmp_path: Path) -> None:
    old = tmp_path / "terraform"
    old.write_text('#!/bin/sh\necho \'{"terraform_version": "1.5.7"}\'\n')
    old.chmod(0o755)
    answer = stockroom("infra-up", STOCKROOM_TERRAFORM=str(old))
    assert answer.error == f"{old} is version 1.5.7, and 1.10 or newer is needed"
    assert answer.left == []


def test_no_process_sees_the_credentials_of_the_shell(stockroom: Commands, tmp_path: Path) -> None:
    """The first process that infra-up starts is the one that asks Terraform for its version."""
    spy = tmp_path / "terraform"
    spy.write_text(f'#!/bin/sh\nenv > {tmp_path}/seen\necho \'{{"terraform_version": "1.5.7"}}\'\n')
    spy.chmod(0o755)
    real = {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": "token-of-the-shell",
        "AWS_PROFILE": "production",
        "AWS_REGION": "eu-west-1",
    }
    assert "is version 1.5.7" in stockroom("infra-up", STOCKROOM_TERRAFORM=str(spy), **real).error
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines() if "=" in line)
    assert not set(real.values()) & set(seen.values())
    assert (seen["AWS_ACCESS_KEY_ID"], seen["AWS_ENDPOINT_URL"]) == ("test", f"http://127.0.0.1:{stockroom.port}")


def test_a_port_in_use(stockroom: Commands) -> None:
    with socket.create_server(("127.0.0.1", stockroom.port)):
        answer = stockroom("infra-up")
        words = f"port {stockroom.port} is taken by process {os.getpid()} ("
        assert answer.error.startswith(words)
        assert "set STOCKROOM_PORT to a free port" in answer.err
        assert answer.left == []
        assert stockroom("infra-status", "--json").json()["engine"]["state"] == "stopped"
        finding = next(one for one in stockroom("doctor", "--json").json()["findings"] if one["check"] == "engine")
        assert finding["result"] == "failed"
        assert finding["detail"].startswith(words)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("mounting needs root on Linux")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_no_disk_space(stockroom: Commands, small_disk: Path) -> None:
    answer = Commands(small_disk / "run", stockroom.port)("infra-up")
    assert answer.error.startswith(f"no disk space: {small_disk}/run/engine has ")
    assert "MB are needed" in answer.error
    assert "set STOCKROOM_RUN_DIR to a folder on another disk" in answer.err


def test_a_folder_that_can_not_be_made(stockroom: Commands, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = stockroom("infra-up", STOCKROOM_RUN_DIR=str(tmp_path / "file" / "run"))
    assert str(tmp_path / "file") in answer.error


def test_nothing_answers_at_an_external_endpoint(stockroom: Commands) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    external = {"STOCKROOM_ENGINE": "external", "STOCKROOM_ENDPOINT": endpoint}
    answer = stockroom("infra-up", **external)
    assert answer.error == f"nothing answers at STOCKROOM_ENDPOINT={endpoint}"
    assert answer.left == []
    assert stockroom("logs", **external).error == "the engine `external` has no log here"


class NotForUs(BaseHTTPRequestHandler):
    """An endpoint that answers and refuses every call."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        refused = "_localstack" not in self.path
        content = b"<Error><Code>AccessDenied</Code><Message>not for\nyou</Message></Error>" if refused else b"{}"
        self.send_response(403 if refused else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_HEAD = do_PUT = do_POST = do_GET  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:
        """Not into the output of the tests."""


@pytest.mark.parametrize("command", ["infra-status", "seed", "bootstrap", "infra-up"])
def test_an_endpoint_that_refuses(stockroom: Commands, command: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), NotForUs) as httpd:
        Thread(target=httpd.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{httpd.server_port}"
        answer = stockroom(command, STOCKROOM_ENGINE="external", STOCKROOM_ENDPOINT=endpoint)
        httpd.shutdown()
    assert re.search("AccessDenied|Forbidden", answer.error)


def test_no_docker(stockroom: Commands, bare_path: Path) -> None:
    terraform = shutil.which("terraform") or shutil.which("tofu")
    docker = {"STOCKROOM_ENGINE": "docker", "PATH": str(bare_path), "STOCKROOM_TERRAFORM": terraform}
    answer = stockroom("infra-up", **docker)
    assert answer.error == "the engine `docker` needs Docker, and there is no docker command"
    assert answer.left == []
