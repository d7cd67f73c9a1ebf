"""S3 takes no key of more than 1,024 bytes."""

from typing import Any

from ministack.services import s3

LONGEST_KEY_BYTES = 1024


def patch() -> None:
    """Refuse keys that are too long for S3."""
    put = s3._put_object

    def put_object(bucket: str, key: str, *args: Any) -> Any:
        if len(key.encode()) > LONGEST_KEY_BYTES:
            return s3._error("KeyTooLongError", "Your key is too long", 400, f"/{bucket}/{key}")
        return put(bucket, key, *args)

    s3._put_object = put_object
