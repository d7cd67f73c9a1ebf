"""What must exist before Terraform can run: the state bucket, the lock table, the artifact bucket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stockroom.aws import error_code
from stockroom.environments import Environment

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


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

    # Clients may be shared by threads, but not made by several at once.
    s3, dynamodb = session.client("s3"), session.client("dynamodb")
    with ThreadPoolExecutor() as pool:
        buckets = (environment.state_bucket, environment.artifact_bucket)
        pending = [pool.submit(_ensure_bucket, s3, environment, bucket) for bucket in buckets]
        if environment.lock_table:
            pending.append(pool.submit(_ensure_lock_table, dynamodb, environment, environment.lock_table))
        return [name for future in pending if (name := future.result())]


def _ensure_bucket(s3: S3Client, environment: Environment, bucket: str) -> str | None:
    from botocore.exceptions import ClientError

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


def _ensure_lock_table(dynamodb: DynamoDBClient, environment: Environment, table: str) -> str | None:
    from botocore.exceptions import ClientError

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
