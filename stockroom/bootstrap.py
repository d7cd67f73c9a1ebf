"""What must exist before Terraform can run: the state bucket, the lock table, the artifact bucket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stockroom.aws import error_code
from stockroom.environments import Environment

if TYPE_CHECKING:
    import boto3


def tls_only_policy(bucket: str) -> dict[str, Any]:
    """A bucket policy that denies every request without TLS."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "DenyInsecureTransport",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def bootstrap(environment: Environment, session: boto3.Session) -> list[str]:
    """Make what is missing and bring every setting to what it should be; safe to run again.

    Returns the names of what was created now.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as pool:
        buckets = [
            pool.submit(_ensure_bucket, session, environment, name)
            for name in (environment.state_bucket, environment.artifact_bucket)
        ]
        table = (
            pool.submit(_ensure_lock_table, session, environment, environment.lock_table)
            if environment.lock_table
            else None
        )
        created = [future.result() for future in buckets]
        created += [table.result()] if table else []
    return [name for name in created if name]


def _ensure_bucket(session: boto3.Session, environment: Environment, bucket: str) -> str | None:
    from botocore.exceptions import ClientError

    s3 = session.client("s3")
    created = None
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=environment.account_id)
    except ClientError as error:
        if error_code(error) not in {"404", "NoSuchBucket"}:
            raise
        # us-east-1 is the one region that refuses to be named.
        place: Any = (
            {}
            if environment.region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": environment.region}}
        )
        s3.create_bucket(Bucket=bucket, ObjectOwnership="BucketOwnerEnforced", **place)
        created = bucket
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}]
        },
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(tls_only_policy(bucket)))
    s3.put_bucket_tagging(
        Bucket=bucket,
        Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in _tags(environment).items()]},
    )
    return created


def _ensure_lock_table(session: boto3.Session, environment: Environment, table: str) -> str | None:
    from botocore.exceptions import ClientError

    dynamodb = session.client("dynamodb")
    try:
        dynamodb.describe_table(TableName=table)
        return None
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        SSESpecification={"Enabled": True},
        Tags=[{"Key": key, "Value": value} for key, value in _tags(environment).items()],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    return table


def _tags(environment: Environment) -> dict[str, str]:
    return environment.tags | {"Module": "bootstrap"}
