"""`invoke up DIR` on Terraform folders that were not made for Stockroom: they come up, plan empty, and go down."""

from __future__ import annotations

import io
import json
import shutil
import socketserver
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockroom.system.processes import free_port

from .own_platform import OwnPlatform, own_platform, wait_until
from .test_isolation import REAL_LOOKING

FOLDERS = Path(__file__).parent / "folders"

GREETER = """
import os, sys
def handler(event, context):
    return {"endpoint": os.environ["ENDPOINT"], "greeting": os.environ["GREETING"], "python": sys.version_info[:2]}
"""


class Recorder(socketserver.ThreadingTCPServer):
    """A proxy that lets nobody through and keeps what it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Asked(socketserver.StreamRequestHandler):
    server: Recorder

    def handle(self) -> None:
        self.server.asked.append(self.rfile.readline().decode(errors="replace"))


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPlatform]:
    """One for all of these, in a shell that is signed in to a real account; nothing of it may ask for AWS."""
    top = tmp_path_factory.mktemp("folders")
    (top / "empty").mkdir()
    (top / "empty/main.tf").write_text('resource "terraform_data" "nothing" {}')
    with Recorder() as recorder, own_platform(top / "run", free_port(), {**REAL_LOOKING}) as platform:
        threading.Thread(target=recorder.serve_forever, daemon=True).start()
        platform.run("up", str(top / "empty"))  # starts the engine, which may have to be installed first
        platform.shell |= dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), recorder.url)
        yield platform
        recorder.shutdown()
        assert not [asked for asked in recorder.asked if "amazon" in asked or "aws.dev" in asked], recorder.asked


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    shutil.copytree(FOLDERS, tmp_path / "folders")
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("greeter.py", GREETER)
    (tmp_path / "folders/single/greeter.zip").write_bytes(package.getvalue())
    return tmp_path / "folders"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def working_copy(platform: OwnPlatform, name: str) -> Path:
    [home] = (platform.run_dir / "folders").glob(f"{name}-*")
    return home / "tree"


def test_a_single_file_with_the_endpoints_of_an_emulator(platform: OwnPlatform, folders: Path) -> None:
    folder, before = str(folders / "single"), contents(folders)
    output = platform.run("up", folder, "--var", "greeting=good day")
    assert "asks for python3.9, and runs on python3.1" in output
    assert "http://s3.localhost.localstack.cloud:4566" in output
    assert "function = single-file-greeter" in output
    answer = platform.client("lambda", "eu-west-1").invoke(FunctionName="single-file-greeter")
    told = json.loads(answer["Payload"].read())
    assert (told["endpoint"], told["greeting"]) == (platform.endpoint, "good day")

    assert "No changes." in platform.run("plan", folder)
    assert "nothing has changed" in platform.run("up", folder)
    (folders / "single/main.tf").write_text(
        (folders / "single/main.tf").read_text().replace('"single-file-inbox"', '"single-file-other"')
    )
    assert "1 to add, 0 to change, 1 to destroy" in platform.run("plan", folder)
    shutil.copy(FOLDERS / "single/main.tf", folder)

    assert "is down: 4 destroyed" in platform.run("down", folder)
    assert "nothing is there" in platform.run("down", folder)
    assert contents(folders) == before


def test_modules_beside_the_folder_and_workspaces(platform: OwnPlatform, folders: Path) -> None:
    folder, before = str(folders / "layered/live/shop"), contents(folders)
    output = platform.run("up", folder, "--workspace", "dev")
    assert "archive_region = eu-central-1" in output
    platform.run("up", folder)
    topics = [topic["TopicArn"] for topic in platform.client("sns", "us-west-2").list_topics()["Topics"]]
    names = {topic.rpartition(":")[2] for topic in topics}
    assert names == {f"layered-{space}-{store}-sales" for space in ("dev", "default") for store in ("north", "south")}

    assert "No changes." in platform.run("plan", folder, "--workspace", "dev")
    platform.run("down", folder, "--workspace", "dev")
    topics = [topic["TopicArn"] for topic in platform.client("sns", "us-west-2").list_topics()["Topics"]]
    assert all(":layered-default-" in topic for topic in topics)
    assert "No changes." in platform.run("plan", folder)
    assert "nothing is there" in platform.run("down", folder, "--workspace", "dev")
    # What was brought up goes down also when the folder has gone.
    shutil.rmtree(folders / "layered")
    platform.run("down", folder)
    assert contents(folders) == {name: text for name, text in before.items() if not name.startswith("layered")}
    assert not platform.client("sns", "us-west-2").list_topics()["Topics"]


def test_an_s3_backend_a_profile_a_role_and_a_pinned_provider(platform: OwnPlatform, folders: Path) -> None:
    folder, before = str(folders / "pinned"), contents(folders)
    output = platform.run("up", folder)
    for part in ("acme-production-terraform-state", "profile", "assume_role", "allowed_account_ids", "amazonaws.com"):
        assert part in output, part
    assert "account = 000000000000" in output
    [seen] = working_copy(platform, "pinned").glob("**/seen.txt")
    variables = dict(line.split("=", 1) for line in seen.read_text().splitlines())
    assert variables["AWS_ENDPOINT_URL"] == platform.endpoint
    assert not set(variables.values()) & set(REAL_LOOKING.values())

    # Another folder reads its state by the name that it has elsewhere.
    reader = folders / "reader"
    reader.mkdir()
    config = 'bucket = "acme-production-terraform-state"\n    key = "platform/network.tfstate"\n    region = "x"'
    (reader / "main.tf").write_text(
        f'data "terraform_remote_state" "network" {{\n  backend = "s3"\n  config = {{\n    {config}\n  }}\n}}\n'
        'output "read" {\n  value = data.terraform_remote_state.network.outputs.account\n}\n'
    )
    assert "read = 000000000000" in platform.run("up", str(reader))
    shutil.rmtree(reader)

    assert "No changes." in platform.run("plan", folder)
    platform.run("down", folder)
    assert contents(folders) == before


def test_after_a_kill_the_same_command_goes_on(platform: OwnPlatform, folders: Path) -> None:
    folder = str(folders / "layered/live/shop")
    command = platform.start("up", folder)
    logs = platform.run_dir / "folders"
    wait_until(lambda: any('"apply_start"' in log.read_text() for log in logs.glob("shop-*/terraform.log")))
    command.process.kill()
    command.finish()
    assert "is up" in platform.run("up", folder)
    assert "No changes." in platform.run("plan", folder)
    platform.run("down", folder)


UNKNOWN_VERSION = """
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "1.2.3"
    }
  }
}
resource "aws_sns_topic" "x" {}
"""
STATE_OF_NOBODY = """
data "terraform_remote_state" "x" {
  backend = "s3"
  config = {
    bucket = "b"
    key    = "k"
  }
}
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('resource "aws_sns_topic" "x" {\n  name = \n}', "is not valid HCL (line 2)"),
        ('terraform {\n  required_version = "< 1.0"\n}', "its required_version excludes"),
        ('variable "name" {}\n', 'the variable "name" has no value'),
        (UNKNOWN_VERSION, "the provider hashicorp/aws can't be had as it is asked for"),
        ('resource "google_pubsub_topic" "x" {\n  name = "x"\n}', "of the provider hashicorp/google"),
        (STATE_OF_NOBODY, "reads s3://b/k, and no folder on this platform has that as its backend"),
        ('module "x" {\n  source = "./nowhere"\n}', 'module "x": there is no folder ./nowhere'),
    ],
)
def test_what_can_not_run_is_one_clear_line(platform: OwnPlatform, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "main.tf").write_text(text)
    command = platform.start("up", str(tmp_path))
    assert command.finish() == 1
    [line] = [line for line in command.output.splitlines() if line.startswith("error: ")]
    assert message in line
    assert "Traceback" not in command.output
