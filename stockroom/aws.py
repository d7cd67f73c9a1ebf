"""The one door to AWS: sessions for an environment, and the few reads and writes that the toolkit needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stockroom.environments import LOCAL, Environment, enter_local_environment
from stockroom.errors import StockroomError
from stockroom.guarded_clients import expect_owner, only_aws

if TYPE_CHECKING:
    import boto3

DUMMY_KEYS = frozenset({"test", "mock", "dummy", "testing", "foobar"})


def session_for(environment: Environment, endpoint: str | None = None, role_arn: str | None = None) -> boto3.Session:
    """A session for the environment, proven to be of its account; with `role_arn`, of that role.

    The local environment gets dummy credentials and the endpoint. For any other, the credentials of the shell
    are used as they are; dummy ones, a set endpoint and another account are refused with a StockroomError.
    """
    if environment.name == LOCAL:
        if endpoint is None:
            raise ValueError("the local environment has an endpoint")
        enter_local_environment(endpoint, environment.region)
        return new_session(environment.region, path_style=True, owner=environment.account_id)

    from botocore.exceptions import BotoCoreError, ClientError

    if name := next((name for name in sorted(os.environ) if name.startswith("AWS_ENDPOINT_URL")), None):
        raise StockroomError(
            f"{name} is set, so this would not reach the account of '{environment.name}'",
            "open a new shell, or unset it (`invoke env` sets it for the local platform)",
        )
    try:
        session = new_session(environment.region, path_style=False, owner=environment.account_id)
        credentials = session.get_credentials()
        if credentials is None:
            raise StockroomError(
                f"no AWS credentials for '{environment.name}'",
                "sign in first, for example with `aws sso login`",
            )
        if credentials.access_key.lower() in DUMMY_KEYS or credentials.access_key.isdigit():
            raise StockroomError(
                f"the AWS credentials are dummy ones, made for the local platform, not for '{environment.name}'",
                "open a new shell and sign in to the account",
            )
        if role_arn:
            session = _assume(session, role_arn, environment)
        account = session.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise StockroomError(
            f"the AWS credentials for '{environment.name}' do not work: {error}", "sign in again"
        ) from None
    if account != environment.account_id:
        raise StockroomError(
            f"these credentials are of account {account}, but '{environment.name}' is account {environment.account_id}",
            f"sign in to {environment.account_id}, or correct account_id in {environment.folder}/environment.tfvars",
        )
    return session


def _assume(session: boto3.Session, role_arn: str, environment: Environment) -> boto3.Session:
    from botocore.exceptions import ClientError

    try:
        given = session.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="stockroom")["Credentials"]
    except ClientError as error:
        raise StockroomError(
            f"the role {role_arn} can't be assumed: {error}",
            "sign in as somebody whom it trusts; promotion.toml of the environment names it as role_arn",
        ) from None
    keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    return new_session(environment.region, path_style=False, keys=keys, owner=environment.account_id)


def new_session(
    region: str, path_style: bool, keys: tuple[str, str, str] | None = None, owner: str | None = None
) -> boto3.Session:
    """A session of a local endpoint (`path_style`, since there a bucket's name is no subdomain), or of AWS itself.

    Nothing in the user's AWS configuration can send one of AWS elsewhere. `keys` are id, secret and token; `owner` is
    the account that every bucket has to be of.
    """
    import boto3
    import botocore.session
    from botocore.config import Config

    core = botocore.session.get_session()
    core.set_default_client_config(
        Config(
            max_pool_connections=32,
            retries={"mode": "standard", "max_attempts": 4},
            s3={"addressing_style": "path"} if path_style else None,
            ignore_configured_endpoint_urls=not path_style,  # type: ignore[call-arg]  # the stubs lack it
        )
    )
    if not path_style:
        only_aws(core)
    if owner:
        expect_owner(core, owner)
    if keys:
        core.set_credentials(*keys)
    return boto3.Session(botocore_session=core, region_name=region)


# What a user's own network needs, and what leads nowhere but to AWS: the name in the AWS configuration, by variable.
_OF_THE_NETWORK = {
    "AWS_CA_BUNDLE": "ca_bundle",
    "AWS_USE_FIPS_ENDPOINT": "use_fips_endpoint",
    "AWS_USE_DUALSTACK_ENDPOINT": "use_dualstack_endpoint",
}


# Whoever sets these in a shell means some other Terraform: here they would change what was approved.
_STEERS_TERRAFORM = ("TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR", "TF_REATTACH", "TF_INPUT", "TF_STATE")


def account_variables(shell: Mapping[str, str], session: boto3.Session, region: str) -> dict[str, str]:
    """The shell's variables with exactly the credentials of the session and no profile, and nothing that steers
    Terraform or that only the toolkit itself should see."""
    others = ("AWS_", "STOCKROOM_", "LOCALSTACK_", *_STEERS_TERRAFORM)
    kept = {name: value for name, value in shell.items() if not name.startswith(others)}
    return kept | _session_variables(session, region)


def _session_variables(session: boto3.Session, region: str) -> dict[str, str]:
    found = session.get_credentials()
    assert found
    credentials = found.get_frozen_credentials()
    variables = {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.token,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }
    for name, configured in _OF_THE_NETWORK.items():
        value = session._session.get_config_variable(configured)
        variables[name] = str(value).lower() if isinstance(value, bool) else value
    return {name: value for name, value in variables.items() if value is not None}


def explain_aws(error: Exception) -> StockroomError | None:
    """What an error of botocore means to a user, or None when it is another kind of error."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    if isinstance(error, HTTPClientError):
        hint = "run the command again; `invoke logs` shows what became of the emulator"
        return StockroomError(f"an AWS call was not answered: {error}", hint)
    if isinstance(error, ClientError):
        return StockroomError(f"AWS refused a call: {error}", "`invoke logs` shows what the emulator says")
    if isinstance(error, BotoCoreError):
        return StockroomError(f"AWS can not be called: {error}")
    return None


def error_code(error: Any) -> str:
    """The code of a botocore ClientError, such as "NoSuchKey"."""
    return str(error.response.get("Error", {}).get("Code", ""))
