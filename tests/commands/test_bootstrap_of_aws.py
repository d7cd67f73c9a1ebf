"""`invoke bootstrap --env prod` with an environment that is not fit for it. No test here reaches AWS."""

import socket
from pathlib import Path

import pytest

from stockroom.system.processes import free_port
from tests.commands.stockroom_command import Commands

# Should anything go out all the same, it goes nowhere.
OFFLINE = {
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "NO_PROXY": "",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
DOCUMENTED = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}


@pytest.mark.parametrize("key", ["test", "MOCK", "333333333333"])
def test_dummy_credentials_are_refused(stockroom: Commands, key: str) -> None:
    answer = stockroom("bootstrap", "--env=prod", **OFFLINE, AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY="test")
    assert answer.error == "the AWS credentials are dummy ones, made for the local platform, not for 'prod'"
    assert answer.left == []


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS"])
def test_a_set_endpoint_is_refused(stockroom: Commands, name: str) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    answer = stockroom("bootstrap", "--env=prod", **OFFLINE, **DOCUMENTED, **{name: endpoint})
    assert answer.error == f"{name} is set, so this would not reach the account of 'prod'"
    assert "open a new shell, or unset it" in answer.err


# More of them: tests/unit/toolkit/test_aws.py.
REDIRECTIONS = {
    "the default profile": "[default]\nendpoint_url = {endpoint}\n",
    "the profile that a role comes from": (
        "[profile base]\ncredential_source = Environment\nendpoint_url = {endpoint}\n"
        "[default]\nrole_arn = arn:aws:iam::333333333333:role/x\nsource_profile = base\n"
    ),
}


@pytest.mark.parametrize("config", REDIRECTIONS.values(), ids=REDIRECTIONS)
def test_nothing_in_the_aws_configuration_leads_elsewhere(stockroom: Commands, config: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0)
        file.write_text(config.format(endpoint=f"http://127.0.0.1:{elsewhere.getsockname()[1]}"))
        answer = stockroom("bootstrap", "--env=prod", **OFFLINE | DOCUMENTED | {"AWS_CONFIG_FILE": str(file)})
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert "Failed to connect to proxy URL" in answer.error


def test_the_shell_of_invoke_env_is_refused(stockroom: Commands) -> None:
    lines = stockroom("env").out.splitlines()
    pairs = dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))
    local = {name: value.strip("'") for name, value in pairs.items()}
    assert "is set, so this would not reach the account" in stockroom("bootstrap", "--env=prod", **local).error


def test_no_credentials(stockroom: Commands) -> None:
    answer = stockroom("bootstrap", "--env=prod", **OFFLINE)
    assert answer.error == "no AWS credentials for 'prod'"
    assert "next:  sign in first" in answer.err


def test_a_profile_that_is_not_there(stockroom: Commands) -> None:
    answer = stockroom("bootstrap", "--env=prod", **OFFLINE, AWS_PROFILE="nobody")
    assert answer.error.startswith("the AWS credentials for 'prod' do not work: ")
    assert "nobody" in answer.error


def test_credentials_that_do_not_work(stockroom: Commands) -> None:
    answer = stockroom("bootstrap", "--env=prod", **OFFLINE, **DOCUMENTED)
    assert answer.error.startswith("the AWS credentials for 'prod' do not work: ")
    assert "next:  sign in again" in answer.err
