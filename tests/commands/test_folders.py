"""`invoke up`, `plan` and `down` of a folder that can't be run: told before anything is started."""

from pathlib import Path

import pytest

from tests.commands.stockroom_command import ROOT, Commands

GOOGLE = 'resource "google_pubsub_topic" "x" {\n  name = "x"\n}\n'


@pytest.mark.parametrize("command", ["up", "plan"])
@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no Terraform files"),
        ({"below/main.tf": ""}, "holds no Terraform files"),
        ({"main.tf": "resource {"}, "main.tf is not valid HCL (line 1)"),
        ({"main.tf.json": "{"}, "main.tf.json is not valid JSON"),
        ({"main.tf": GOOGLE}, "is of the provider hashicorp/google"),
        ({"main.tf": 'module "x" {\n source = "./x"\n}', "x/main.tf": GOOGLE}, "x/main.tf: resource"),
        ({"main.tf": 'module "x" {\n source = "../x"\n}'}, "there is no folder ../x"),
        ({"main.tf": 'data "aws_ip_ranges" "x" {\n services = ["s3"]\n}'}, "would be read from AWS itself"),
        ({"main.tofu": ""}, "main.tofu"),
    ],
)
def test_a_folder_that_can_not_run(
    stockroom: Commands, tmp_path: Path, command: str, files: dict[str, str], message: str
) -> None:
    folder = tmp_path / "späße & co"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    assert message in stockroom(command, folder).error


@pytest.mark.parametrize("command", ["up", "plan", "down"])
def test_what_is_no_folder(stockroom: Commands, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").write_text("")
    assert "is no folder" in stockroom(command, tmp_path / "file").error
    assert "is a stack of this project" in stockroom(command, ROOT / "terraform/stacks/data_platform").error
    if command != "down":
        assert "there is no folder" in stockroom(command, tmp_path / "nowhere").error


def test_a_variable_needs_a_value(stockroom: Commands, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text("")
    assert "--var name: no value is assigned" in stockroom("up", tmp_path, "--var", "name").error
    assert "there is no such file" in stockroom("up", tmp_path, "--var-file", "nowhere.tfvars").error


def test_nothing_is_there_of_what_was_never_brought_up(stockroom: Commands, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text("")
    answer = stockroom("down", tmp_path)
    assert answer.code == 0
    assert "nothing is there of" in answer.out


def test_plan_still_takes_an_environment(stockroom: Commands) -> None:
    assert "there is no environment 'nowhere'" in stockroom("plan", "--env", "nowhere").error
