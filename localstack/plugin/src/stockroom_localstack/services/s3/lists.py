"""The operations that list what is in a bucket, page by page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.s3 import InvalidArgument
from localstack.services.s3.models import S3DeleteMarker, S3Multipart, S3Object
from localstack.services.s3.provider import S3Provider
from localstack.services.s3.utils import is_version_older_than_other
from localstack.services.s3.validation import validate_encoding_type

from .listing import Page, encoded, key_of, page_of, page_size, token_of

Request = dict[str, Any]
Answer = dict[str, Any]
Version = S3Object | S3DeleteMarker
NULL = "null"


class ListingProvider(S3Provider):
    """LocalStack's provider with our list operations."""

    @handler("ListObjects", expand=False)
    def list_objects(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        bucket, marker = self._listed(context, request), request.get("Marker") or ""
        size = page_size(request.get("MaxKeys"))
        objects = sorted((one for one in bucket.objects.values() if one.key > marker), key=_key)
        page = _page(objects, request, size, marker)
        answer = _answer(bucket, request, page) | {
            "MaxKeys": size,
            "Marker": marker,
            "Contents": [_content(one) | {"Owner": bucket.owner} for one in page.entries],
        }
        if page.is_truncated and request.get("Delimiter"):
            answer["NextMarker"] = _name(page.last)
        return _encoded(request, answer, ("Marker", "NextMarker"), "Contents")

    @handler("ListObjectsV2", expand=False)
    def list_objects_v2(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        bucket, token = self._listed(context, request), request.get("ContinuationToken")
        size, after = page_size(request.get("MaxKeys")), request.get("StartAfter") or ""
        first = None if token is None else _first_key(token)
        objects = [one for one in bucket.objects.values() if (one.key > after if first is None else one.key >= first)]
        page = _page(sorted(objects, key=_key), request, size)
        answer = _answer(bucket, request, page) | {
            "MaxKeys": size,
            "KeyCount": len(page.entries) + len(page.prefixes),
            "Contents": [
                _content(one) | ({"Owner": bucket.owner} if request.get("FetchOwner") else {}) for one in page.entries
            ],
        }
        if page.following:
            answer["NextContinuationToken"] = token_of(page.following.key)
        answer |= {"ContinuationToken": token} if token else {"StartAfter": after} if after else {}
        return _encoded(request, answer, ("StartAfter",), "Contents")

    @handler("ListObjectVersions", expand=False)
    def list_object_versions(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        marker, version_marker = request.get("KeyMarker") or "", request.get("VersionIdMarker") or ""
        if version_marker and not marker:
            raise InvalidArgument(
                "A version-id marker cannot be specified without a key marker.",
                ArgumentName="version-id-marker",
                ArgumentValue=version_marker,
            )
        bucket, size = self._listed(context, request), page_size(request.get("MaxKeys"))
        newest_first = sorted(
            (one for one in bucket.objects.values(with_versions=True) if one.key >= marker),
            key=lambda one: (one.key, -one.last_modified.timestamp()),
        )
        page = _page(_after(newest_first, marker, version_marker), request, size, marker)
        answer = _answer(bucket, request, page) | {
            "MaxKeys": size,
            "KeyMarker": marker,
            "VersionIdMarker": version_marker,
            "Versions": [_version(one) | {"Owner": bucket.owner} for one in page.entries if isinstance(one, S3Object)],
            "DeleteMarkers": [
                _identity(one) | {"Owner": bucket.owner} for one in page.entries if isinstance(one, S3DeleteMarker)
            ],
        }
        if page.is_truncated:
            answer["NextKeyMarker"] = _name(page.last)
            if page.last is not None and not isinstance(page.last, str):
                answer["NextVersionIdMarker"] = _version_id(page.last)
        return _encoded(request, answer, ("KeyMarker", "NextKeyMarker"), "Versions", "DeleteMarkers")

    @handler("ListMultipartUploads", expand=False)
    def list_multipart_uploads(self, context: RequestContext, request: Request) -> Answer:  # type: ignore[override]
        bucket, marker = self._listed(context, request), request.get("KeyMarker") or ""
        id_marker = request.get("UploadIdMarker") if marker else None
        uploads = sorted(bucket.multiparts.values(), key=_begun)
        if id_marker:
            last = bucket.multiparts.get(id_marker)
            if last is None or last.object.key != marker:
                raise InvalidArgument(
                    "Invalid uploadId marker", ArgumentName="upload-id-marker", ArgumentValue=id_marker
                )
            uploads = [one for one in uploads if _begun(one) > _begun(last)]
        else:
            uploads = [one for one in uploads if one.object.key > marker]
        size = page_size(request.get("MaxUploads"))
        page = _page(uploads, request, size, marker)
        answer = {name: value for name, value in _answer(bucket, request, page).items() if name != "Name"} | {
            "Bucket": bucket.name,
            "MaxUploads": size,
            "KeyMarker": marker,
            "UploadIdMarker": id_marker or "",
            "NextKeyMarker": _name(page.last),
            "NextUploadIdMarker": page.last.id if isinstance(page.last, S3Multipart) else "",
            "Uploads": [_upload(one) for one in page.entries],
        }
        return _encoded(request, answer, ("KeyMarker", "NextKeyMarker"), "Uploads")

    def _listed(self, context: RequestContext, request: Request) -> Any:
        encoding: Any = request.get("EncodingType")
        validate_encoding_type(encoding)
        _, bucket = self._get_cross_account_bucket(context, request["Bucket"])
        return bucket


def _key(one: Any) -> str:
    """Of a version or an upload."""
    return str(one.object.key if isinstance(one, S3Multipart) else one.key)


def _begun(upload: S3Multipart) -> tuple[str, float, str]:
    return upload.object.key, upload.initiated.timestamp(), upload.id


def _name(last: Any) -> str:
    return last if isinstance(last, str) else _key(last) if last else ""


def _page(entries: Iterable[Any], request: Request, size: int, after: str = "") -> Page[Any]:
    return page_of(entries, _key, request.get("Prefix") or "", request.get("Delimiter") or "", size, after)


def _answer(bucket: Any, request: Request, page: Page[Any]) -> Answer:
    """What all lists tell."""
    answer: Answer = {
        "Name": bucket.name,
        "Prefix": request.get("Prefix") or "",
        "IsTruncated": page.is_truncated,
        "CommonPrefixes": [{"Prefix": prefix} for prefix in page.prefixes],
    }
    if delimiter := request.get("Delimiter"):
        answer["Delimiter"] = delimiter
    if bucket.bucket_region != "us-east-1":
        answer["BucketRegion"] = bucket.bucket_region
    return answer


def _encoded(request: Request, answer: Answer, names: tuple[str, ...], *lists: str) -> Answer:
    found = {name: value for name, value in answer.items() if value or not isinstance(value, list)}
    if not request.get("EncodingType"):
        return found
    return encoded(found, ("Prefix", "Delimiter", *names), ("CommonPrefixes", *lists))


def _first_key(token: str) -> str:
    try:
        if token:
            return key_of(token)
    except ValueError:
        pass
    raise InvalidArgument("The continuation token provided is incorrect", ArgumentName="continuation-token")


def _after(newest_first: Iterable[Version], marker: str, version_marker: str) -> Iterator[Version]:
    """What follows the version with this marker, which may be gone: clients delete one page after the other."""
    rest = [one for one in newest_first if one.key > marker or (version_marker and one.key == marker)]
    ids = [_version_id(one) for one in rest if one.key == marker]
    if version_marker in ids:
        seen = ids.index(version_marker) + 1
    else:
        # Of the version `null` nobody knows how old it is; it follows what is newer.
        newer = [NULL not in (one, version_marker) and not _is_older(one, version_marker) for one in ids]
        seen = max((place for place, is_newer in enumerate(newer, 1) if is_newer), default=0)
    yield from rest[seen:]


def _is_older(version_id: str, than: str) -> bool:
    try:
        return bool(is_version_older_than_other(version_id, than))
    except ValueError as error:
        raise InvalidArgument(
            "Invalid version id specified", ArgumentName="version-id-marker", ArgumentValue=than
        ) from error


def _version_id(one: Version) -> str:
    return one.version_id or NULL


def _content(one: S3Object) -> Answer:
    about: Answer = {
        "Key": one.key,
        "ETag": one.quoted_etag,
        "Size": one.size,
        "LastModified": one.last_modified,
        "StorageClass": one.storage_class,
    }
    if one.checksum_algorithm:
        about |= {"ChecksumAlgorithm": [one.checksum_algorithm], "ChecksumType": one.checksum_type}
    return about


def _identity(one: Version) -> Answer:
    return {
        "Key": one.key,
        "VersionId": _version_id(one),
        "IsLatest": one.is_current,
        "LastModified": one.last_modified,
    }


def _version(one: S3Object) -> Answer:
    return _content(one) | _identity(one) | {"StorageClass": "STANDARD"}  # the only one of versions in AWS's API


def _upload(one: S3Multipart) -> Answer:
    about: Answer = {
        "UploadId": one.id,
        "Key": one.object.key,
        "Initiated": one.initiated,
        "StorageClass": one.object.storage_class,
        "Owner": one.object.owner,
        "Initiator": one.initiator,
    }
    if one.checksum_algorithm:
        about |= {"ChecksumAlgorithm": one.checksum_algorithm, "ChecksumType": one.checksum_type}
    return about
