import json
from typing import Any

from stockroom.bootstrap import Readers, bucket_policy
from stockroom.deployed.terraform_state import Resource, parse_state

STATE: dict[str, Any] = {
    "version": 4,
    "outputs": {
        "table_names": {"value": {"orders": "stockroom-local-orders"}, "type": ["map", "string"]},
        "secret": {"value": "s", "type": "string", "sensitive": True},
    },
    "resources": [
        {
            "mode": "data",
            "type": "aws_caller_identity",
            "name": "current",
            "instances": [{"attributes": {"id": "000000000000"}}],
        },
        {
            "module": "module.dynamodb",
            "mode": "managed",
            "type": "aws_dynamodb_table",
            "name": "this",
            "instances": [
                {"index_key": "orders", "attributes": {"id": "x", "name": "stockroom-local-orders"}},
                {"index_key": 'a "quoted" key', "attributes": {"id": "quoted", "name": ""}},
            ],
        },
        {
            "module": 'module.functions["capture"].module.role',
            "mode": "managed",
            "type": "aws_iam_role",
            "name": "this",
            "instances": [{"index_key": 1, "attributes": {"id": "role", "name": None}}],
        },
        {
            "mode": "managed",
            "type": "aws_s3_bucket_versioning",
            "name": "raw",
            "instances": [{"attributes": {"id": "with-owner,123", "bucket": "raw-bucket"}}],
        },
        {"mode": "managed", "type": "aws_sqs_queue", "name": "gone", "instances": []},
    ],
}


def test_resources_are_addressed_as_terraform_does() -> None:
    resources, outputs = parse_state(json.dumps(STATE).encode())
    assert resources == [
        Resource("aws_s3_bucket_versioning.raw", "aws_s3_bucket_versioning", "raw-bucket"),
        Resource(
            'module.dynamodb.aws_dynamodb_table.this["a \\"quoted\\" key"]',
            "aws_dynamodb_table",
            "quoted",
        ),
        Resource('module.dynamodb.aws_dynamodb_table.this["orders"]', "aws_dynamodb_table", "stockroom-local-orders"),
        Resource('module.functions["capture"].module.role.aws_iam_role.this[1]', "aws_iam_role", "role"),
    ]
    assert outputs == {"table_names": {"orders": "stockroom-local-orders"}, "secret": "s"}


def test_an_empty_state_holds_nothing() -> None:
    assert parse_state(b'{"version": 4, "serial": 1}') == ([], {})


def test_the_bucket_policy_lets_other_accounts_read_the_ledger_and_nothing_else() -> None:
    _, read, listing = bucket_policy("b", Readers(("111111111111", "222222222222"), "promotions/ledger/"))["Statement"]
    who = {"AWS": ["arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:root"]}
    assert (read["Effect"], read["Principal"], read["Action"]) == ("Allow", who, "s3:GetObject")
    assert read["Resource"] == "arn:aws:s3:::b/promotions/ledger/*"
    assert (listing["Effect"], listing["Principal"], listing["Action"]) == ("Allow", who, "s3:ListBucket")
    assert listing["Condition"] == {"StringLike": {"s3:prefix": "promotions/ledger/*"}}


def test_the_bucket_policy_denies_every_request_without_tls() -> None:
    (statement,) = bucket_policy("b")["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == "*"
    assert statement["Action"] == "s3:*"
    assert statement["Resource"] == ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
