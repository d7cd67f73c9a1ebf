"""Partitions that are one object each, built anew from their sources by any number of workers at once.

A worker looks at the object first, then at its sources, and writes on condition that the object is still the
one it looked at. Whoever was overtaken starts over, so the object that stays was built from sources no older
than those of any worker that is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import ClientError
from object_created import Batch
from redelivery import Redelivery
from remaining_time import GrowingPause, OutOfTimeError, Seconds, seconds_left

S3_CONFIG = Config(connect_timeout=2, read_timeout=20, retries={"mode": "standard", "max_attempts": 4})

# Another wrote first, writes at this moment, or deleted the object.
_OVERTAKEN = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchKey", "404"})

Counts = dict[str, Any]


class OvertakenError(Exception):
    """What was looked at has changed since."""


@dataclass(frozen=True)
class Present:
    """The object as it was looked at: its ETag, None when there is no object, and its metadata."""

    etag: str | None
    metadata: dict[str, str]


@dataclass(frozen=True)
class Target:
    """The object of one partition."""

    s3: Any
    bucket: str
    key: str

    def look(self) -> Present:
        try:
            head = self.s3.head_object(Bucket=self.bucket, Key=self.key)
        except ClientError as error:
            if error_code(error) in {"404", "NoSuchKey"}:
                return Present(None, {})
            raise
        return Present(head["ETag"], head["Metadata"])

    def replace(self, present: Present, body: bytes, metadata: dict[str, str]) -> None:
        """Raises OvertakenError when the object is another than `present` by now."""
        condition = {"IfNoneMatch": "*"} if present.etag is None else {"IfMatch": present.etag}
        try:
            self.s3.put_object(
                Bucket=self.bucket,
                Key=self.key,
                Body=body,
                ContentType="application/vnd.apache.parquet",
                Metadata=metadata,
                **condition,
            )
        except ClientError as error:
            if error_code(error) in _OVERTAKEN:
                raise OvertakenError(self.key) from error
            raise


def error_code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


class UnmendedError(Exception):
    """A source that waiting alone does not mend: somebody has to bring or replace it."""


def rebuild_partitions(
    batch: Batch, rebuild: Callable[[str], Counts], context: Any, again: Redelivery, logger: Logger
) -> dict[str, Any]:
    """Rebuild each date's partition once, and answer which messages failed: those refused, and those of failed dates.

    `rebuild` takes the date, returns what to log, and may raise OvertakenError to be called again, or UnmendedError.
    When those that failed are to come again is noted in `again`.
    """
    time_left = seconds_left(context)
    for message_id, reason in batch.refused.items():
        logger.error("message refused", extra={"message_id": message_id, "reason": reason})
        again.at_once(message_id)
    failed = list(batch.refused)
    for date, message_ids in batch.dates.items():
        about = {"date": date, "messages": len(message_ids)}
        try:
            counts = until_not_overtaken(lambda date=date: rebuild(date), time_left)  # type: ignore[misc]
        except OutOfTimeError as late:
            logger.warning("partition not rebuilt yet", extra=about | {"reason": str(late)})
            _come_again(message_ids, again.after_failure)
            failed += message_ids
        except Exception as error:
            logger.exception("partition failed", extra=about)
            _come_again(message_ids, again.later if isinstance(error, UnmendedError) else again.after_failure)
            failed += message_ids
        else:
            logger.info("partition is up to date", extra=about | counts)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _come_again(message_ids: Iterable[str], when: Callable[[str], None]) -> None:
    for message_id in message_ids:
        when(message_id)


def until_not_overtaken(attempt: Callable[[], Counts], time_left: Seconds) -> Counts:
    """What `attempt` returns, with the number of `attempts`. Raises OutOfTimeError."""
    attempts = 0
    pause = GrowingPause(time_left)
    while time_left() > 0:
        attempts += 1
        try:
            return attempt() | {"attempts": attempts}
        except OvertakenError:
            pause.wait()
    raise OutOfTimeError(f"the function's time is up after {attempts} attempts")
