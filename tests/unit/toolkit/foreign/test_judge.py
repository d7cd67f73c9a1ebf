"""What of a foreign configuration is led to the platform, warned about, refused: a table of snippets."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockroom.errors import StockroomError
from stockroom.foreign.configuration import Module, parse_file, read_modules
from stockroom.foreign.judge import judge

ENDPOINT = "http://127.0.0.1:4566"


def module(text: str, name: str = "main.tf", folder: Path = Path("/project/live")) -> Module:
    return Module(folder, tuple(parse_file(name, text)), {name: text})


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ('provider "aws" {\n profile = "prod"\n}', "profile is not used"),
        ('provider "aws" {\n profile = var.profile\n}', "profile is not used"),
        ('provider "aws" {\n shared_credentials_file = "~/x"\n}', "shared_credentials_file is not used"),
        (
            'provider "aws" {\n shared_credentials_files = ["~/x"]\n shared_config_files = ["y"]\n}',
            "shared_credentials_files and shared_config_files are not used",
        ),
        ('provider "aws" {\n access_key = "AKIAREALLOOKINGKEY00"\n}', "access_key is not used"),
        ('provider "aws" {\n secret_key = var.secret\n}', "secret_key is not used"),
        ('provider "aws" {\n token = "x"\n}', "token is not used"),
        ('provider "aws" {\n assume_role {\n role_arn = "arn"\n }\n}', "assume_role is left out"),
        (
            'provider "aws" {\n dynamic "assume_role" {\n for_each = [1]\n content {\n role_arn = "arn"\n }\n }\n}',
            "assume_role is left out",
        ),
        (
            'provider "aws" {\n assume_role_with_web_identity {\n role_arn = "arn"\n }\n}',
            "assume_role_with_web_identity is left out",
        ),
        ('provider "aws" {\n allowed_account_ids = ["1"]\n}', "allowed_account_ids is left out"),
        ('provider "aws" {\n forbidden_account_ids = ["1"]\n}', "forbidden_account_ids is left out"),
        ('provider "aws" {\n use_fips_endpoint = true\n}', "use_fips_endpoint is left out"),
        ('provider "aws" {\n https_proxy = "http://proxy:3128"\n}', "https_proxy is left out"),
        (
            'provider "aws" {\n endpoints {\n s3 = "http://localhost:4572"\n sqs = "http://localhost:4576"\n }\n}',
            "endpoints of an emulator (http://localhost:4572, http://localhost:4576) are led",
        ),
        (
            'provider "aws" {\n endpoints {\n s3 = "https://s3.localhost.localstack.cloud:4566"\n }\n}',
            "endpoints of an emulator (https://s3.localhost.localstack.cloud:4566)",
        ),
        (
            'provider "aws" {\n endpoints {\n s3 = "https://s3.eu-west-1.amazonaws.com"\n }\n}',
            "the endpoint of s3 (https://s3.eu-west-1.amazonaws.com) is led to the platform",
        ),
        (
            'provider "aws" {\n endpoints {\n s3 = "https://minio.example.com"\n }\n}',
            "the endpoint of s3 (https://minio.example.com) is led",
        ),
        ('provider "aws" {\n endpoints {\n s3 = var.s3\n }\n}', "the endpoint of s3 (var.s3) is led"),
        (
            'provider "aws" {\n dynamic "endpoints" {\n for_each = [1]\n content {\n s3 = local.url\n }\n }\n}',
            "the endpoint of s3 (local.url) is led",
        ),
        ('provider "aws" {\n alias = "eu"\n profile = "x"\n}', "(alias eu): profile is not used"),
        (
            'terraform {\n required_providers {\n amazon = { source = "registry.terraform.io/hashicorp/aws" }\n }\n}\n'
            'provider "amazon" {\n profile = "x"\n}',
            'provider "amazon": profile is not used',
        ),
        (
            'terraform {\n backend "s3" {\n bucket = "acme-state"\n profile = "prod"\n dynamodb_table = "locks"\n }\n}',
            "the state is in the platform's own bucket, not in the backend s3 (bucket acme-state)",
        ),
        ('terraform {\n backend "s3" {}\n}', "not in the backend s3"),
        ('terraform {\n backend "gcs" {\n bucket = "x"\n }\n}', "not in the backend gcs (bucket x)"),
        (
            'terraform {\n cloud {\n organization = "acme"\n workspaces {\n name = "x"\n }\n }\n}',
            "not in the backend cloud (organization acme)",
        ),
        (
            'terraform {\n backend "remote" {\n hostname = "app.terraform.io"\n organization = "acme"\n }\n}',
            "not in the backend remote (hostname app.terraform.io, organization acme)",
        ),
    ],
)
def test_what_leads_elsewhere_is_led_here_with_a_warning(text: str, warning: str) -> None:
    verdict = judge([module(text)], ENDPOINT)
    assert not verdict.refusals
    [said] = verdict.warnings
    assert said.startswith("main.tf: ")
    assert warning in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        'provider "aws" {\n region = "eu-west-1"\n}',
        'provider "aws" {\n access_key = "test"\n secret_key = "mock_secret_key"\n}',
        'provider "aws" {\n access_key = "000000000001"\n}',
        'provider "aws" {\n profile = null\n use_fips_endpoint = false\n}',
        f'provider "aws" {{\n endpoints {{\n s3 = "{ENDPOINT}"\n }}\n}}',
        'terraform {\n backend "local" {\n path = "x.tfstate"\n }\n}',
        'resource "random_pet" "x" {}\ndata "archive_file" "x" {}\nresource "null_resource" "x" {}',
        'resource "terraform_data" "x" {}\ndata "terraform_remote_state" "x" {\n backend = "local"\n}',
        'data "http" "x" {\n url = "https://example.com"\n}\nresource "tls_private_key" "x" {}',
        'resource "local_file" "x" {}\ndata "external" "x" {}\ndata "cloudinit_config" "x" {}',
        'resource "time_sleep" "x" {}\ndata "template_file" "x" {}',
        # It is required and not used.
        'terraform {\n required_providers {\n docker = { source = "kreuzwerker/docker" }\n }\n}',
        # The name is another's, the provider AWS's.
        'terraform {\n required_providers {\n amazon = { source = "hashicorp/aws" }\n }\n}\n'
        'resource "aws_s3_bucket" "x" {\n provider = amazon.eu\n}',
    ],
)
def test_what_stays_here_is_not_spoken_of(text: str) -> None:
    verdict = judge([module(text)], ENDPOINT)
    assert (verdict.warnings, verdict.refusals) == ([], [])


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        ('resource "google_storage_bucket" "x" {}', "hashicorp/google"),
        ('resource "azurerm_resource_group" "x" {}', "hashicorp/azurerm"),
        ('data "kubernetes_namespace" "x" {}', "hashicorp/kubernetes"),
        ('resource "awscc_s3_bucket" "x" {}', "hashicorp/awscc"),
        (
            'terraform {\n required_providers {\n docker = { source = "kreuzwerker/docker" }\n }\n}\n'
            'resource "docker_image" "x" {}',
            "kreuzwerker/docker",
        ),
        (
            'terraform {\n required_providers {\n aws = { source = "example.com/acme/aws" }\n }\n}\n'
            'resource "aws_s3_bucket" "x" {}',
            "example.com/acme/aws",
        ),
    ],
)
def test_a_provider_that_reaches_something_else_is_refused_by_name(text: str, provider: str) -> None:
    [refusal] = judge([module(text)], ENDPOINT).refusals
    assert provider in refusal.message
    assert refusal.message.startswith("main.tf: ")
    name = provider.rpartition("/")[2]
    assert judge([module(text)], ENDPOINT, [name]).refusals == []
    assert judge([module(text)], ENDPOINT, [provider]).refusals == []


@pytest.mark.parametrize("url", ["", 'url = "https://ip-ranges.amazonaws.com/ip-ranges.json"', "url = var.ranges"])
def test_the_page_of_aws_is_not_read(url: str) -> None:
    [refusal] = judge([module(f'data "aws_ip_ranges" "x" {{\n services = ["s3"]\n {url}\n}}')], ENDPOINT).refusals
    assert "would be read from AWS itself" in refusal.message
    copy = 'data "aws_ip_ranges" "x" {\n services = ["s3"]\n url = "http://127.0.0.1:8000/ranges.json"\n}'
    assert judge([module(copy)], ENDPOINT).refusals == []


def test_a_module_is_named_where_it_is_not_the_root() -> None:
    called = module('provider "aws" {\n profile = "x"\n}', folder=Path("/project/modules/queue"))
    [warning] = judge([module(""), called], ENDPOINT).warnings
    assert warning.startswith("queue/main.tf: ")


def test_json_says_the_same() -> None:
    text = '{"provider": {"aws": [{"profile": "x"}, {"alias": "eu", "assume_role": {"role_arn": "arn"}}]}}'
    warnings = judge([module(text, "main.tf.json")], ENDPOINT).warnings
    assert [warning.split(": ")[2] for warning in warnings] == ["profile is not used", "assume_role is left out"]


@pytest.mark.parametrize("end", ["EOF", "EOF ", "EOF\t", "EOF\r"])
def test_a_heredoc_may_end_with_spaces(end: str) -> None:
    [block] = parse_file("main.tf", f'resource "aws_sqs_queue" "q" {{\n policy = <<EOF\n{{}}\n{end}\n}}\n')
    assert block.labels == ("aws_sqs_queue", "q")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("main.tf", 'resource "x" "y" {\n a = \n}\n', "main.tf is not valid HCL (line"),
        ("main.tf", "resource {", "main.tf is not valid HCL"),
        ("main.tf", 'module "x" {\n source = "./nowhere"\n}', 'main.tf: module "x": there is no folder ./nowhere'),
        ("main.tf.json", "{", "main.tf.json is not valid JSON"),
        ("main.tf.json", "[]", "main.tf.json holds no JSON object"),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(StockroomError) as refused:
        read_modules(tmp_path)
    assert message in refused.value.message


def test_modules_in_folders_are_read_also_beside_the_root_and_each_once(tmp_path: Path) -> None:
    for folder, text in {
        "live": 'module "a" {\n source = "../modules/a"\n}\nmodule "r" {\n source = "terraform-aws-modules/vpc/aws"\n}',
        "modules/a": 'module "b" {\n source = "../b"\n}\nmodule "again" {\n source = "../../live/./own"\n}',
        "modules/b": "",
        "live/own": "",
    }.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "main.tf").write_text(text)
    read = [str(module.folder.relative_to(tmp_path)) for module in read_modules(tmp_path / "live")]
    assert read == ["live", "modules/a", "modules/b", "live/own"]
