"""The lock of an environment: one object in its state bucket, made by whoever promotes, if nobody else has made it."""

from __future__ import annotations

import getpass
import json
import os
import socket
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import psutil
from pydantic import Field, TypeAdapter

from stockroom.aws import error_code
from stockroom.errors import StockroomError
from stockroom.promotion.ledger import CONDITION_FAILED, CONDITION_UNDECIDED, now_text
from stockroom.stored import PromotionId, Words, parse, read_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = "promotions/lock.json"


@dataclass(frozen=True)
class Holder:
    """Who holds a lock: the promotion's id, the command, the user, and the process by machine, number and start."""

    promotion: PromotionId
    command: Words
    who: Words
    machine: Words
    pid: Annotated[int, Field(gt=0, lt=2**31)]
    process_started: Annotated[float, Field(allow_inf_nan=False)]
    since: Words

    def __str__(self) -> str:
        return f"`{self.command}` of {self.who} (process {self.pid}), since {self.since}"

    @property
    def is_here(self) -> bool:
        """Whether its process is, or was, one of this machine."""
        return self.machine == this_machine()

    @property
    def has_died(self) -> bool:
        """Whether its process was one of this machine and has ended, so that nobody will release the lock."""
        if not self.is_here:
            return False
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.process_started) < 1
            return not same or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False


_HOLDER = TypeAdapter(Holder)


@dataclass(frozen=True)
class Held:
    """The lock as it lies in the bucket; `etag` is its content's."""

    holder: Holder
    etag: str


def this_machine() -> str:
    return f"{socket.gethostname()}/{uuid.getnode():012x}"


def who_promotes() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"


def new_holder(command: str) -> Holder:
    """This process, with the id of a new promotion: its time, and a few letters against chance."""
    now = datetime.now(UTC)
    return Holder(
        promotion=f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}",
        command=command,
        who=who_promotes(),
        machine=this_machine(),
        pid=os.getpid(),
        process_started=psutil.Process().create_time(),
        since=now_text(now),
    )


def read_lock(s3: S3Client, bucket: str) -> Held | None:
    """Who holds the lock; None where nobody does. Raises StockroomError for a lock that can't be read."""
    found = read_object(s3, bucket, KEY)
    if found is None:
        return None

    def unknown() -> StockroomError:
        return StockroomError(
            f"s3://{bucket}/{KEY} is no lock that this version knows",
            "make sure that nobody promotes, then delete the object",
        )

    return Held(parse(_HOLDER, found[0], unknown), found[1])


def acquire(s3: S3Client, bucket: str, holder: Holder) -> Holder | None:
    """Take the lock. Returns the dead holder whose lock it was, None where it was free.

    Raises StockroomError where somebody holds it, or has just been faster: of several at once, exactly one gets it.
    """
    held = read_lock(s3, bucket)
    if held and not held.holder.has_died:
        raise held_error(held.holder)
    if _write(s3, bucket, holder, held.etag if held else None):
        return held.holder if held else None
    winner = read_lock(s3, bucket)
    if winner:
        raise held_error(winner.holder)
    raise StockroomError("another promotion began at the same moment, and has ended again", "run the command again")


def held_error(holder: Holder) -> StockroomError:
    return StockroomError(f"another promotion is in progress: {holder}", way_out(holder))


def way_out(holder: Holder) -> str:
    """What to do about a lock that somebody holds."""
    if holder.is_here:
        return "wait for it to end; a promotion that was killed is cleaned up after by the next one"
    return (
        f"wait for it to end; if it was killed on {holder.machine.partition('/')[0]}, release its lock with "
        f"`invoke unlock --promotion {holder.promotion}` and the same --env"
    )


def _write(s3: S3Client, bucket: str, holder: Holder, etag: str | None) -> bool:
    """Write the lock if there is none, or still the one with this ETag; returns whether that was so."""
    from botocore.exceptions import ClientError

    body = json.dumps(asdict(holder), indent=2, sort_keys=True).encode()
    try:
        if etag is None:
            s3.put_object(Bucket=bucket, Key=KEY, Body=body, ContentType="application/json", IfNoneMatch="*")
        else:
            s3.put_object(Bucket=bucket, Key=KEY, Body=body, ContentType="application/json", IfMatch=etag)
        return True
    except ClientError as error:
        if error_code(error) in CONDITION_FAILED | CONDITION_UNDECIDED | {"NoSuchKey", "404"}:
            return False
        raise


def release(s3: S3Client, bucket: str, promotion: str, dead: Holder | None = None) -> bool:
    """Remove the lock if it is this promotion's; returns whether it was.

    With `dead`, from whom this promotion took it over and could not clean up after, it is given back to that one.
    """
    held = read_lock(s3, bucket)
    if held is None or held.holder.promotion != promotion:
        return False
    if dead:
        return _write(s3, bucket, dead, held.etag)
    s3.delete_object(Bucket=bucket, Key=KEY)
    return True
