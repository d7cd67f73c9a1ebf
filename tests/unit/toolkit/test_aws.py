"""Sessions of an account: no AWS configuration sends a call elsewhere, and every bucket is of the account."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders

from stockroom.aws import account_variables, new_session
from stockroom.errors import StockroomError
from stockroom.settings import is_aws

ELSEWHERE = "http://127.0.0.1:9"
REGION = "us-east-1"
KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = of-nobody\n"
SERVICES = "".join(f"{name} =\n  endpoint_url = {ELSEWHERE}\n" for name in ("sts", "s3", "lambda", "secrets_manager"))
ROLE = "role_arn = arn:aws:iam::333333333333:role/x\n"
PROGRAM = (
    """credential_process = echo '{"Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x"}'\n"""
)
URL = f"endpoint_url = {ELSEWHERE}\n"

CONFIGURATIONS = {
    "the default profile": f"[default]\n{KEYS}{URL}",
    "services of the default profile": f"[default]\n{KEYS}services = mine\n[services mine]\n{SERVICES}",
    "a chosen profile": f"[profile mine]\n{KEYS}{URL}",
    "services of a chosen profile": f"[profile mine]\n{KEYS}services = mine\n[services mine]\n{SERVICES}",
    "a role": f"[profile base]\n{KEYS}[profile mine]\n{ROLE}source_profile = base\n{URL}",
    "where a role comes from": f"[profile base]\n{KEYS}{URL}[profile mine]\n{ROLE}source_profile = base\n",
    "services of where a role comes from": (
        f"[profile base]\n{KEYS}services = s\n[profile mine]\n{ROLE}source_profile = base\nservices = s\n"
        f"[services s]\n{SERVICES}"
    ),
    "a web identity": f"[profile mine]\n{ROLE}web_identity_token_file = {{token}}\n{URL}",
    "a program": f"[profile mine]\n{PROGRAM}{URL}",
    "FIPS and two addresses": f"[default]\n{KEYS}use_fips_endpoint = true\nuse_dualstack_endpoint = true\n{URL}",
    "signing for all regions": f"[default]\n{KEYS}sigv4a_signing_region_set = *\n{URL}",
    "endpoints that are looked up": f"[default]\n{KEYS}endpoint_discovery_enabled = true\n{URL}",
}
SERVICE_NAMES = ("sts", "s3", "lambda", "secretsmanager")
OF_PROFILES = {name: config for name, config in CONFIGURATIONS.items() if "ofile" in name}


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without AWS configuration, and a shell without AWS variables."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / ".aws").mkdir()
    return tmp_path


def configure(user: Path, config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (user / "token").write_text("of-nobody")
    (user / ".aws" / "config").write_text(config.replace("{token}", str(user / "token")))
    if "[profile mine]" in config:
        monkeypatch.setenv("AWS_PROFILE", "mine")


ANSWER = """<R xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>y</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></R>"""


class Answer:
    """A body as urllib3's."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._text


def answer_all(session: boto3.Session, text: Callable[[Any], str]) -> None:
    """Let nothing be sent: what a service would say to a request is `text` of it."""

    def answer(request: Any, **_: Any) -> Any:
        return AWSResponse(request.url, 200, HTTPHeaders(), Answer(text(request)))

    events: Any = session.events
    events.register_last("before-send", answer)


def addresses(session: boto3.Session) -> list[str]:
    """Where calls are sent, of the session and of those who get its credentials."""
    seen: list[str] = []

    def text(request: Any) -> str:
        seen.append(request.url)
        action = re.search(r"Action=(\w+)", str(request.body))
        return ANSWER.replace("AssumeRoleResult", f"{action[1]}Result") if action else "{}"

    answer_all(session, text)
    session.client("sts").get_caller_identity()
    session.client("secretsmanager").get_secret_value(SecretId="x")
    return seen


@pytest.mark.parametrize("config", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_nothing_in_the_configuration_leads_elsewhere(user: Path, config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(user, config, monkeypatch)
    session = new_session(REGION, path_style=False)
    endpoints = [session.client(name).meta.endpoint_url for name in SERVICE_NAMES]  # type: ignore[call-overload]
    assert [endpoint for endpoint in endpoints if not is_aws(endpoint)] == []
    sent = addresses(session)
    assert len(sent) >= 2
    assert [address for address in sent if not is_aws(address)] == []


@pytest.mark.parametrize("config", OF_PROFILES.values(), ids=OF_PROFILES)
def test_nor_does_it_lead_terraform_and_the_smoke_tests_elsewhere(
    user: Path, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are other programs with an SDK of their own, which read the same files as far as they are let."""
    configure(user, config, monkeypatch)
    session = new_session(REGION, path_style=False, keys=("AKIAIOSFODNN7EXAMPLE", "x", "y"))
    program = (
        "import boto3, json; session = boto3.Session();"
        f"print(json.dumps([session.client(name).meta.endpoint_url for name in {SERVICE_NAMES}] +"
        "[session.get_credentials().access_key]))"
    )
    environment = account_variables(os.environ, session, REGION)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    *endpoints, key = json.loads(done.stdout)
    assert [endpoint for endpoint in endpoints if not is_aws(endpoint)] == []
    assert key == "AKIAIOSFODNN7EXAMPLE"


@pytest.mark.parametrize(
    "address", [ELSEWHERE, "https://evil.example", "http://sts.amazonaws.com", "https://x.amazonaws.com.evil.example"]
)
def test_whatever_names_another_address_is_stopped_before_it_is_sent(user: Path, address: str) -> None:
    session = new_session(REGION, path_style=False, keys=("AKIAIOSFODNN7EXAMPLE", "x", "y"))
    with pytest.raises(StockroomError, match="which is no endpoint of AWS"):
        session.client("sts", endpoint_url=address).get_caller_identity()


def test_what_a_network_needs_reaches_terraform_and_nothing_else_of_a_profile(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(user, f"[profile mine]\n{KEYS}ca_bundle = /etc/ours.pem\nregion = eu-west-1\n", monkeypatch)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    variables = account_variables(os.environ, new_session(REGION, path_style=False), REGION)
    assert variables["AWS_CA_BUNDLE"] == "/etc/ours.pem"
    assert variables["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == REGION
    assert {variables["AWS_CONFIG_FILE"], variables["AWS_SHARED_CREDENTIALS_FILE"]} == {os.devnull}
    assert "AWS_PROFILE" not in variables


def test_what_steers_terraform_or_is_secret_stays_behind(user: Path) -> None:
    left = {
        "TF_VAR_x": "1",
        "TF_CLI_ARGS_plan": "-destroy",
        "STOCKROOM_EVIDENCE_KEY": "k",
        "LOCALSTACK_AUTH_TOKEN": "t",
    }
    session = new_session(REGION, path_style=False, keys=("AKIAIOSFODNN7EXAMPLE", "x", "y"))
    assert not left.keys() & account_variables({**left, "PATH": "/bin"}, session, REGION).keys()


BUCKET_CALLS: dict[str, dict[str, Any]] = {
    "head_bucket": {},
    "list_objects_v2": {},
    "get_object": {"Key": "k"},
    "head_object": {"Key": "k"},
    "put_object": {"Key": "k", "Body": b""},
    "delete_object": {"Key": "k"},
    "put_bucket_policy": {"Policy": "{}"},
    "put_bucket_versioning": {"VersioningConfiguration": {"Status": "Enabled"}},
    "create_multipart_upload": {"Key": "k"},
}


@pytest.mark.parametrize("call", BUCKET_CALLS)
def test_every_call_about_a_bucket_names_its_owner(user: Path, call: str) -> None:
    session = new_session(REGION, path_style=False, keys=("AKIAIOSFODNN7EXAMPLE", "x", "y"), owner="333333333333")
    seen: list[Any] = []

    def text(request: Any) -> str:
        seen.append(request.headers["x-amz-expected-bucket-owner"])
        return ""

    answer_all(session, text)
    client = session.client("s3")
    getattr(client, call)(Bucket="b", **BUCKET_CALLS[call])
    getattr(client, call)(Bucket="b", ExpectedBucketOwner="222222222222", **BUCKET_CALLS[call])
    assert [value if isinstance(value, str) else value.decode() for value in seen] == ["333333333333", "222222222222"]
