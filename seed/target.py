"""Where a dataset goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from stockroom.errors import StockroomError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class SeedTarget:
    """A deployed data platform: the names of its parts, and the session that reaches them.

    `endpoint_url` None means what the session resolves by itself.
    """

    products_table: str
    customers_table: str
    stores_table: str
    inventory_table: str
    queue_url: str
    stream_name: str
    raw_bucket: str
    endpoint_url: str | None = None
    region: str = "us-east-1"
    session: boto3.Session = field(default_factory=boto3.Session, repr=False)

    # The seeding retries for itself: it must know which entries are in, and whether a lost answer may hide
    # a success.

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return self.session.client("dynamodb", self.region, endpoint_url=self.endpoint_url, config=_config(tries=1))

    @cached_property
    def kinesis(self) -> KinesisClient:
        return self.session.client("kinesis", self.region, endpoint_url=self.endpoint_url, config=_config(tries=1))

    @cached_property
    def sqs(self) -> SQSClient:
        return self.session.client("sqs", self.region, endpoint_url=self.endpoint_url, config=_config(tries=1))

    @cached_property
    def s3(self) -> S3Client:
        return self.session.client("s3", self.region, endpoint_url=self.endpoint_url, config=_config(tries=5))


def _config(tries: int) -> Config:
    return Config(
        retries={"mode": "standard", "total_max_attempts": tries},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=16,
    )


def target_of(outputs: Mapping[str, Any], session: boto3.Session, endpoint: str) -> SeedTarget:
    """Where the data goes, from the outputs of the data platform's stack."""
    try:
        tables = outputs["table_names"]
        return SeedTarget(
            products_table=tables["products"],
            customers_table=tables["customers"],
            stores_table=tables["stores"],
            inventory_table=tables["inventory"],
            queue_url=outputs["queue_urls"]["orders"],
            stream_name=outputs["stream_names"]["sales_events"],
            raw_bucket=outputs["bucket_names"]["raw"],
            endpoint_url=endpoint,
            region=str(session.region_name),
            session=session,
        )
    except KeyError as missing:
        raise StockroomError(
            f"the deployed data platform has no output {missing}", "deploy it with `invoke infra-up`"
        ) from None
