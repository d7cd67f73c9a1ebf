"""The dataset's own files into the raw bucket, and the marks that tell how far its seeding came.

Under datasets/<first 16 of the digest>/: the files; `invoices.tsv.gz`, the invoices of a sales file, and then
`seeding.json`, written before the first record goes out; and `seeded.json`, written when the last one is in.
"""

from __future__ import annotations

import json
from collections import defaultdict
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
from seed.invoices import unpack
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
NOTED = "invoices.tsv.gz"


def key_of(digest: str, name: str) -> str:
    return f"{FOLDER}{digest[:16]}/{name}"


@dataclass(frozen=True)
class Seeded:
    """A dataset whose seeding has ended: so many events, each with the id "<one of event_prefixes>-<whole number>"."""

    dataset: str
    events: int
    event_prefixes: frozenset[str]


def load(dataset: Dataset, target: SeedTarget, progress: Progress, stop: Event) -> None:
    """Uploads the files, in parts where they are large; a file that is there already is left as it is."""
    progress.started(STEP, sum(file.stat().st_size for file in dataset.files), "bytes")
    sizes = _sizes(target, key_of(dataset.digest, ""), stop)

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
    content = read_object(target, key_of(digest, mark))
    return json.loads(content) if content else None


def read_object(target: SeedTarget, key: str) -> bytes:
    """The object of the raw bucket; nothing where there is none."""

    def get() -> bytes:
        try:
            return target.s3.get_object(Bucket=target.raw_bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return b""
            raise

    return ask(get, f"bucket {target.raw_bucket}", Event())


def dataset_folders(target: SeedTarget) -> dict[str, set[str]]:
    """What lies in the folder of each dataset, by the folder's key."""
    folders: defaultdict[str, set[str]] = defaultdict(set)
    for key in _sizes(target, FOLDER, Event()):
        folder, slash, name = key.rpartition("/")
        folders[folder + slash].add(name)
    return dict(folders)


def read_seeded(client: S3Client, bucket: str, keys: Iterable[str]) -> tuple[list[Seeded], int]:
    """From the keys under FOLDER of the raw bucket: what was seeded, and how many seedings began and have not ended."""
    keys = set(keys)
    seeded = []
    for key in sorted(keys):
        folder, _, name = key.rpartition("/")
        if name == FINISHED:
            mark = json.loads(client.get_object(Bucket=bucket, Key=key)["Body"].read())
            report = mark["report"]
            prefixes = frozenset(filter(None, [mark.get("event_prefix")]))
            if (noted := f"{folder}/{NOTED}") in keys:
                prefixes = _digests(client.get_object(Bucket=bucket, Key=noted)["Body"].read())
            if prefixes:
                seeded.append(Seeded(report["dataset"], report["counts"]["events"], prefixes))
    begun, ended = ({key.rpartition("/")[0] for key in keys if key.endswith(f"/{m}")} for m in (STARTED, FINISHED))
    return seeded, len(begun - ended)


def _digests(content: bytes) -> frozenset[str]:
    return frozenset(digest for _, digest in unpack(content))


def write_mark(target: SeedTarget, digest: str, mark: str, content: dict[str, Any]) -> None:
    write_object(target, key_of(digest, mark), json.dumps(content, indent=2).encode(), "application/json")


def write_object(target: SeedTarget, key: str, body: bytes, content_type: str) -> None:
    put = partial(target.s3.put_object, Bucket=target.raw_bucket, Key=key, Body=body, ContentType=content_type)
    ask(put, f"bucket {target.raw_bucket}", Event())


def _sizes(target: SeedTarget, prefix: str, stop: Event) -> dict[str, int]:
    """Bytes by key of what lies below the prefix."""
    sizes: dict[str, int] = {}
    more: dict[str, Any] = {}
    while True:
        list_page = partial(target.s3.list_objects_v2, Bucket=target.raw_bucket, Prefix=prefix, **more)
        answer = ask(list_page, f"bucket {target.raw_bucket}", stop)
        sizes |= {each["Key"]: each["Size"] for each in answer.get("Contents", [])}
        if not answer.get("IsTruncated"):
            return sizes
        more = {"ContinuationToken": answer["NextContinuationToken"]}


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
