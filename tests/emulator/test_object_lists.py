"""Lists of S3, page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

KEYS = {
    "like Hive": [f"sales/event_date=2026-01-0{day}/{number}.json" for day in (1, 2) for number in range(4)],
    "not ASCII": [f"café/{number}" for number in range(7)],
    "beyond 16 bits": [f"🛒/{number}" for number in range(5)],
    "spaces": [f"a b/{number} x" for number in range(7)],
    "per cent": [f"100%/{number}%20" for number in range(7)],
    "plus and quotes": [f"a+b/'{number}'\"&<>" for number in range(7)],
    "encoded and not": ["a b", "a%20b", "a+b", "a&b", "a=b", "ab", "é", "~", "a/b", "a//b"],
}


@pytest.fixture(params=[False, True], ids=["plain", "versioned"])
def bucket(aws: Callable[[str], Any], unique: str, request: pytest.FixtureRequest) -> str:
    s3 = aws("s3")
    s3.create_bucket(Bucket=unique)
    if request.param:
        s3.put_bucket_versioning(Bucket=unique, VersioningConfiguration={"Status": "Enabled"})
    return unique


def _pages(s3: Any, operation: str, bucket: str, **options: Any) -> list[Any]:
    pages = s3.get_paginator(operation).paginate(Bucket=bucket, PaginationConfig={"PageSize": 3}, **options)
    found = []
    for page in pages:
        found.append(page)
        assert len(found) < 50, "the list does not end"
    return found


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects", "list_object_versions"])
def test_every_key_is_on_one_page(aws: Callable[[str], Any], bucket: str, keys: list[str], operation: str) -> None:
    s3 = aws("s3")
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    member = "Versions" if operation == "list_object_versions" else "Contents"
    pages = _pages(s3, operation, bucket)
    assert [one["Key"] for page in pages for one in page.get(member, [])] == sorted(keys)
    assert len(pages) == -(-len(keys) // 3)  # the last page is known to be the last
    below = _pages(s3, operation, bucket, Prefix=keys[0][:3])
    assert [one["Key"] for page in below for one in page.get(member, [])] == [
        key for key in sorted(keys) if key.startswith(keys[0][:3])
    ]


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects", "list_object_versions"])
@pytest.mark.parametrize("delimiter", ["/", "=", " ", "é/", "%"])
def test_common_prefixes_come_once(aws: Callable[[str], Any], unique: str, operation: str, delimiter: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=unique)
    keys = [key for some in KEYS.values() for key in some]
    for key in keys:
        s3.put_object(Bucket=unique, Key=key, Body=b"")
    pages = _pages(s3, operation, unique, Delimiter=delimiter)
    member = "Versions" if operation == "list_object_versions" else "Contents"
    assert sorted(one["Key"] for page in pages for one in page.get(member, [])) == sorted(
        key for key in keys if delimiter not in key
    )
    assert [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])] == sorted(
        {key[: key.index(delimiter) + len(delimiter)] for key in keys if delimiter in key}
    )


def test_versions_and_delete_markers_are_on_one_page_each(aws: Callable[[str], Any], unique: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=unique)
    s3.put_object(Bucket=unique, Key="a=ü", Body=b"before")
    s3.put_bucket_versioning(Bucket=unique, VersioningConfiguration={"Status": "Enabled"})
    for number in range(4):
        s3.put_object(Bucket=unique, Key="a=ü", Body=str(number))
        s3.delete_object(Bucket=unique, Key="a=ü")
    pages = _pages(s3, "list_object_versions", unique)
    found = [one for page in pages for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, [])]
    assert len({one["VersionId"] for one in found}) == len(found) == 9
    assert [one["IsLatest"] for one in found].count(True) == 1

    # As a client that empties a bucket does: what a marker names is gone when the next page is asked for.
    marker: dict[str, str] = {}
    for _ in range(5):
        page = s3.list_object_versions(Bucket=unique, MaxKeys=2, **marker)
        entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        s3.delete_objects(
            Bucket=unique,
            Delete={"Objects": [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in entries]},
        )
        marker = {"KeyMarker": page.get("NextKeyMarker", ""), "VersionIdMarker": page.get("NextVersionIdMarker", "")}
    assert not page["IsTruncated"]
    assert "Versions" not in (left := s3.list_object_versions(Bucket=unique))
    assert "DeleteMarkers" not in left


def test_every_upload_and_every_part_is_on_one_page(aws: Callable[[str], Any], unique: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=unique)
    keys = ["a=1", "a b", "é", "dir=/x", "dir=/y", "z", "z"]
    ids = {s3.create_multipart_upload(Bucket=unique, Key=key)["UploadId"]: key for key in keys}
    uploads = [one for page in _pages(s3, "list_multipart_uploads", unique) for one in page["Uploads"]]
    assert sorted(one["UploadId"] for one in uploads) == sorted(ids)
    first = s3.list_multipart_uploads(Bucket=unique, EncodingType="url", MaxUploads=1, KeyMarker="z0")
    assert first["NextKeyMarker"] == first["Uploads"][0]["Key"] == "%C3%A9"  # boto3 decodes only other lists
    grouped = _pages(s3, "list_multipart_uploads", unique, Delimiter="/")
    assert [one["Prefix"] for page in grouped for one in page.get("CommonPrefixes", [])] == ["dir=/"]
    assert sorted(one["Key"] for page in grouped for one in page.get("Uploads", [])) == sorted(
        key for key in keys if "/" not in key
    )
    upload, key = next(iter(ids.items()))
    for number in range(1, 8):
        s3.upload_part(Bucket=unique, Key=key, UploadId=upload, PartNumber=number, Body=b"x")
    parts = s3.get_paginator("list_parts").paginate(
        Bucket=unique, Key=key, UploadId=upload, PaginationConfig={"PageSize": 3}
    )
    assert [part["PartNumber"] for page in parts for part in page["Parts"]] == list(range(1, 8))


def test_a_page_of_no_key_and_of_too_many(aws: Callable[[str], Any], unique: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=unique)
    s3.put_object(Bucket=unique, Key="a", Body=b"")
    none, many = (s3.list_objects_v2(Bucket=unique, MaxKeys=size) for size in (0, 5000))
    assert (none["KeyCount"], none["IsTruncated"]) == (0, False)
    assert (many["KeyCount"], many["MaxKeys"]) == (1, 1000)
    for token in ("", "?", "é"):
        with pytest.raises(s3.exceptions.ClientError, match="continuation token"):
            s3.list_objects_v2(Bucket=unique, ContinuationToken=token)
