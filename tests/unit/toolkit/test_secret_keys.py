"""Keys reach the toolkit's own process alone: none of the programs that it starts, whose code is that of others."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stockroom.aws import account_variables, new_session
from stockroom.console import Steps
from stockroom.engines import docker, make_engine
from stockroom.environments import local_process_environment
from stockroom.project import ROOT
from stockroom.releases.evidence import Selection
from stockroom.settings import Settings, parse_settings, read_settings
from stockroom.system import python_environments
from stockroom.terraform.binary import find_binary
from stockroom.terraform.process import run_terraform
from stockroom.testing import policies
from stockroom.testing.checks import Checks
from stockroom.testing.e2e import Request, run_rounds

KEYS = {
    "STOCKROOM_EVIDENCE_KEY": "signs-evidence-0123456789abcdef01234",
    "STOCKROOM_SNAPSHOT_KEY": "signs-snapshots-0123456789abcdef01234",
    "LOCALSTACK_AUTH_TOKEN": "of-an-account-that-pays",
}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Those of a process in whose shell the keys were."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STOCKROOM_RUN_DIR", str(tmp_path / "run"))
    return read_settings()


def spy(folder: Path, says: str = "") -> Path:
    """A program that writes down its environment, in place of another."""
    program = folder / "spy"
    program.write_text(f"#!/bin/sh\nenv >> {folder}/seen\nenv\n{says}\n")
    program.chmod(0o755)
    return program


def test_the_toolkit_itself_has_them(settings: Settings) -> None:
    held = (settings.evidence_key, settings.snapshot_key, settings.localstack_auth_token)
    assert [one.get_secret_value() if one else None for one in held] == list(KEYS.values())
    assert not KEYS.keys() & os.environ.keys()
    assert not [value for value in KEYS.values() if value in repr(settings)]


def terraform_version(settings: Settings, folder: Path) -> None:
    found = spy(folder, """echo '{"terraform_version": "1.11.4"}'""")
    # `env` before the answer makes it no JSON, which is told of after the fact.
    with pytest.raises(Exception, match="does not answer"):
        find_binary(settings.model_copy(update={"terraform": found}))


def terraform_of_an_account(settings: Settings, folder: Path) -> None:
    session = new_session("us-east-1", path_style=False, keys=("AKIAIOSFODNN7EXAMPLE", "x", "y"))
    variables = account_variables(os.environ, session, "us-east-1")
    run_terraform("s", spy(folder), ["plan"], folder, variables, folder / "log")


def terraform_here(settings: Settings, folder: Path) -> None:
    variables = local_process_environment(os.environ, settings.local_endpoint, "us-east-1")
    run_terraform("s", spy(folder), ["apply"], folder, variables, folder / "log")


def installers(settings: Settings, folder: Path) -> None:
    python_environments.run_installer([str(spy(folder))], "install", folder)


def checkov(settings: Settings, folder: Path) -> None:
    policies._run(spy(folder), "plan", [])


def checks(settings: Settings, folder: Path) -> None:
    Checks(settings, dict(os.environ), Steps(quiet=True), None).command("unit", str(spy(folder)))


def docker_commands(settings: Settings, folder: Path) -> None:
    spy(folder).rename(folder / "docker")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        docker._docker("info")


def pytest_(settings: Settings, folder: Path) -> None:
    tests = folder / "tests" / "e2e"
    tests.mkdir(parents=True)
    program = f"def test_it():\n    import os\n    open('{folder}/seen', 'w').write(str(dict(os.environ)))\n"
    (tests / "test_it.py").write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    request = Request(selection=Selection(), workers=1)
    run_rounds(request, environment, folder, Steps(quiet=True), folder)


STARTERS: list[Callable[[Settings, Path], None]] = [
    terraform_version, terraform_of_an_account, terraform_here, installers, checkov, checks, docker_commands, pytest_,
]  # fmt: skip


@pytest.mark.parametrize("start", STARTERS, ids=[start.__name__.strip("_") for start in STARTERS])
def test_no_program_that_is_started_sees_them(
    settings: Settings, tmp_path: Path, start: Callable[[Settings, Path], None]
) -> None:
    start(settings, tmp_path)
    seen = (tmp_path / "seen").read_text()
    assert "PATH" in seen
    assert [name for name, value in KEYS.items() if name in seen or value in seen] == []


@pytest.mark.parametrize("engine", ["localstack", "ministack"])
def test_no_emulator_sees_them(settings: Settings, engine: str) -> None:
    made = make_engine(settings.model_copy(update={"engine": engine}))
    environment = made._environment()  # type: ignore[attr-defined]
    assert not KEYS.keys() & environment.keys()
    assert not set(KEYS.values()) & set(environment.values())


def test_only_the_container_of_localstack_gets_its_token(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python").touch()
    spy(tmp_path).rename(tmp_path / "localstack")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    docker.DockerEngine(settings)._localstack("start")
    seen = (tmp_path / "seen").read_text()
    assert [name for name, value in KEYS.items() if f"{name}={value}" in seen] == ["LOCALSTACK_AUTH_TOKEN"]


def test_a_key_that_is_wrong_is_not_shown() -> None:
    for name in ("STOCKROOM_EVIDENCE_KEY", "STOCKROOM_SNAPSHOT_KEY"):
        with pytest.raises(Exception, match=f"{name} in the environment: is shorter") as error:
            parse_settings({name: "short-secret"}, {})
        assert "short-secret" not in str(error.value)
