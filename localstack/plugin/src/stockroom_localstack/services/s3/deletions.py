"""Deletions under a condition: of an object that is still the one that the client knows."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from localstack.aws.api import RequestContext, ServiceException
from localstack.aws.api.s3 import NotImplemented as NotImplementedException
from localstack.aws.api.s3 import PreconditionFailed
from localstack.services.s3.exceptions import MalformedXML
from localstack.services.s3.models import S3DeleteMarker
from localstack.services.s3.provider import S3Provider, verify_object_equality_precondition_write

MOST_AT_ONCE = 1000
ANY = "*"


class DeletingProvider(S3Provider):
    """LocalStack's provider with conditional deletions."""

    def delete_object(  # type: ignore[override]
        self, context: RequestContext, bucket: str, key: str, if_match: str | None = None, **options: Any
    ) -> Any:
        with self._preconditions_locks[bucket][key]:
            if if_match:
                self._require(context, bucket, key, if_match)
            return super().delete_object(context, bucket, key, **options)

    def delete_objects(  # type: ignore[override]
        self, context: RequestContext, bucket: str, delete: dict[str, Any], **options: Any
    ) -> Any:
        wanted = delete.get("Objects") or []
        if len(wanted) > MOST_AT_ONCE:
            raise MalformedXML()
        if other := {name for each in wanted for name in ("LastModifiedTime", "Size") if name in each}:
            raise NotImplementedException(
                "A header you provided implies functionality that is not implemented", Header=", ".join(sorted(other))
            )
        with ExitStack() as held:
            for key in sorted({each["Key"] for each in wanted if each.get("ETag")}):
                held.enter_context(self._preconditions_locks[bucket][key])
            met, errors = self._divide(context, bucket, wanted)
            if errors and not met:
                return {"Errors": errors}
            fulfilled: Any = {**delete, "Objects": met}
            answer: Any = super().delete_objects(context, bucket, fulfilled, **options)
        return {**answer, "Errors": [*answer.get("Errors", []), *errors]} if errors else answer

    def _divide(self, context: RequestContext, bucket: str, wanted: list[Any]) -> tuple[list[Any], list[Any]]:
        """Those whose condition is met, and what is to be answered for the others."""
        met, errors = [], []
        for each in wanted:
            try:
                if etag := each.get("ETag"):
                    self._require(context, bucket, each["Key"], etag)
            except ServiceException as error:
                errors.append({"Key": each["Key"], "Code": error.code, "Message": error.message})
            else:
                met.append({name: value for name, value in each.items() if name != "ETag"})
        return met, errors

    def _require(self, context: RequestContext, bucket: str, key: str, etag: str) -> None:
        """Raises what AWS answers when the current version is not the one with this ETag, or there is none."""
        _, found = self._get_cross_account_bucket(context, bucket)
        current = found.objects.get(key)
        if etag != ANY:
            verify_object_equality_precondition_write(found, key, etag)
        elif current is None or isinstance(current, S3DeleteMarker):
            raise PreconditionFailed(
                "At least one of the pre-conditions you specified did not hold", Condition="If-Match"
            )
