"""The one door to AWS: sessions for an environment, and the few reads and writes that the toolkit needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from stockroom.environments import LOCAL, Environment, enter_local_environment
from stockroom.errors import StockroomError
from stockroom.settings import is_aws

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
        return new_session(environment.region, path_style=True)

    from botocore.exceptions import BotoCoreError, ClientError

    if name := next((name for name in sorted(os.environ) if name.startswith("AWS_ENDPOINT_URL")), None):
        raise StockroomError(
            f"{name} is set, so this would not reach the account of '{environment.name}'",
            "open a new shell, or unset it (`invoke env` sets it for the local platform)",
        )
    try:
        session = new_session(environment.region, path_style=False)
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
        for service in ("sts", "s3", "dynamodb"):
            if not is_aws(endpoint := session.client(service).meta.endpoint_url):
                raise StockroomError(
                    f"the AWS profile sends {service} to {endpoint}, which is not the account of '{environment.name}'",
                    "take endpoint_url out of the profile, or choose another with AWS_PROFILE",
                )
        if role_arn:
            session = _assume(session, role_arn, environment.region)
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


def _assume(session: boto3.Session, role_arn: str, region: str) -> boto3.Session:
    from botocore.exceptions import ClientError

    try:
        given = session.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="stockroom")["Credentials"]
    except ClientError as error:
        raise StockroomError(
            f"the role {role_arn} can't be assumed: {error}",
            "sign in as somebody whom it trusts; promotion.toml of the environment names it as role_arn",
        ) from None
    return new_session(region, False, (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]))


def new_session(region: str, path_style: bool, keys: tuple[str, str, str] | None = None) -> boto3.Session:
    """Path style because a bucket's name is no subdomain of a local endpoint; `keys` are id, secret and token."""
    import boto3
    import botocore.session
    from botocore.config import Config

    core = botocore.session.get_session()
    core.set_default_client_config(
        Config(
            max_pool_connections=32,
            retries={"mode": "standard", "max_attempts": 4},
            s3={"addressing_style": "path"} if path_style else None,
        )
    )
    if keys:
        core.set_credentials(*keys)
    return boto3.Session(botocore_session=core, region_name=region)


def credential_variables(session: boto3.Session, region: str) -> dict[str, str | None]:
    """Exactly the credentials of the session as variables of a process. None: must not be set."""
    found = session.get_credentials()
    assert found
    credentials = found.get_frozen_credentials()
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.token,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }


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
