"""Requests to S3: checksums, conditions, owners."""

from __future__ import annotations

import base64
import hashlib
import http.client
import urllib.parse
import zlib
from collections.abc import Callable
from typing import Any

import pytest

BODY = b"hello"
# Of BODY, by the algorithm's name in headers; those of CRC32C and CRC64NVME are by other implementations.
CHECKSUMS = {
    "crc32": base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode(),
    "crc32c": "mnG7TA==",
    "crc64nvme": "M3eFcAZSQlc=",
    "sha1": base64.b64encode(hashlib.sha1(BODY, usedforsecurity=False).digest()).decode(),
    "sha256": base64.b64encode(hashlib.sha256(BODY).digest()).decode(),
}
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


def _put(endpoint: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(endpoint).netloc)
    connection.request("PUT", path, body, {"Authorization": AUTHORIZATION, **headers})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def _in_trailer(endpoint: str, path: str, name: str, value: str) -> tuple[int, str]:
    body = b"%x\r\n%s\r\n0\r\n%s:%s\r\n\r\n" % (len(BODY), BODY, name.encode(), value.encode())
    headers = {
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(BODY)),
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-trailer": name,
    }
    return _put(endpoint, path, body, headers)


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_a_checksum_is_taken_in_a_header_and_in_a_trailer(
    aws: Callable[[str], Any], endpoint: str, unique: str, algorithm: str
) -> None:
    s3, name, value = aws("s3"), f"x-amz-checksum-{algorithm}", CHECKSUMS[algorithm]
    s3.create_bucket(Bucket=unique)
    wrong = base64.b64encode(bytes(len(base64.b64decode(value)))).decode()
    ways: dict[str, Callable[[str, str], tuple[int, str]]] = {
        "trailer": lambda key, checksum: _in_trailer(endpoint, f"/{unique}/{key}", name, checksum),
        "header": lambda key, checksum: _put(endpoint, f"/{unique}/{key}", BODY, {name: checksum}),
    }
    for way, put in ways.items():
        assert put(way, value)[0] == 200
        head = s3.head_object(Bucket=unique, Key=way, ChecksumMode="ENABLED")
        assert head[f"Checksum{algorithm.upper()}"] == value
        status, text = put(f"{way}-wrong", wrong)
        assert (status, "BadDigest" in text) == (400, True), text
        # Parts of an upload come the same ways.
        upload = s3.create_multipart_upload(Bucket=unique, Key=f"{way}-part")["UploadId"]
        assert put(f"{way}-part?partNumber=1&uploadId={upload}", value)[0] == 200


def test_a_trailer_that_s3_does_not_know_is_refused(aws: Callable[[str], Any], endpoint: str, unique: str) -> None:
    aws("s3").create_bucket(Bucket=unique)
    status, text = _in_trailer(endpoint, f"/{unique}/k", "x-amz-checksum-md4", "AAAA")
    assert (status, "x-amz-trailer header is not supported" in text) == (400, True), text


def test_an_object_is_deleted_only_while_it_is_the_one_that_is_meant(aws: Callable[[str], Any], unique: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=unique)

    def refusal(**options: str) -> str | None:
        try:
            s3.delete_object(Bucket=unique, Key="k", **options)
        except s3.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return None

    etag = s3.put_object(Bucket=unique, Key="k", Body=b"1")["ETag"]
    assert refusal(IfMatch='"0"') == "PreconditionFailed"
    assert s3.head_object(Bucket=unique, Key="k")["ETag"] == etag
    assert refusal(IfMatch=etag) is None
    assert refusal(IfMatch=etag) == "NoSuchKey"
    assert refusal(IfMatch="*") == "PreconditionFailed"
    assert refusal() is None
    s3.put_object(Bucket=unique, Key="k", Body=b"2")
    assert refusal(IfMatch="*") is None


def test_of_many_objects_those_are_deleted_that_are_meant(aws: Callable[[str], Any], unique: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=unique)
    etags = {key: s3.put_object(Bucket=unique, Key=key, Body=key)["ETag"] for key in ("a", "b", "c")}
    wanted = [{"Key": "a", "ETag": etags["a"]}, {"Key": "b", "ETag": etags["a"]}, {"Key": "c"}]
    answer = s3.delete_objects(Bucket=unique, Delete={"Objects": wanted})
    assert [one["Key"] for one in answer["Deleted"]] == ["a", "c"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("b", "PreconditionFailed")]
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=unique)["Contents"]] == ["b"]


def test_another_expected_owner_is_refused_in_every_operation(aws: Callable[[str], Any], unique: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=unique)
    s3.put_object(Bucket=unique, Key="k", Body=b"1", ExpectedBucketOwner="000000000000")
    calls: list[Callable[..., Any]] = [
        lambda **owner: s3.get_object(Bucket=unique, Key="k", **owner),
        lambda **owner: s3.head_object(Bucket=unique, Key="k", **owner),
        lambda **owner: s3.put_object(Bucket=unique, Key="k", Body=b"2", **owner),
        lambda **owner: s3.list_objects_v2(Bucket=unique, **owner),
        lambda **owner: s3.get_bucket_versioning(Bucket=unique, **owner),
        lambda **owner: s3.copy_object(Bucket=unique, Key="k2", CopySource=f"{unique}/k", **owner),
        lambda **owner: s3.delete_object(Bucket=unique, Key="k", **owner),
        lambda **owner: s3.delete_bucket(Bucket=unique, **owner),
    ]
    for call in calls:
        with pytest.raises(s3.exceptions.ClientError) as refused:
            call(ExpectedBucketOwner="111111111111")
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert s3.get_object(Bucket=unique, Key="k")["Body"].read() == b"1"


def test_answers_name_the_server(aws: Callable[[str], Any], unique: str) -> None:
    s3 = aws("s3")
    made = s3.create_bucket(Bucket=unique)
    assert made["ResponseMetadata"]["HTTPHeaders"]["server"] == "AmazonS3"
    with pytest.raises(s3.exceptions.NoSuchKey) as refused:
        s3.get_object(Bucket=unique, Key="k")
    assert refused.value.response["ResponseMetadata"]["HTTPHeaders"]["server"] == "AmazonS3"
