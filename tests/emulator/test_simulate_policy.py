"""The policy simulator of IAM."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::lake/sales/*"},
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::lake",
            "Condition": {"StringLike": {"s3:prefix": ["sales/*"]}},
        },
        {
            "Effect": "Deny",
            "Action": "s3:*",
            "Resource": "arn:aws:s3:::lake/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "arn:aws:kms:us-east-1:000000000000:key/?",
            "Condition": {
                "StringEquals": {"kms:ViaService": ["s3.us-east-1.amazonaws.com", "sqs.us-east-1.amazonaws.com"]}
            },
        },
        {"Effect": "Allow", "NotAction": "dynamodb:Delete*", "Resource": "arn:aws:dynamodb:*:*:table/orders"},
    ],
}
S3, KMS, ORDERS = (
    "arn:aws:s3:::lake",
    "arn:aws:kms:us-east-1:000000000000:key/a",
    "arn:aws:dynamodb:us-east-1:000000000000:table/orders",
)


@pytest.fixture
def role(aws: Callable[[str], Any], unique: str) -> Iterator[str]:
    """ARN of a role with the policy."""
    service = aws("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    yield service.create_role(RoleName=unique, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    for name in service.list_role_policies(RoleName=unique)["PolicyNames"]:
        service.delete_role_policy(RoleName=unique, PolicyName=name)
    service.delete_role(RoleName=unique)


def test_a_role_may_do_what_its_policies_say(aws: Callable[[str], Any], role: str, unique: str) -> None:
    service = aws("iam")
    service.put_role_policy(RoleName=unique, PolicyName="work", PolicyDocument=json.dumps(POLICY))

    def decision(action: str, resource: str, **keys: str) -> str:
        names = {"prefix": "s3:prefix", "tls": "aws:SecureTransport", "via": "kms:ViaService"}
        [result] = service.simulate_principal_policy(
            PolicySourceArn=role,
            ActionNames=[action],
            ResourceArns=[resource],
            ContextEntries=[
                {"ContextKeyName": names[key], "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in keys.items()
            ],
        )["EvaluationResults"]
        return str(result["EvalDecision"])

    assert decision("s3:GetObject", f"{S3}/sales/1") == "allowed"
    assert decision("s3:GetObject", f"{S3}/returns/1") == "implicitDeny"
    assert decision("s3:PutObject", f"{S3}/sales/1", tls="true") == "allowed"
    assert decision("s3:PutObject", f"{S3}/sales/1", tls="false") == "explicitDeny"
    assert decision("s3:DeleteObject", f"{S3}/sales/1") == "explicitDeny"
    assert decision("s3:ListBucket", S3, prefix="sales/2010") == "allowed"
    assert decision("s3:ListBucket", S3, prefix="returns/") == "implicitDeny"
    assert decision("s3:ListBucket", S3) == "implicitDeny"
    assert decision("kms:GenerateDataKeyWithoutPlaintext", KMS, via="sqs.us-east-1.amazonaws.com") == "allowed"
    assert decision("kms:Decrypt", KMS, via="logs.us-east-1.amazonaws.com") == "implicitDeny"
    assert decision("dynamodb:PutItem", ORDERS) == "allowed"
    assert decision("dynamodb:DeleteTable", ORDERS) == "implicitDeny"
    assert decision("dynamodb:PutItem", f"{ORDERS}-2") == "implicitDeny"
    assert decision("sts:AssumeRole", role) == "implicitDeny"


def test_policies_that_nobody_has_are_simulated_for_all_actions_and_resources(aws: Callable[[str], Any]) -> None:
    results = aws("iam").simulate_custom_policy(
        PolicyInputList=[json.dumps(POLICY)],
        ActionNames=["s3:GetObject", "s3:DeleteObject"],
        ResourceArns=[f"{S3}/sales/1", f"{S3}/other"],
    )["EvaluationResults"]
    assert [(one["EvalActionName"], one["EvalResourceName"], one["EvalDecision"]) for one in results] == [
        ("s3:GetObject", f"{S3}/sales/1", "allowed"),
        ("s3:GetObject", f"{S3}/other", "implicitDeny"),
        ("s3:DeleteObject", f"{S3}/sales/1", "explicitDeny"),
        ("s3:DeleteObject", f"{S3}/other", "explicitDeny"),
    ]
    assert "s3:prefix" in results[0]["MissingContextValues"]
