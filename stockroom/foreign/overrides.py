"""The override files that lead a foreign configuration to the platform, in Terraform's JSON syntax. Pure.

Terraform merges them over the configuration, which itself stays as it is:
https://developer.hashicorp.com/terraform/language/files/override
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stockroom.foreign.configuration import Block, Module, nested
from stockroom.foreign.judge import ACCOUNTS, CREDENTIALS, ROLES, WAYS, aws_name, aws_providers

KEY = "test"

_NO_BLOCKS: dict[str, Any] = {"for_each": [], "content": {}}


@dataclass(frozen=True)
class ProviderSchema:
    """Names of the arguments that one version of the AWS provider knows, and of its endpoints."""

    arguments: frozenset[str]
    endpoints: frozenset[str]


@dataclass(frozen=True)
class StatePlace:
    """Where the state of a folder is: bucket of the platform, key of the default workspace, prefix of others."""

    bucket: str
    key: str
    workspaces: str


def backend_arguments(place: StatePlace, endpoint: str, region: str) -> dict[str, Any]:
    """Arguments of Terraform's S3 backend, and of a remote state that is read from it."""
    return {
        "bucket": place.bucket,
        "key": place.key,
        "workspace_key_prefix": place.workspaces,
        "region": region,
        "access_key": KEY,
        "secret_key": KEY,
        "endpoints": dict.fromkeys(("s3", "sts", "iam", "sso", "dynamodb"), endpoint),
        "use_path_style": True,
        "skip_credentials_validation": True,
        "skip_requesting_account_id": True,
        "skip_metadata_api_check": True,
        "skip_s3_checksum": True,
    }


def override_backend(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What puts the state there; a `cloud` block gives way to it too."""
    return {"terraform": {"backend": {"s3": {**arguments, "use_lockfile": True}}}}


def override_remote_states(arguments: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What reads remote states there: arguments by the name of the data source."""
    states = {name: {"backend": "s3", "config": dict(config)} for name, config in arguments.items()}
    return {"data": {"terraform_remote_state": states}} if states else {}


def override_providers(module: Module, is_root: bool, schema: ProviderSchema, endpoint: str) -> dict[str, Any]:
    """What leads every configuration of the AWS provider in a module to the endpoint.

    The root's default one is led also where no block configures it.
    """
    blocks = aws_providers(module)
    if is_root and not any(block.body.get("alias") is None for block in blocks):
        blocks.append(Block("provider", (aws_name(module),), {}, ""))
    # A configuration may have several blocks: one of its own, and others in override files.
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    for block in blocks:
        arguments = found.setdefault((block.labels[0], block.body.get("alias")), {})
        arguments |= provider_arguments(block, schema, endpoint)
    by_name: dict[str, list[dict[str, Any]]] = {}
    for (name, _), arguments in found.items():
        by_name.setdefault(name, []).append(arguments)
    return {"provider": by_name} if by_name else {}


def provider_arguments(block: Block, schema: ProviderSchema, endpoint: str) -> dict[str, Any]:
    """The platform's credentials and endpoints, and nothing of what would lead elsewhere."""
    body = block.body
    arguments: dict[str, Any] = {"access_key": KEY, "secret_key": KEY}
    wanted = {
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_requesting_account_id": False,
        "s3_use_path_style": True,
        "s3_force_path_style": True,
    }
    arguments |= {name: value for name, value in wanted.items() if name in schema.arguments}
    unwanted: Sequence[str] = (*CREDENTIALS, *ACCOUNTS, *WAYS)
    arguments |= {name: None for name in unwanted if body.get(name) is not None}
    arguments["endpoints"] = dict.fromkeys(sorted(schema.endpoints), endpoint)
    if roles := [name for name in ROLES if nested(body, name)]:
        arguments["dynamic"] = dict.fromkeys(roles, _NO_BLOCKS)
    alias = body.get("alias")
    return {"alias": alias, **arguments} if alias else arguments


def merged(parts: Collection[Mapping[str, Any]]) -> dict[str, Any]:
    """One file of several parts, which have nothing in common."""
    return {name: value for part in parts for name, value in part.items()}
