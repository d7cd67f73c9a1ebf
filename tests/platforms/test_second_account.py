"""What runs against an AWS account runs against a second account of an emulator, reached by its endpoint alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe

import boto3
import pytest

from stockroom.bootstrap import bootstrap
from stockroom.deployed.terraform_state import record_release
from stockroom.engines.localstack import LocalStackEngine
from stockroom.environments import TERRAFORM_DIR, Environment, read_environment
from stockroom.releases.artifact_bucket import upload_artifacts
from stockroom.releases.build import build_artifacts
from stockroom.releases.code import work_tree
from stockroom.releases.release import read_release, release_variables
from stockroom.settings import Settings
from stockroom.terraform.binary import find_binary
from stockroom.terraform.provider_sources import process_variables

from .own_platform import OwnPlatform

STACK = "data_platform"


def variables_of(endpoint: str, account: str) -> dict[str, str]:
    """All that a shell needs to work with one of the emulator's accounts."""
    return {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass
class Account:
    """The dev environment as an account of the test's own emulator."""

    environment: Environment
    settings: Settings
    folder: Path

    @property
    def shell(self) -> dict[str, str]:
        return variables_of(self.settings.local_endpoint, self.environment.account_id)

    def session(self) -> boto3.Session:
        return boto3.Session(self.environment.account_id, "test", region_name=self.environment.region)

    def deploy(self) -> None:
        """Do by hand, with plain Terraform, what a promotion does."""
        session = self.session()
        bootstrap(self.environment, session)
        artifacts = build_artifacts([STACK], work_tree())
        upload_artifacts(artifacts, session, self.environment.artifact_bucket)
        shutil.copytree(TERRAFORM_DIR, self.folder, ignore=shutil.ignore_patterns(".terraform"))
        variables = release_variables(self.environment, STACK, artifacts)
        (self.folder / "stacks" / STACK / "release.auto.tfvars.json").write_text(json.dumps(variables))
        key = f"key={self.environment.state_key(STACK)}"
        self.terraform("init", f"-backend-config={self._file('backend.hcl')}", f"-backend-config={key}")
        files = [f"-var-file={self._file(name)}" for name in ("environment.tfvars", f"{STACK}.tfvars")]
        self.terraform("apply", "-auto-approve", "-parallelism=30", *files)
        # `invoke secrets` does this for an account, and refuses an emulator that plays one.
        name = f"{self.environment.project_name}/{self.environment.name}/customer_pseudonyms"
        session.client("secretsmanager").put_secret_value(SecretId=name, SecretString=token_urlsafe(48))
        record_release(self.environment, session, STACK, read_release(artifacts, work_tree()))

    def _file(self, name: str) -> Path:
        return self.folder / "environments" / self.environment.name / name

    def terraform(self, *words: str) -> None:
        done = subprocess.run(
            [str(find_binary(self.settings).path), *words, "-input=false", "-no-color"],
            cwd=self.folder / "stacks" / STACK,
            env={**os.environ, **self.shell, **process_variables(self.settings), "AWS_MAX_ATTEMPTS": "5"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


@pytest.fixture
def dev(platform: OwnPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    settings = Settings(run_dir=platform.run_dir, port=platform.port)
    engine = LocalStackEngine(settings)
    engine.start()
    engine.wait_until_ready()
    account = Account(read_environment("dev"), settings, tmp_path / "terraform")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", settings.local_endpoint)
    account.deploy()
    return account


@pytest.mark.waits
def test_the_end_to_end_tests_against_an_account(platform: OwnPlatform, dev: Account) -> None:
    platform.shell = dev.shell
    output = platform.run("e2e", "--env", "dev", "--smoke")
    assert "dev (111111111111) runs release" in output
    assert "End to end: passed" in output
    assert "evidence" not in output

    some = "test_a_repeated_message or test_an_event_is_stored_once or test_hostile"
    refused = platform.start("e2e", "--env", "dev", "--only", some)
    assert refused.finish() == 1
    assert "the whole suite writes test records" in refused.output
    assert "End to end: passed" in platform.run("e2e", "--env", "dev", "--only", some, "--yes")
    # The emulator's own account has nothing of this.
    assert platform.client("s3").list_buckets()["Buckets"] == []

    platform.shell = variables_of(platform.endpoint, "222222222222")
    refused = platform.start("e2e", "--env", "dev", "--smoke")
    assert refused.finish() == 1
    assert "of account 222222222222" in refused.output
    platform.shell = variables_of(platform.endpoint, dev.environment.account_id)
    refused = platform.start("e2e", "--env", "prod", "--smoke")
    assert refused.finish() == 1
    assert "'prod' is account 333333333333" in refused.output
