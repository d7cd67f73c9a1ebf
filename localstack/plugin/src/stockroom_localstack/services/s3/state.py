"""Objects, whose contents are in a file beside the stores, and what S3 remembers of its buckets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localstack.services.s3.models import s3_stores
from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore

from stockroom_localstack.state.hooks import StateHooks


class S3Hooks(StateHooks):
    """What is on the way in uploads is saved, what is remembered of buckets forgotten."""

    saved_attributes = ("_storage_backend._filesystem",)
    shared_attributes = ("_storage_backend",)

    def after_replacing(self, provider: Any) -> None:
        provider._cors_handler.invalidate_cache()
        provider._expiration_cache.clear()
        _make_folders(provider._storage_backend)


def _make_folders(store: EphemeralS3ObjectStore) -> None:
    """The folders in which LocalStack makes its files, for all buckets and uploads that were loaded."""
    root = Path(store.root_directory)
    for _, _, regional in s3_stores.iter_stores():
        for bucket in regional.buckets:
            (root / bucket).mkdir(parents=True, exist_ok=True)
    for bucket, contents in store._filesystem.items():
        for upload, multipart in contents["multiparts"].items():
            multipart.upload_dir = str(root / bucket / upload)
            Path(multipart.upload_dir).mkdir(parents=True, exist_ok=True)


HOOKS = S3Hooks()
