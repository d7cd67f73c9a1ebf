"""What Terraform 1.11 says, as it says it, and the one line that a user gets."""

from __future__ import annotations

import pytest

from stockroom.errors import StockroomError
from stockroom.foreign.failures import explain
from stockroom.terraform.process import ResourceExistsError

CORE_VERSION = """
│ Error: Unsupported Terraform Core version
│
│   on main.tf line 2, in terraform:
│    2:   required_version = "< 1.0"
│
│ This configuration does not support Terraform version 1.11.4. To proceed,
│ either choose another supported Terraform version or update this version
│ constraint.
"""
NO_VERSION = """
Error: Failed to query available provider packages

Could not retrieve the list of available versions for provider hashicorp/aws:
no available releases match the given constraints ~> 4.0

To see which modules are currently depending on hashicorp/aws and what
versions are specified, run the following command:
    terraform providers
"""
NO_REGISTRY = """
Error: Failed to query available provider packages

Could not retrieve the list of available versions for provider
hashicorp/random: could not connect to registry.terraform.io: lookup failed
"""
CHECKSUM = """
Error: Failed to install provider

Error while installing hashicorp/aws v5.100.0: the local package for
registry.terraform.io/hashicorp/aws 5.100.0 doesn't match any of the
checksums previously recorded in the dependency lock file
"""


@pytest.mark.parametrize(
    ("details", "message"),
    [
        (CORE_VERSION, "shop: its required_version excludes 1.11.4, the Terraform that is used here"),
        (
            NO_VERSION,
            "shop: the provider hashicorp/aws can't be had as it is asked for: no available releases match the given "
            "constraints ~> 4.0",
        ),
        (
            NO_REGISTRY,
            "shop: the provider hashicorp/random can't be had as it is asked for: could not connect to "
            "registry.terraform.io: lookup failed",
        ),
        (
            CHECKSUM,
            "shop: the provider hashicorp/aws v5.100.0 can't be installed: the local package for "
            "registry.terraform.io/hashicorp/aws 5.100.0 doesn't match any of the checksums previously recorded in the "
            "dependency lock file",
        ),
        (
            'shop: No value for required variable\n  The root module input variable "name" is not set, and has no '
            "default value.",
            'shop: the variable "name" has no value',
        ),
        (
            "aws_s3_bucket.x: deleting S3 Bucket (x): api error BucketNotEmpty: The bucket is not empty",
            "shop: a bucket that is to be deleted still has objects in it",
        ),
        (
            "aws_sns_topic.x: creating SNS Topic (x): StatusCode: 501\n  not implemented",
            "shop: terraform apply failed: creating SNS Topic (x): StatusCode: 501",
        ),
        ("", "shop: terraform apply failed"),
    ],
)
def test_one_line_says_what_is_wrong(details: str, message: str) -> None:
    error = explain(StockroomError("terraform apply of the stack 'shop' failed", "the log", details), "shop", "apply")
    assert error.message == message
    assert error.hint
    assert error.details == details


def test_what_exists_already_is_told_how_to_get_rid_of() -> None:
    error = explain(ResourceExistsError("x", "the log", "aws_x.y: EntityAlreadyExists: Role x exists"), "shop", "apply")
    assert isinstance(error, ResourceExistsError)
    assert "awslocal" in (error.hint or "")
