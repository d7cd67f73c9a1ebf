import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stockroom import environments
from stockroom.environments import (
    ENVIRONMENTS_DIR,
    LOCAL,
    check_stack,
    enter_local_environment,
    environment_names,
    local_process_environment,
    read_environment,
    shell_lines,
    stack_names,
)
from stockroom.errors import StockroomError

ENDPOINT = "http://127.0.0.1:4901"
REGION = "us-east-1"

# What a developer's shell may hold. "AKIA…EXAMPLE" are the keys of the AWS documentation.
REAL = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEXAMPLETOKEN",
    "AWS_SECURITY_TOKEN": "FwoGZXIvYXdzEXAMPLETOKEN",
    "AWS_PROFILE": "production",
    "AWS_DEFAULT_PROFILE": "production",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/Admin",
    "AWS_ROLE_SESSION_NAME": "someone",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/1234",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
    "AWS_CONFIG_FILE": "/home/someone/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/home/someone/.aws/credentials",
    "AWS_ENDPOINT_URL": "https://vpce-1234.execute-api.eu-west-1.vpce.amazonaws.com",
    "AWS_ENDPOINT_URL_S3": "https://s3.eu-west-1.amazonaws.com",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://bedrock-runtime.eu-west-1.amazonaws.com",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "TF_VAR_region": "eu-west-1",
    "TF_CLI_ARGS_apply": "-destroy",
    "TF_WORKSPACE": "production",
    "TF_DATA_DIR": "/somewhere",
    "LOCALSTACK_AUTH_TOKEN": "ls-secret",
    "PYTHONPATH": "/somewhere",
}
SECRETS = set(REAL.values()) - {"true"}
HARMLESS = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8"}


def test_nothing_that_leads_to_aws_reaches_a_local_process() -> None:
    seen = local_process_environment(HARMLESS | REAL, ENDPOINT, REGION)
    assert not SECRETS & set(seen.values())
    allowed = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}
    assert {name: seen[name] for name in allowed} == allowed
    assert {seen[name] for name in seen if name.startswith("AWS_ENDPOINT_URL")} == {ENDPOINT}
    assert seen["AWS_EC2_METADATA_DISABLED"] == "true"
    assert {seen["AWS_CONFIG_FILE"], seen["AWS_SHARED_CREDENTIALS_FILE"]} == {os.devnull}
    assert not [name for name in seen if name.startswith(("TF_", "LOCALSTACK", "PYTHON"))]
    assert not {"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"} & set(seen)
    assert seen["AWS_DEFAULT_REGION"] == REGION
    assert HARMLESS.items() <= seen.items()


def test_what_a_process_is_given_on_top_wins() -> None:
    assert local_process_environment(HARMLESS, ENDPOINT, REGION, {"HOME": "/run"})["HOME"] == "/run"


def test_an_sdk_in_a_local_process_sees_the_local_endpoint_alone(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = real\n"
    )
    (tmp_path / ".aws" / "config").write_text(
        "[default]\nregion = eu-west-1\nendpoint_url = https://s3.amazonaws.com\n"
    )
    program = """
import boto3, json
session = boto3.Session()
clients = [session.client(name) for name in ("s3", "dynamodb", "budgets", "sts", "bedrock-runtime", "logs")]
print(json.dumps({
    "key": session.get_credentials().access_key, "method": session.get_credentials().method,
    "region": session.region_name, "endpoints": sorted({client.meta.endpoint_url for client in clients}),
}))
"""
    environment = local_process_environment(HARMLESS | REAL | {"HOME": str(tmp_path)}, ENDPOINT, REGION)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"key": "test", "method": "env", "region": REGION, "endpoints": [ENDPOINT]}


@pytest.mark.parametrize("endpoint", [ENDPOINT, "http://emulator.example:4566"])
def test_no_proxy_sees_a_call_to_the_endpoint(endpoint: str) -> None:
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:1")
    program = (
        "import sys, urllib.request as r; from botocore.utils import get_environ_proxies as p;"
        "print(bool(p(sys.argv[1])), bool(p('https://registry.example/x')), bool(p('https://mirror.example/x')))"
    )
    inherited = HARMLESS | proxies | {"ALL_PROXY": "socks5://127.0.0.1:1", "NO_PROXY": "mirror.example"}
    environment = local_process_environment(inherited, endpoint, REGION)
    assert "ALL_PROXY" not in environment
    done = subprocess.run(
        [sys.executable, "-c", program, endpoint], env=environment, capture_output=True, text=True, check=True
    )
    # Downloads may need the proxy of the network that the machine is in.
    assert done.stdout.split() == ["False", "True", "False"]


def test_this_process_itself_can_be_scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower() == "no_proxy"]:
        monkeypatch.delenv(name)
    for name, value in REAL.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    try:
        enter_local_environment(ENDPOINT, REGION)
        aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        assert not SECRETS & set(aws.values())
        assert not {"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"} & set(aws)
        assert aws["AWS_ENDPOINT_URL"] == aws["AWS_ENDPOINT_URL_S3"] == ENDPOINT
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.mark.parametrize("endpoint", [ENDPOINT, "http://h/'; touch injected; echo '$(touch injected)"])
def test_a_shell_can_evaluate_what_env_prints(endpoint: str, tmp_path: Path) -> None:
    script = "\n".join(shell_lines(endpoint, REGION)) + "\nenv -0"
    done = subprocess.run(
        ["bash", "-eu", "-c", script], env=HARMLESS | REAL, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    seen = dict(line.split("=", 1) for line in done.stdout.split("\0") if line)
    assert seen["AWS_ENDPOINT_URL"] == seen["AWS_ENDPOINT_URL_S3"] == endpoint
    assert (seen["AWS_ACCESS_KEY_ID"], seen["AWS_REGION"], seen["AWS_DEFAULT_REGION"]) == ("test", REGION, REGION)
    gone = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"}
    assert not gone & set(seen)
    assert not list(tmp_path.iterdir())


def test_every_environment_is_complete_and_is_an_account_of_its_own() -> None:
    environments = [read_environment(name) for name in environment_names()]
    assert {LOCAL, "dev", "prod"} <= {environment.name for environment in environments}
    assert len({environment.account_id for environment in environments}) == len(environments)
    for environment in environments:
        assert environment.state_bucket == f"stockroom-{environment.name}-state-{environment.account_id}"
        assert environment.artifact_bucket == f"stockroom-{environment.name}-artifacts-{environment.account_id}"
        assert environment.tags["Environment"] == environment.name
        assert environment.state_key("data_platform") == "data_platform/terraform.tfstate"
    assert read_environment(LOCAL).account_id == "000000000000"


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(StockroomError, match="there is no environment 'production'") as error:
        read_environment("production")
    assert error.value.hint == f"environments are: {', '.join(environment_names())}"
    with pytest.raises(StockroomError, match="there is no stack 'data-platform'") as error:
        check_stack("data-platform")
    assert error.value.hint == f"stacks are: {', '.join(stack_names())}"
    assert check_stack("data_platform") == "data_platform"


def test_a_file_is_parsed_once_for_its_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environments, "HOME", tmp_path)
    folder = tmp_path / "environments"
    file = folder / "dev" / "environment.tfvars"
    file.parent.mkdir(parents=True)
    (folder / "dev" / "backend.hcl").write_text('bucket = "states"\n')
    variables = 'project_name = "shop"\nenvironment = "dev"\naccount_id = "1"\nowner = "me"\ncost_center = "none"\n'
    file.write_text(f'{variables}region = "eu-central-1"\n')
    monkeypatch.setattr(environments, "ENVIRONMENTS_DIR", folder)
    first = read_environment("dev")
    with monkeypatch.context() as nobody:
        nobody.delattr(environments, "_parse_hcl")
        assert read_environment("dev") == first
    file.write_text(f'{variables}region = "eu-central-2"\n')
    assert read_environment("dev").region == "eu-central-2"


@pytest.mark.parametrize(
    "option",
    [
        'endpoint = "http://127.0.0.1:9"', 'endpoints = { s3 = "http://127.0.0.1:9" }', 'sts_endpoint = "http://x:9"',
        "skip_credentials_validation = true", "skip_requesting_account_id = true", "skip_s3_checksum = true",
        'profile = "mine"', 'access_key = "AKIAIOSFODNN7EXAMPLE"', 'shared_config_files = ["x"]', "insecure = true",
        'http_proxy = "http://127.0.0.1:9"', 'assume_role = { role_arn = "x" }',
    ],
)  # fmt: skip
def test_the_state_of_an_account_is_nowhere_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str) -> None:
    monkeypatch.setattr(environments, "HOME", tmp_path / "home")
    monkeypatch.setattr(environments, "ENVIRONMENTS_DIR", tmp_path)
    folder = tmp_path / "dev"
    folder.mkdir()
    (folder / "environment.tfvars").write_text((ENVIRONMENTS_DIR / "dev" / "environment.tfvars").read_text())
    backend = (ENVIRONMENTS_DIR / "dev" / "backend.hcl").read_text()
    (folder / "backend.hcl").write_text(f'{backend}kms_key_id = "alias/x"\ndynamodb_table = "locks"\n')
    assert read_environment("dev").lock_table == "locks"
    (folder / "backend.hcl").write_text(f"{backend}{option}\n")
    with pytest.raises(
        StockroomError, match=f"dev/backend.hcl sets {option.split(maxsplit=1)[0]}, which would take the state"
    ):
        read_environment("dev")
