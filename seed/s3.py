"""The dataset's own files into the raw bucket, and the marks that tell how far its seeding came.

Under datasets/<first 16 of the digest>/: the files; `seeding.json`, written before the first record goes
out; and `seeded.json`, written when the last one is in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError

from seed.dataset import Dataset
from seed.delivery import Stopped, ask, deliver, side_by_side
from seed.progress import Progress
from seed.target import SeedTarget
from stockroom.errors import StockroomError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FOLDER = "datasets/"
STEP = "s3"
WORKERS = 4
STARTED = "seeding.json"
FINISHED = "seeded.json"


def key_of(digest: str, name: str) -> str:
    return f"{FOLDER}{digest[:16]}/{name}"


@dataclass(frozen=True)
class Seeded:
    """A dataset whose seeding has ended: so many events, each with the id "<event_prefix>-<whole number>"."""

    dataset: str
    events: int
    event_prefix: str


def load(dataset: Dataset, target: SeedTarget, progress: Progress, stop: Event) -> None:
    """Uploads the files, in parts where they are large; a file that is there already is left as it is."""
    progress.started(STEP, sum(file.stat().st_size for file in dataset.files), "bytes")
    sizes = _sizes(target, dataset.digest, stop)

    def upload(files: Sequence[Path]) -> None:
        for file in files:
            key, size = key_of(dataset.digest, file.name), file.stat().st_size
            if sizes.get(key) == size:
                progress.advanced(STEP, size)
            else:
                _upload(target, file, key, progress, stop)

    side_by_side(([file] for file in dataset.files), upload, WORKERS)
    progress.finished(STEP)


def read_mark(target: SeedTarget, digest: str, mark: str) -> dict[str, Any] | None:
    """The mark's content, or None where the dataset has none."""

    def get() -> bytes | None:
        try:
            return target.s3.get_object(Bucket=target.raw_bucket, Key=key_of(digest, mark))["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise

    content = ask(get, f"bucket {target.raw_bucket}", Event())
    return json.loads(content) if content is not None else None


def read_seeded(client: S3Client, bucket: str, keys: Iterable[str]) -> tuple[list[Seeded], int]:
    """From the keys under FOLDER of the raw bucket: what was seeded, and how many seedings began and have not ended."""
    keys = sorted(keys)
    seeded = []
    for key in keys:
        if key.endswith(f"/{FINISHED}"):
            mark = json.loads(client.get_object(Bucket=bucket, Key=key)["Body"].read())
            if prefix := mark.get("event_prefix"):
                report = mark["report"]
                seeded.append(Seeded(report["dataset"], report["counts"]["events"], prefix))
    begun, ended = ({key.rpartition("/")[0] for key in keys if key.endswith(f"/{m}")} for m in (STARTED, FINISHED))
    return seeded, len(begun - ended)


def write_mark(target: SeedTarget, digest: str, mark: str, content: dict[str, Any]) -> None:
    put = partial(
        target.s3.put_object,
        Bucket=target.raw_bucket,
        Key=key_of(digest, mark),
        Body=json.dumps(content, indent=2).encode(),
        ContentType="application/json",
    )
    ask(put, f"bucket {target.raw_bucket}", Event())


def _sizes(target: SeedTarget, digest: str, stop: Event) -> dict[str, int]:
    """Bytes by key of what lies below the dataset's digest: a few files and marks."""
    what, prefix = f"bucket {target.raw_bucket}", key_of(digest, "")
    answer = ask(lambda: target.s3.list_objects_v2(Bucket=target.raw_bucket, Prefix=prefix), what, stop)
    return {each["Key"]: each["Size"] for each in answer.get("Contents", [])}


def _upload(target: SeedTarget, file: Path, key: str, progress: Progress, stop: Event) -> None:
    def send(_: Sequence[Path]) -> Sequence[Path]:
        def moved(n: int) -> None:
            if stop.is_set():
                raise Stopped
            progress.advanced(STEP, n)

        try:
            target.s3.upload_file(str(file), target.raw_bucket, key, Callback=moved)
        except S3UploadFailedError as error:  # boto3 wraps the error that tells whether to try again
            if isinstance(error.__context__, (BotoCoreError, ClientError)):
                raise error.__context__ from error
            raise StockroomError(f"bucket {target.raw_bucket} cannot be loaded: {error}") from error
        return []

    deliver([file], send, f"bucket {target.raw_bucket}", stop)
