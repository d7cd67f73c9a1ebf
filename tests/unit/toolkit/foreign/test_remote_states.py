from pathlib import Path

import pytest

from stockroom.foreign.configuration import Module, parse_file
from stockroom.foreign.remote_states import default_values, own_state, remote_states, unknown_state

FOLDER = Path("/project/shop")


def module(text: str) -> Module:
    return Module(FOLDER, tuple(parse_file("main.tf", text)), {"main.tf": text})


def backend(text: str) -> str:
    return f"terraform {{\n {text}\n}}"


def state(kind: str, config: str) -> str:
    return f'data "terraform_remote_state" "network" {{\n backend = "{kind}"\n config = {{\n {config}\n }}\n}}'


@pytest.mark.parametrize(
    ("own", "wanted", "name"),
    [
        (
            backend('backend "s3" {\n bucket = "b"\n key = "a/k"\n region = "x"\n}'),
            state("s3", 'bucket = "b"\n key = "a/k"\n region = "y"\n profile = "prod"'),
            "s3://b/a/k",
        ),
        (
            "",
            state("local", 'path = "${path.module}/../shop/terraform.tfstate"'),
            "file:///project/shop/terraform.tfstate",
        ),
        (backend('backend "local" {\n path = "x"\n}'), state("local", 'path = "x"'), "file:///project/shop/x"),
        (
            backend('cloud {\n organization = "acme"\n workspaces {\n name = "net"\n }\n}'),
            state("remote", 'organization = "acme"\n workspaces = { name = "net" }'),
            "remote://acme/net",
        ),
        (
            backend('backend "remote" {\n organization = "acme"\n workspaces {\n name = "net"\n }\n}'),
            state("remote", 'organization = "acme"\n workspaces = { name = "net" }'),
            "remote://acme/net",
        ),
    ],
)
def test_a_state_has_one_name_for_who_writes_and_who_reads_it(own: str, wanted: str, name: str) -> None:
    assert own_state(module(own), {}) == name
    [found] = remote_states(module(wanted), {})
    assert (found.name, found.state) == ("network", name)


def test_variables_with_a_default_are_known() -> None:
    text = 'variable "b" {\n default = "bucket"\n}\nvariable "none" {}\n'
    text += state("s3", 'bucket = var.b\n key = "${var.b}/net"')
    read = module(text)
    [found] = remote_states(read, default_values(read))
    assert found.state == "s3://bucket/bucket/net"


@pytest.mark.parametrize(
    "text", [state("s3", 'bucket = var.x\n key = "k"'), state("s3", 'bucket = local.b\n key = "k"'), state("gcs", "")]
)
def test_what_only_terraform_could_tell_is_said_so(text: str) -> None:
    [found] = remote_states(module(text), {})
    assert found.state is None
    assert "only Terraform could tell" in unknown_state(found).message


def test_a_state_that_is_not_here_is_named() -> None:
    [found] = remote_states(module(state("s3", 'bucket = "b"\n key = "k"')), {})
    error = unknown_state(found)
    assert 'main.tf: data "terraform_remote_state" "network" reads s3://b/k' in error.message
    assert "invoke up" in (error.hint or "")


@pytest.mark.parametrize("text", [backend('backend "s3" {}'), backend('backend "gcs" {\n bucket = "x"\n}')])
def test_a_backend_that_does_not_tell_its_place_has_no_name(text: str) -> None:
    assert own_state(module(text), {}) is None
