"""Secrets: values for the containers that Terraform makes. Terraform never sees one, and nobody prints one."""

from __future__ import annotations

import secrets
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from stockroom.aws import error_code
from stockroom.deployed.outputs import Outputs, find, label_of
from stockroom.errors import StockroomError

if TYPE_CHECKING:
    import boto3

_RANDOM_BYTES = 48
_LARGEST_VALUE_BYTES = 65_536
_STDIN = "-"


@dataclass(frozen=True)
class Secret:
    """`name` is what a user calls it; `has_value` is whether anything can read one."""

    name: str
    arn: str
    has_value: bool


def read_secrets(session: boto3.Session, arns: Mapping[str, str]) -> list[Secret]:
    """The secrets by short name, without their values."""
    manager = session.client("secretsmanager")

    def has_value(arn: str) -> bool:
        versions = manager.describe_secret(SecretId=arn).get("VersionIdsToStages", {})
        return any("AWSCURRENT" in stages for stages in versions.values())

    return [Secret(name, arn, has_value(arn)) for name, arn in sorted(arns.items())]


def fill_empty(session: boto3.Session, arns: Mapping[str, str]) -> list[str]:
    """Give a random value to each secret without one; returns the names of these. Others are left alone."""
    return [secret.name for secret in read_secrets(session, arns) if not secret.has_value and _fill(session, secret)]


@dataclass(frozen=True)
class Change:
    """A value for one secret: the one given, or a random one where `value` is None and the secret has none."""

    name: str
    value: str | None = field(repr=False)


def make_change(generate: str, put: str, from_file: str) -> Change | None:
    """What the words of the command line ask for; None is to show the secrets. Raises StockroomError."""
    if bool(put) != bool(from_file) or (generate and put):
        raise StockroomError("give --generate NAME, or --put NAME with --from-file FILE, or neither")
    if put:
        return Change(put, read_value(from_file))
    return Change(generate, None) if generate else None


def change_value(session: boto3.Session, outputs: Outputs, change: Change) -> str:
    """Make the change; returns what was done. Raises StockroomError for an unknown secret and for no change at all."""
    key, arn = find(outputs, "secret_arns", change.name, "secret")
    name = label_of(outputs, "secret_arns", key)
    if change.value is not None:
        session.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=change.value)
        return f"the secret {name} has the value that was given"
    if not fill_empty(session, {name: arn}):
        raise StockroomError(
            f"the secret '{name}' has a value already",
            f"to replace it: invoke secrets --put {change.name} --from-file FILE",
        )
    return f"the secret {name} has a random value"


def read_value(source: str) -> str:
    """A value from a file, or from standard input for "-"; one line end at its end is not part of it.

    Raises StockroomError for an empty one, one that is too large, and one that is no text.
    """
    what = "standard input" if source == _STDIN else source
    try:
        if source != _STDIN:
            value = Path(source).expanduser().read_bytes().decode()
        elif sys.stdin.isatty():
            value = getpass("value: ")
        else:
            value = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise StockroomError(f"{what} is not UTF-8 text", "encode binary values, for example as base64") from None
    value = value.removesuffix("\n").removesuffix("\r")
    if not value.strip():
        raise StockroomError(f"{what} is empty", "a secret needs a value")
    if len(value.encode()) > _LARGEST_VALUE_BYTES:
        raise StockroomError(f"{what} is larger than a secret may be, {_LARGEST_VALUE_BYTES:,} bytes")
    return value


def secret_table(found: list[Secret]) -> Table:
    """Names, and whether there is a value."""
    table = Table("secret", "value", box=None, pad_edge=False, header_style="dim")
    for secret in found:
        table.add_row(escape(secret.name), "[green]there[/green]" if secret.has_value else "[yellow]missing[/yellow]")
    return table


def _fill(session: boto3.Session, secret: Secret) -> bool:
    """Give an empty secret a random value; False when somebody else was quicker."""
    from botocore.exceptions import ClientError

    try:
        session.client("secretsmanager").put_secret_value(
            SecretId=secret.arn,
            SecretString=secrets.token_urlsafe(_RANDOM_BYTES),
            # The same for all who fill this secret: of two at once AWS takes the first, so that no value is ever
            # used and then replaced.
            ClientRequestToken=str(uuid.uuid5(uuid.NAMESPACE_URL, secret.arn)),
        )
    except ClientError as error:
        if error_code(error) != "ResourceExistsException":
            raise
        return False
    return True
