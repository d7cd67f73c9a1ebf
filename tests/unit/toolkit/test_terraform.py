import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stockroom.environments import LOCAL, read_environment
from stockroom.errors import StockroomError
from stockroom.releases.code import work_tree
from stockroom.settings import Settings
from stockroom.terraform import binary, local_directory
from stockroom.terraform.apply_progress import ApplyProgress, ApplyResult
from stockroom.terraform.binary import Binary, find_binary, parse_version
from stockroom.terraform.local_directory import Stack
from stockroom.terraform.process import ResourceExistsError, _failure
from stockroom.terraform.provider_sources import (
    PROVIDER,
    find_mirror,
    named_types,
    target_platform,
    user_cli_config,
    write_cli_config,
)

Lines = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("text", "version"),
    [("1.11.4", (1, 11, 4)), ("1.10.0-rc1", (1, 10, 0)), ("1.9.8", (1, 9, 8)), ("2.0.0", (2, 0, 0)), ("", ())],
)
def test_versions_compare_as_numbers(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


def _fake(path: Path, version: str | None) -> Path:
    """A program that answers `version -json` as Terraform does, or with nonsense."""
    answer = json.dumps({"terraform_version": version}) if version else "Usage: terraform"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any Terraform; the folder on its PATH."""
    monkeypatch.setattr(binary, "HOME", tmp_path / "home")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "cat").symlink_to("/bin/cat")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_no_terraform_at_all(alone: Path, settings: Settings) -> None:
    with pytest.raises(StockroomError, match="no Terraform or OpenTofu found on PATH") as error:
        find_binary(settings)
    assert error.value.hint is not None
    assert "invoke setup-terraform" in error.value.hint


def test_terraform_is_found_on_path_and_before_opentofu(alone: Path, settings: Settings) -> None:
    tofu = _fake(alone / "tofu", "1.10.3")
    assert find_binary(settings) == Binary(tofu, "1.10.3")
    one = _fake(alone / "terraform", "1.12.0")
    assert find_binary(settings).path == one


def test_the_one_that_setup_terraform_installed_comes_first(alone: Path, settings: Settings, tmp_path: Path) -> None:
    _fake(alone / "terraform", "1.9.0")
    ours = _fake(tmp_path / "home" / "bin" / "terraform", "1.11.4")
    assert find_binary(settings).path == ours


def test_the_one_of_the_settings_comes_before_all(alone: Path, tmp_path: Path) -> None:
    _fake(tmp_path / "home" / "bin" / "terraform", "1.11.4")
    chosen = _fake(tmp_path / "tofu", "1.10.0")
    assert find_binary(Settings(terraform=chosen)).path == chosen


def test_one_that_the_settings_name_and_that_is_not_there(alone: Path, tmp_path: Path) -> None:
    _fake(alone / "terraform", "1.11.4")
    with pytest.raises(StockroomError, match="found at STOCKROOM_TERRAFORM=/nowhere/terraform"):
        find_binary(Settings(terraform=Path("/nowhere/terraform")))


@pytest.mark.parametrize("version", ["1.9.8", "0.15.5"])
def test_too_old(alone: Path, settings: Settings, version: str) -> None:
    path = _fake(alone / "terraform", version)
    with pytest.raises(StockroomError) as error:
        find_binary(settings)
    assert error.value.message == f"{path} is version {version}, and 1.10 or newer is needed"


def test_something_else_by_that_name(alone: Path, settings: Settings, tmp_path: Path) -> None:
    _fake(alone / "terraform", None)
    with pytest.raises(StockroomError, match="does not answer `version -json`"):
        find_binary(settings)
    plain = tmp_path / "terraform"
    plain.write_text("no program")
    with pytest.raises(StockroomError, match="does not answer `version -json`"):
        find_binary(Settings(terraform=plain))


def _mirror(folder: Path, packed: bool, version: str = PROVIDER[2]) -> Path:
    tree = folder / "registry.terraform.io" / "hashicorp" / "aws"
    if packed:
        tree.mkdir(parents=True)
        (tree / f"terraform-provider-aws_{version}_{target_platform()}.zip").touch()
    else:
        (tree / version / target_platform()).mkdir(parents=True)
    return folder


@pytest.mark.parametrize("packed", [True, False])
def test_a_provider_tree_of_add_on_software_is_found(tmp_path: Path, settings: Settings, packed: bool) -> None:
    (tmp_path / "aaa").mkdir()
    _mirror(tmp_path / "deep" / "down", packed)
    _mirror(tmp_path / "old", packed, "5.0.0")
    (tmp_path / "a-file").touch()
    assert find_mirror(settings, tmp_path) is None
    mirror = _mirror(tmp_path / "tf-plugins", packed)
    assert find_mirror(settings, tmp_path) == mirror
    assert find_mirror(settings, tmp_path / "nothing") is None


def test_the_mirror_of_the_settings_must_hold_the_provider(tmp_path: Path) -> None:
    mirror = _mirror(tmp_path / "mirror", packed=True)
    assert find_mirror(Settings(provider_mirror=mirror), tmp_path / "nothing") == mirror
    with pytest.raises(StockroomError, match=r"does not hold hashicorp/aws/5\.100\.0"):
        find_mirror(Settings(provider_mirror=tmp_path))


def test_the_users_cli_configuration_is_found(tmp_path: Path) -> None:
    assert user_cli_config({"HOME": str(tmp_path)}) is None
    in_home = tmp_path / ".terraformrc"
    in_home.touch()
    assert user_cli_config({"HOME": str(tmp_path)}) == in_home
    named = tmp_path / "named.tfrc"
    assert user_cli_config({"HOME": str(tmp_path), "TF_CLI_CONFIG_FILE": str(named)}) is None
    named.touch()
    assert user_cli_config({"HOME": str(tmp_path), "TF_CLI_CONFIG_FILE": str(named)}) == named


def test_a_users_provider_source_is_respected(tmp_path: Path) -> None:
    settings = Settings(run_dir=tmp_path / "run", provider_mirror=_mirror(tmp_path / "mirror", packed=False))
    users = tmp_path / ".terraformrc"
    users.write_text('provider_installation {\n  network_mirror { url = "https://mirror.example/" }\n}\n')
    assert write_cli_config(settings, {"HOME": str(tmp_path)}) == users
    assert not settings.run_dir.exists()


def test_terraform_can_read_the_configuration_that_names_the_mirror(tmp_path: Path) -> None:
    mirror = _mirror(tmp_path / 'a "quoted" mirror', packed=False)
    settings = Settings(run_dir=tmp_path / "run", provider_mirror=mirror)
    written = write_cli_config(settings, {"HOME": str(tmp_path)})
    assert written is not None
    (tmp_path / "main.tf").write_text(
        'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws", version = "5.100.0" }\n  }\n}\n'
    )
    done = subprocess.run(
        [find_binary(Settings()).path, "init", "-no-color"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin", "HOME": str(tmp_path), "TF_CLI_CONFIG_FILE": str(written), "CHECKPOINT_DISABLE": "1"},
    )  # fmt: skip
    # The folder holds no program, so it ends there; what counts is that it looked there and nowhere else.
    assert "CLI configuration" not in done.stdout + done.stderr
    assert "registry.terraform.io" not in done.stderr.replace("registry.terraform.io/hashicorp/aws", "")
    assert "aws" in done.stderr


MODULE = """
variable "version_of_it" { default = 1 }
variable "fail" { default = "" }
resource "terraform_data" "many" {
  for_each         = toset(["x", "y"])
  input            = each.key
  triggers_replace = [var.version_of_it]
}
resource "terraform_data" "bad" {
  count = var.fail == "" ? 0 : 1
  provisioner "local-exec" { command = "echo '${var.fail}' >&2; exit 3" }
}
output "names" { value = { for name, one in terraform_data.many : name => one.output } }
"""


@pytest.fixture
def apply(tmp_path: Path) -> Lines:
    """Runs the real `terraform apply -json` on a module that needs no provider; gives its lines."""
    binary = find_binary(Settings()).path
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"}
    (tmp_path / "main.tf").write_text(MODULE)
    subprocess.run([binary, "init"], cwd=tmp_path, env=environment, capture_output=True, check=True)

    def run(*words: str) -> list[str]:
        done = subprocess.run(
            [binary, "apply", "-json", "-auto-approve", "-input=false", *words],
            cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        return done.stdout.splitlines(keepends=True)

    return run


def _read(lines: list[str]) -> tuple[ApplyResult, list[str]]:
    said: list[str] = []
    progress = ApplyProgress(said.append)
    for line in lines:
        progress.read(line)
    return progress.result, said


def test_the_progress_of_an_apply_is_read_as_terraform_tells_it(apply: Lines) -> None:
    result, said = _read(["Warning: a line that is no JSON\n", "[]\n", "\n", *apply()])
    assert (result.added, result.changed, result.removed) == (2, 0, 0)
    assert result.outputs == {"names": {"x": "x", "y": "y"}}
    assert set(result.seconds) == {'terraform_data.many["x"]', 'terraform_data.many["y"]'}
    assert "0 of 2 resources" in said
    assert any("waiting for terraform_data.many" in words for words in said)
    assert said[-1] == "2 of 2 resources"

    result, said = _read(apply())
    assert (result.added, result.changed, result.removed) == (0, 0, 0)
    assert set(said) == {"comparing with what is there"}
    assert result.outputs == {"names": {"x": "x", "y": "y"}}

    result, said = _read(apply("-var=version_of_it=2"))
    assert (result.added, result.changed, result.removed) == (2, 0, 2)
    assert said[-1] == "4 of 4 resources"

    result, said = _read(apply("-destroy"))
    assert (result.added, result.changed, result.removed) == (0, 0, 2)
    assert said[-1] == "2 of 2 resources"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("no space left on device", StockroomError),
        ("ResourceInUseException: Table already exists: orders", ResourceExistsError),
        ("BucketAlreadyOwnedByYou", ResourceExistsError),
    ],
)
def test_a_failure_gives_terraforms_own_words(apply: Lines, text: str, kind: type[StockroomError]) -> None:
    lines = apply(f"-var=fail={text}")
    result, _ = _read(lines)
    assert (result.added, result.outputs) == (0, {})
    error = _failure("data_platform", "apply", lines, Path("/run/x.log"))
    assert type(error) is kind
    assert error.message == "terraform apply of the stack 'data_platform' failed"
    assert error.hint == "the whole output is in /run/x.log"
    assert error.details is not None
    assert error.details.startswith("terraform_data.bad[0]: local-exec provisioner error\n  ")
    assert text in error.details


def test_a_failure_before_any_json_gives_the_last_lines(apply: Lines) -> None:
    lines = apply("-no-such-option")
    error = _failure("s", "init", [f"line {number}\n" for number in range(100)] + lines, Path("x.log"))
    assert error.details is not None
    assert "-no-such-option" in error.details
    assert "line 1\n" not in error.details


def test_a_diagnostic_without_address_or_detail_is_enough() -> None:
    diagnostic: dict[str, Any] = {"severity": "error", "summary": "Invalid reference", "detail": ""}
    warning = {"severity": "warning", "summary": "Deprecated", "detail": "already exists"}
    lines = [json.dumps({"type": "diagnostic", "diagnostic": one}) for one in (warning, diagnostic)]
    error = _failure("data_platform", "apply", lines, Path("x.log"))
    assert type(error) is StockroomError
    assert error.details == "data_platform: Invalid reference"


def test_tflocal_is_asked_once_for_every_endpoint(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(local_directory, "INITIALISED_DIR", tmp_path / "kept")

    def redirection(name: str, endpoint: str) -> str:
        here = settings.model_copy(update={"run_dir": tmp_path / name})
        binary = Binary(Path("terraform"), "1.11.4")
        stack = Stack("data_platform", read_environment(LOCAL), here, binary, endpoint, work_tree())
        stack.prepare({})
        stack.redirect(lambda: None)
        return (stack.folder / "localstack_providers_override.tf").read_text()

    first = redirection("first", "http://127.0.0.1:4566")
    assert 'kinesis = "http://127.0.0.1:4566"' in first
    (kept,) = (tmp_path / "kept").iterdir()
    with monkeypatch.context() as nobody:
        nobody.delattr(local_directory, "run_terraform")
        other = redirection("other", "http://127.0.0.1:50123")
    assert other == first.replace(":4566", ":50123")
    kept.write_text(kept.read_text().replace("# ", "# of another stack "))
    assert redirection("third", "http://127.0.0.1:50123") == other
    assert not kept.read_text().startswith("# of another stack ")


def test_the_types_that_modules_and_stacks_name(tmp_path: Path) -> None:
    for name, text in {
        "modules/sqs/main.tf": 'resource "aws_sqs_queue" "this" {}\ndata "aws_region" "current" {}\n',
        "stacks/data/main.tf": "moved {\n  from = aws_lambda_alias.old\n}\n",
        "stacks/data/README.md": "aws_s3_bucket",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert named_types(tmp_path) == {"aws_sqs_queue", "aws_region", "aws_lambda_alias"}
