"""The override files: what they take out, what they put in, and that nothing of an address elsewhere is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stockroom.foreign.configuration import Module, parse_file
from stockroom.foreign.overrides import (
    ProviderSchema,
    StatePlace,
    backend_arguments,
    override_backend,
    override_providers,
    override_remote_states,
)

ENDPOINT = "http://127.0.0.1:4600"
SCHEMA = ProviderSchema(
    frozenset({"skip_credentials_validation", "s3_use_path_style", "profile", "region"}), frozenset({"s3", "sqs"})
)


def provider(text: str, is_root: bool = True) -> dict[str, list[dict[str, Any]]]:
    module = Module(Path("/x"), tuple(parse_file("main.tf", text)), {})
    return dict(override_providers(module, is_root, SCHEMA, ENDPOINT).get("provider", {}))


def test_the_default_provider_is_led_where_no_block_configures_it() -> None:
    [arguments] = provider("")["aws"]
    assert arguments["endpoints"] == {"s3": ENDPOINT, "sqs": ENDPOINT}
    assert arguments["access_key"] == arguments["secret_key"] == "test"
    assert "alias" not in arguments


def test_a_called_module_gets_its_provider_from_the_root() -> None:
    assert provider("", is_root=False) == {}
    assert len(provider('provider "aws" {\n region = "x"\n}', is_root=False)["aws"]) == 1


def test_every_alias_is_led_and_the_default_one_too() -> None:
    found = provider('provider "aws" {\n alias = "eu"\n}\nprovider "aws" {\n alias = "us"\n}')["aws"]
    assert [one.get("alias") for one in found] == ["eu", "us", None]
    assert all(one["endpoints"]["s3"] == ENDPOINT for one in found)


def test_only_arguments_that_this_version_knows_are_given() -> None:
    [arguments] = provider("")["aws"]
    assert "s3_use_path_style" in arguments
    assert "s3_force_path_style" not in arguments
    assert "skip_requesting_account_id" not in arguments


def test_what_leads_elsewhere_is_taken_out_and_the_region_stays() -> None:
    [arguments] = provider(
        'provider "aws" {\n region = "eu-west-1"\n profile = "prod"\n allowed_account_ids = ["1"]\n'
        " assume_role {\n role_arn = var.role\n }\n endpoints {\n s3 = var.s3\n }\n}"
    )["aws"]
    assert arguments["profile"] is None
    assert arguments["allowed_account_ids"] is None
    assert arguments["dynamic"] == {"assume_role": {"for_each": [], "content": {}}}
    assert "region" not in arguments
    assert "shared_credentials_files" not in arguments


def test_a_provider_of_another_name_keeps_it() -> None:
    text = 'terraform {\n required_providers {\n amazon = { source = "hashicorp/aws" }\n }\n}\n'
    assert list(provider(f'{text}provider "amazon" {{\n alias = "eu"\n}}')) == ["amazon"]
    assert list(provider(text)) == ["amazon"]


def test_blocks_of_one_configuration_are_led_as_one() -> None:
    text = 'provider "aws" {\n profile = "x"\n}\nprovider "aws" {\n token = "y"\n}'
    [arguments] = provider(text)["aws"]
    assert arguments["profile"] is arguments["token"] is None


def test_providers_of_others_stay_as_they_are() -> None:
    assert list(provider('provider "random" {}')) == ["aws"]


def test_the_state_is_in_the_platforms_bucket_and_asks_nobody_else() -> None:
    place = StatePlace("bucket", "folders/x/terraform.tfstate", "workspaces")
    arguments = override_backend(backend_arguments(place, ENDPOINT, "us-east-1"))["terraform"]["backend"]["s3"]
    assert (arguments["bucket"], arguments["key"]) == ("bucket", "folders/x/terraform.tfstate")
    assert arguments["use_lockfile"] is True
    assert set(arguments["endpoints"].values()) == {ENDPOINT}
    assert "amazonaws" not in json.dumps(arguments)


def test_remote_states_are_read_there_too() -> None:
    arguments = backend_arguments(StatePlace("bucket", "key", "workspaces"), ENDPOINT, "us-east-1")
    [state] = override_remote_states({"network": arguments})["data"]["terraform_remote_state"].values()
    assert state["backend"] == "s3"
    assert state["config"]["key"] == "key"
    assert "use_lockfile" not in state["config"]
    assert override_remote_states({}) == {}
