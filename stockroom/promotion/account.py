"""The account of an environment as a promotion sees it: real, or played by the local engine in a rehearsal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from stockroom.aws import account_variables, new_session, session_for
from stockroom.environments import Environment, enter_local_environment, local_process_environment
from stockroom.errors import StockroomError
from stockroom.promotion.rules import Rules
from stockroom.settings import Settings
from stockroom.terraform.provider_sources import process_variables, provider_cache

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True)
class Account:
    """Proven to be the environment's. `variables` is the whole environment of Terraform and of the smoke tests.

    `clock_skew_seconds` is how far this machine's clock is ahead of AWS's; None where AWS did not tell.
    """

    environment: Environment
    session: boto3.Session
    caller: str
    clock_skew_seconds: float | None
    variables: Mapping[str, str]


def open_account(environment: Environment, rules: Rules, settings: Settings, rehearse: bool) -> Account:
    """The environment's account. Raises StockroomError for credentials that are not of it, or are none.

    A rehearsal differs in the endpoint alone: the engine that answers there takes the account from the access key.
    """
    if rehearse:
        enter_local_environment(settings.local_endpoint, environment.region)
        keys = {"AWS_ACCESS_KEY_ID": environment.account_id, "AWS_SECRET_ACCESS_KEY": "test"}
        os.environ.update(keys)
        session = new_session(environment.region, path_style=True, owner=environment.account_id)
        extra = terraform_variables(settings) | keys
        everything = local_process_environment(os.environ, settings.local_endpoint, environment.region, extra)
        # With a service's own variable, Terraform's backend does not see that a bucket is no subdomain of the host.
        variables = {name: value for name, value in everything.items() if not name.startswith("AWS_ENDPOINT_URL_")}
    else:
        if rules.profile and "AWS_PROFILE" not in os.environ and "AWS_ACCESS_KEY_ID" not in os.environ:
            os.environ["AWS_PROFILE"] = rules.profile
        session = session_for(environment, role_arn=rules.role_arn)
        variables = account_variables(os.environ, session, environment.region) | terraform_variables(settings)
    caller, skew = _who_am_i(session, environment)
    return Account(environment, session, caller, skew, variables)


def terraform_variables(settings: Settings) -> dict[str, str]:
    """What Terraform needs besides credentials."""
    return process_variables(settings) | provider_cache(settings)


def _who_am_i(session: boto3.Session, environment: Environment) -> tuple[str, float | None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise StockroomError(f"the account of '{environment.name}' does not answer: {error}", "try again") from None
    if answer["Account"] != environment.account_id:
        raise StockroomError(
            f"these credentials are of account {answer['Account']}, but '{environment.name}' is account "
            f"{environment.account_id}",
            f"sign in to {environment.account_id}",
        )
    told = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
    skew = (datetime.now(UTC) - parsedate_to_datetime(told)).total_seconds() if told else None
    return answer["Arn"], skew
