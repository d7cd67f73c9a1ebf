"""Environments: where a stack is deployed, and which variables the processes of the local one may see."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stockroom.errors import StockroomError
from stockroom.project import HOME, ROOT
from stockroom.system.files import cache_text, cached_text

LOCAL = "local"
TERRAFORM_DIR = ROOT / "terraform"
ENVIRONMENTS_DIR = TERRAFORM_DIR / "environments"
STACKS_DIR = TERRAFORM_DIR / "stacks"


@dataclass(frozen=True)
class Environment:
    """One folder of terraform/environments: account, region, state backend."""

    name: str
    project_name: str
    account_id: str
    region: str
    tags: dict[str, str]
    state_bucket: str
    lock_table: str | None

    @property
    def folder(self) -> Path:
        return ENVIRONMENTS_DIR / self.name

    @property
    def artifact_bucket(self) -> str:
        return f"{self.project_name}-{self.name}-artifacts-{self.account_id}"

    def state_key(self, stack: str) -> str:
        return f"{stack}/terraform.tfstate"


def _folders(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.is_dir()) if directory.is_dir() else []


def environment_names() -> list[str]:
    return _folders(ENVIRONMENTS_DIR)


def stack_names(stacks: Path = STACKS_DIR) -> list[str]:
    """Every stack in the folder, in the order in which they are deployed."""
    return _folders(stacks)


def check_stack(name: str) -> str:
    if name not in stack_names():
        raise StockroomError(f"there is no stack '{name}'", f"stacks are: {', '.join(stack_names())}")
    return name


def _read_hcl(path: Path) -> dict[str, Any]:
    """The variables in a file. The parser takes a quarter of a second to start, so what it made of a file is kept."""
    try:
        content = path.read_bytes() + version("python-hcl2").encode()
    except FileNotFoundError:
        raise StockroomError(f"{path.relative_to(ROOT)} is missing") from None
    digest = hashlib.sha256(content).hexdigest()
    kept = HOME / "environments" / f"{path.parent.name}-{path.name}.json"
    if text := cached_text(kept, digest):
        return dict(json.loads(text))
    variables = _parse_hcl(path)
    cache_text(kept, digest, json.dumps(variables))
    return variables


def _parse_hcl(path: Path) -> dict[str, Any]:
    import hcl2
    from hcl2 import SerializationOptions

    try:
        with path.open(encoding="utf-8") as file:
            return dict(
                hcl2.load(
                    file,
                    serialization_options=SerializationOptions(
                        strip_string_quotes=True, explicit_blocks=False, with_comments=False
                    ),
                )
            )
    except Exception as error:
        first_line = str(error).strip().splitlines()[0]
        raise StockroomError(f"{path.relative_to(ROOT)} is not valid HCL: {first_line}") from None


# Of the options of Terraform's S3 backend those that send it somewhere else, as somebody else, or past a check.
_LEADS_ELSEWHERE = re.compile(
    r"endpoint|proxy|^insecure$|^profile$|^shared_|^(access|secret)_key$|^token$|assume_role"
    r"|^skip_(credentials_validation|requesting_account_id|s3_checksum)$"
)


def read_environment(name: str) -> Environment:
    """Environment from its folder. Raises StockroomError for an unknown name or an incomplete folder."""
    if name not in environment_names():
        raise StockroomError(f"there is no environment '{name}'", f"environments are: {', '.join(environment_names())}")
    folder = ENVIRONMENTS_DIR / name
    variables = _read_hcl(folder / "environment.tfvars")
    backend = _read_hcl(folder / "backend.hcl")
    if name != LOCAL and (wrong := next((key for key in sorted(backend) if _LEADS_ELSEWHERE.search(key)), None)):
        raise StockroomError(
            f"terraform/environments/{name}/backend.hcl sets {wrong}, which would take the state elsewhere, or let it",
            "leave it out: a promotion uses the credentials that it has checked, at AWS's own endpoints",
        )
    try:
        return Environment(
            name=name,
            project_name=variables["project_name"],
            account_id=variables["account_id"],
            region=variables["region"],
            tags={
                "Project": variables["project_name"],
                "Environment": variables["environment"],
                "Owner": variables["owner"],
                "CostCenter": variables["cost_center"],
                "ManagedBy": "stockroom",
            },
            state_bucket=backend["bucket"],
            lock_table=backend.get("dynamodb_table"),
        )
    except KeyError as missing:
        raise StockroomError(f"terraform/environments/{name} does not set {missing}") from None


# Everything else that a process needs to run on a developer's machine; nothing here can name an AWS account.
_INHERITED = frozenset(
    [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TERM",
        "COLUMNS",
        "LINES",
        "TMPDIR",
        "XDG_CACHE_HOME",
        "XDG_DATA_HOME",
        "XDG_DATA_DIRS",
        "PYENV_ROOT",
        "PYENV_VERSION",
        "CI",
        "NO_COLOR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "http_proxy",
        "https_proxy",
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "DOCKER_CONFIG",
    ]
)

# SDKs prefer these to AWS_ENDPOINT_URL, so a stray one in a shell must be overwritten, not just left out.
_SERVICES_WITH_OWN_ENDPOINT_VARIABLE = [
    "DYNAMODB",
    "DYNAMODB_STREAMS",
    "KINESIS",
    "SQS",
    "S3",
    "S3_CONTROL",
    "LAMBDA",
    "IAM",
    "STS",
    "KMS",
    "CLOUDWATCH",
    "CLOUDWATCH_LOGS",
    "EVENTBRIDGE",
    "SFN",
    "SNS",
    "API_GATEWAY",
    "APIGATEWAYV2",
    "CLOUDFRONT",
    "ROUTE_53",
    "ACM",
    "SECRETS_MANAGER",
    "SSM",
    "EC2",
    "ECS",
    "ECR",
    "RDS",
    "ELASTIC_LOAD_BALANCING_V2",
    "BUDGETS",
    "COST_EXPLORER",
    "APPLICATION_AUTO_SCALING",
]


def local_aws_variables(endpoint: str, region: str) -> dict[str, str]:
    """The AWS variables of the local environment: dummy credentials, one endpoint, every other source off."""
    variables = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }
    return variables | {f"AWS_ENDPOINT_URL_{name}": endpoint for name in _SERVICES_WITH_OWN_ENDPOINT_VARIABLE}


def local_process_environment(
    inherited: Mapping[str, str], endpoint: str, region: str, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The whole environment of a process of the local platform: nothing in it leads to a real AWS account."""
    kept = {name: value for name, value in inherited.items() if name in _INHERITED or name.startswith("LC_")}
    return kept | _no_proxy(inherited, endpoint) | local_aws_variables(endpoint, region) | dict(extra or {})


def _no_proxy(inherited: Mapping[str, str], endpoint: str) -> dict[str, str]:
    """A proxy must never see a call to the local endpoint; what the user keeps from proxies (a mirror) stays so."""
    users = (inherited.get("no_proxy") or inherited.get("NO_PROXY") or "").replace(" ", "").split(",")
    local = ["127.0.0.1", "localhost", "::1", urlsplit(endpoint).hostname]
    hosts = ",".join(dict.fromkeys(filter(None, [*local, *users])))
    return {"NO_PROXY": hosts, "no_proxy": hosts}


def enter_local_environment(endpoint: str, region: str) -> None:
    """Give this process itself the local AWS variables, so that no library in it can find real ones."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(local_aws_variables(endpoint, region))
    os.environ.update(_no_proxy(os.environ, endpoint))


def shell_lines(endpoint: str, region: str) -> list[str]:
    """Lines for `eval "$(invoke env)"`: the shell, `awslocal` and any SDK then talk to the local platform."""
    removed = "AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE"
    variables = local_aws_variables(endpoint, region) | _no_proxy(os.environ, endpoint)
    exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
    return [f"unset {removed}", *exports]
