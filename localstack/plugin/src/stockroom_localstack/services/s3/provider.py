"""What of S3 is ours, and where the rest of this package is switched on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.handlers import modify_service_response
from localstack.services.plugins import Service
from localstack.services.s3.models import S3Object
from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore

from . import checksums, events, forms, signatures
from .deletions import DeletingProvider
from .lists import ListingProvider


class ObjectStore(EphemeralS3ObjectStore):
    """LocalStack's store of contents, with names that are the same in every process."""

    @staticmethod
    def _key_from_s3_object(s3_object: S3Object) -> str:
        """LocalStack takes a hash that is another one in every process, so that a saved state would not be found."""
        return f"{s3_object.key}?{s3_object.version_id or 'null'}"


class StockroomS3Provider(ListingProvider, DeletingProvider):
    """LocalStack's provider with all that this package changes."""

    def __init__(self) -> None:
        # LocalStack's own folder is the same for all platforms of a machine, and goes when one deletes its bucket.
        super().__init__(ObjectStore(str(Path(tempfile.gettempdir()) / "s3")))

    def on_after_init(self) -> None:
        super().on_after_init()
        modify_service_response.append(self.service, _name_the_server)
        events.apply_patches()
        signatures.apply_patches()
        forms.apply_patches()
        checksums.apply_patches()

    def _get_cross_account_bucket(
        self, context: RequestContext, bucket_name: str, *, expected_bucket_owner: Any = None
    ) -> Any:
        # LocalStack looks at the expected owner in few operations.
        request: Any = context.service_request or {}
        if expected_bucket_owner is None and request.get("Bucket") == bucket_name:
            expected_bucket_owner = request.get("ExpectedBucketOwner")
        return super()._get_cross_account_bucket(context, bucket_name, expected_bucket_owner=expected_bucket_owner)


def _name_the_server(_: Any, __: Any, response: Any) -> None:
    response.headers["Server"] = "AmazonS3"


def create() -> Service:
    """LocalStack's service with this provider."""
    return Service.for_provider(StockroomS3Provider())
