"""The one door for text from a bucket: it says what whoever may write there wants, so it has a type or is refused.

Identifiers, which become arguments of programs, names of files and keys, have a pattern. Words for people have any
letters but those that steer a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from stockroom.aws import error_code
from stockroom.errors import StockroomError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

LARGEST_BYTES = 64 * 2**20

# Of a regular expression's $, Python's would let a line end pass; pydantic's, which is Rust's, does not.
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Commit = Annotated[str, Field(pattern="^([0-9a-f]{40}|[0-9a-f]{64})$")]
PromotionId = Annotated[str, Field(pattern="^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$")]
Name = Annotated[str, Field(pattern="^[A-Za-z0-9_][A-Za-z0-9_-]{0,127}$")]
"""Of a stack, a function, a layer."""

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def _shown(value: object) -> object:
    return _STEERING.sub("\ufffd", value) if isinstance(value, str) else value


Words = Annotated[str, BeforeValidator(_shown), Field(max_length=2**20)]


def parse[T](kind: TypeAdapter[T], content: bytes, problem: Callable[[], StockroomError]) -> T:
    """The content as what it should be. Raises the problem when it is anything else."""
    try:
        return kind.validate_json(content)
    except ValidationError:
        raise problem() from None


def owned_by(owner: str | None) -> dict[str, Any]:
    """What a call about a bucket says of its owner; the session's account where that is None."""
    return {"ExpectedBucketOwner": owner} if owner else {}


def read_object(s3: S3Client, bucket: str, key: str, owner: str | None = None) -> tuple[bytes, str] | None:
    """Content and ETag of an object; None where it is not there. Raises StockroomError for one that is too large."""
    from botocore.exceptions import ClientError

    try:
        found = s3.get_object(Bucket=bucket, Key=key, **owned_by(owner))
    except ClientError as error:
        if error_code(error) in {"NoSuchKey", "NoSuchBucket", "404"}:
            return None
        raise
    content = found["Body"].read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise StockroomError(f"s3://{bucket}/{key} is larger than {LARGEST_BYTES >> 20} MB", "look at who wrote it")
    return content, found["ETag"]
