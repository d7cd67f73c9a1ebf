"""The artifact bucket: bundles and layers under their SHA-256, and nothing else under such a name."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal

from stockroom.aws import error_code
from stockroom.releases.artifacts import Artifact

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client

_CHUNK_BYTES = 2**20


def upload_artifacts(
    artifacts: Iterable[Artifact],
    session: boto3.Session,
    bucket: str,
    note: Callable[[str], None] = lambda _: None,
) -> list[str]:
    """Upload what the artifact bucket lacks; returns the keys that were uploaded now.

    What is there is compared: under the name of these bytes nothing else may be deployed. Other content, which an
    upload can't leave behind but whoever may write to the bucket can, is replaced by what was tested and told of; the
    bucket keeps it as an earlier version.
    """
    s3 = session.client("s3")

    def upload(artifact: Artifact) -> str | None:
        found = look(s3, bucket, artifact)
        if found == "there":
            return None
        if found == "other":
            note(f"replaced s3://{bucket}/{artifact.key}, which held other content: look at who wrote that version")
        with artifact.path.open("rb") as file:
            # In one piece and with its checksum: S3 refuses anything else, and tells the checksum later.
            s3.put_object(
                Bucket=bucket, Key=artifact.key, Body=file, ContentType="application/zip",
                ChecksumSHA256=base64_of(artifact.sha256),
            )  # fmt: skip
        return artifact.key

    with ThreadPoolExecutor() as pool:
        # A layer that several stacks use is one object.
        by_key = {artifact.key: artifact for artifact in artifacts}
        return [key for key in pool.map(upload, by_key.values()) if key]


def look(s3: S3Client, bucket: str, artifact: Artifact) -> Literal["there", "missing", "other"]:
    """What the bucket holds under the artifact's name: exactly it, nothing, or something else."""
    from botocore.exceptions import ClientError

    try:
        head = s3.head_object(Bucket=bucket, Key=artifact.key, ChecksumMode="ENABLED")
    except ClientError as error:
        if error_code(error) not in {"404", "NoSuchKey"}:
            raise
        return "missing"
    told = head.get("ChecksumSHA256", "")
    # S3 computed it over all of the object, unless that came in parts.
    if told and "-" not in told and head.get("ChecksumType") != "COMPOSITE":
        return "there" if told == base64_of(artifact.sha256) else "other"
    digest = hashlib.sha256()
    for chunk in s3.get_object(Bucket=bucket, Key=artifact.key)["Body"].iter_chunks(_CHUNK_BYTES):
        digest.update(chunk)
    return "there" if digest.hexdigest() == artifact.sha256 else "other"


def base64_of(sha256: str) -> str:
    """A SHA-256 in hex as AWS writes it."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def hex_of(code_sha256: str) -> str:
    """A SHA-256 as AWS writes it (Lambda's CodeSha256), in hex."""
    return base64.b64decode(code_sha256).hex()
