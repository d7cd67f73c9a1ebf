"""What must exist before Terraform can run: the state bucket, the lock table, the artifact bucket."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stockroom.aws import error_code
from stockroom.environments import Environment
from stockroom.errors import StockroomError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Readers:
    """Other accounts that may read, and list, what begins with the prefix in a bucket."""

    accounts: tuple[str, ...] = ()
    prefix: str = ""


def bucket_policy(bucket: str, readers: Readers | None = None) -> dict[str, Any]:
    """A bucket policy that denies every request without TLS, and lets the readers read the ledger."""
    readers = readers or Readers()
    tls_only = {
        "Sid": "DenyInsecureTransport",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    principal = {"AWS": [f"arn:aws:iam::{account}:root" for account in readers.accounts]}
    read = {
        "Sid": "ReadLedger",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/{readers.prefix}*",
    }
    listing = {
        "Sid": "ListLedger",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{bucket}",
        "Condition": {"StringLike": {"s3:prefix": f"{readers.prefix}*"}},
    }
    return {"Version": "2012-10-17", "Statement": [tls_only, *([read, listing] if readers.accounts else [])]}


def bootstrap(environment: Environment, session: boto3.Session, readers: Readers | None = None) -> list[str]:
    """Make what is missing and bring every setting to what it should be; safe to run again.

    `readers` are those of the state bucket. Returns the names of what was created now.
    """
    from concurrent.futures import ThreadPoolExecutor

    # Clients may be shared by threads, but not made by several at once.
    s3, dynamodb = session.client("s3"), session.client("dynamodb")
    with ThreadPoolExecutor() as pool:
        readers_of = {environment.state_bucket: readers or Readers(), environment.artifact_bucket: Readers()}
        pending = [pool.submit(_ensure_bucket, s3, environment, *bucket) for bucket in readers_of.items()]
        if environment.lock_table:
            pending.append(pool.submit(_ensure_lock_table, dynamodb, environment, environment.lock_table))
        return [name for future in pending if (name := future.result())]


def _ensure_bucket(s3: S3Client, environment: Environment, bucket: str, readers: Readers) -> str | None:
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
    _put_policy(s3, bucket, readers)
    s3.put_bucket_tagging(
        Bucket=bucket,
        Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in _tags(environment).items()]},
    )
    return created


def _put_policy(s3: S3Client, bucket: str, readers: Readers) -> None:
    from botocore.exceptions import ClientError

    try:
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(bucket_policy(bucket, readers)))
    except ClientError as error:
        if error_code(error) != "MalformedPolicy" or not readers.accounts:
            raise
        raise StockroomError(
            f"one of the accounts {', '.join(readers.accounts)} does not exist, so none can be let read the ledger",
            "put the account of the environment that comes next into its environment.tfvars and backend.hcl",
        ) from None


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
