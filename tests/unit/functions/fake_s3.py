"""S3 as the functions that rebuild partitions see it through botocore: no more than they call."""

# ruff: noqa: N803 - botocore names arguments so

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody


class FakeS3:
    """Buckets in memory; `before_put` is called before each conditional put, to let somebody else be first."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], tuple[bytes, dict[str, str]]] = {}
        self.calls: list[str] = []
        self.before_put: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def store(self, bucket: str, key: str, body: bytes) -> None:
        self.objects[bucket, key] = (body, {})

    def head_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        self.calls.append("head")
        body, metadata = self._get(Bucket, Key, missing="404")
        return {"ETag": etag(body), "Metadata": metadata}

    def get_object(
        self, Bucket: str, Key: str, IfMatch: str | None = None, IfNoneMatch: str | None = None
    ) -> dict[str, Any]:
        self.calls.append("get")
        body, metadata = self._get(Bucket, Key, missing="NoSuchKey")
        if IfMatch not in {None, etag(body)}:
            raise refused("PreconditionFailed")
        if IfNoneMatch == etag(body):
            raise refused("304")
        return {"ETag": etag(body), "Metadata": metadata, "Body": StreamingBody(io.BytesIO(body), len(body))}

    def put_object(
        self,
        Bucket: str,
        Key: str,
        Body: bytes,
        ContentType: str,
        Metadata: dict[str, str],
        IfMatch: str | None = None,
        IfNoneMatch: str | None = None,
    ) -> dict[str, Any]:
        self.calls.append("put")
        self.before_put()
        with self._lock:
            there = self.objects.get((Bucket, Key))
            if there is None and IfMatch is not None:
                raise refused("NoSuchKey")
            if there is not None and (IfNoneMatch == "*" or IfMatch not in {None, etag(there[0])}):
                raise refused("PreconditionFailed")
            self.objects[Bucket, Key] = (Body, Metadata)
        return {"ETag": etag(Body)}

    def get_paginator(self, operation: str) -> FakeS3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        """Pages of two, so that whoever reads only the first is found out."""
        self.calls.append("list")
        keys = sorted(key for bucket, key in self.objects if bucket == Bucket and key.startswith(Prefix))
        yield {} if not keys else {"Contents": [self._item(Bucket, key) for key in keys[:2]]}
        for start in range(2, len(keys), 2):
            yield {"Contents": [self._item(Bucket, key) for key in keys[start : start + 2]]}

    def _item(self, bucket: str, key: str) -> dict[str, str]:
        return {"Key": key, "ETag": etag(self.objects[bucket, key][0])}

    def _get(self, bucket: str, key: str, missing: str) -> tuple[bytes, dict[str, str]]:
        if (bucket, key) not in self.objects:
            raise refused(missing)
        return self.objects[bucket, key]


def etag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Operation")
