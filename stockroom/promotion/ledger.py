"""The ledger: what was promoted to an environment, as objects in its state bucket that are only ever added.

promotions/ledger/00000001.json    one event; numbers have no gap, since each is written only if it is not there yet
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from stockroom.aws import error_code
from stockroom.errors import StockroomError
from stockroom.releases.artifacts import Hashes, Kind
from stockroom.stored import Commit, Digest, Name, PromotionId, Words, owned_by, parse, read_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "promotions/ledger/"
FORMAT = 2

Result = Literal["succeeded", "failed", "refused", "interrupted"]
Deed = Literal["promotion", "rollback", "destroy"]
"""What was done; "destroy" is of a stack that the release, which stays as it is, does not have any more."""
_ATTEMPTS = 20
_KEY = re.compile(re.escape(PREFIX) + r"[0-9]{8}\.json")

# What S3 says of a conditional write: that the object is there already (or another), or that it can't say yet.
CONDITION_FAILED = frozenset({"PreconditionFailed", "412"})
CONDITION_UNDECIDED = frozenset({"ConditionalRequestConflict", "409"})


@dataclass(frozen=True)
class Promotion:
    """One promotion, folded from its events. Times are UTC in ISO 8601.

    `result` is "interrupted" as well when no end was recorded, which is what a kill leaves. `applying` says whether
    anything may have been changed. `artifacts` is None of an event of format 1, which did not keep them by stack.
    """

    id: str
    kind: str
    release: dict[str, Any]
    who: str
    started: str
    artifacts: Hashes | None = None
    plan_digest: str | None = None
    result: Result = "interrupted"
    step: str | None = None
    error: str | None = None
    finished: str | None = None
    duration_seconds: float | None = None
    stacks: dict[str, str] = field(default_factory=dict)
    applying: bool = False

    @property
    def digest(self) -> str:
        return str(self.release["digest"])

    @property
    def commit(self) -> str:
        return str(self.release["commit"])


class _Event(BaseModel):
    """What every event holds, as far as it is read here."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1, 2]
    number: int | None = None
    promotion: PromotionId
    at: Words


class _Release(BaseModel):
    digest: Digest
    commit: Commit
    dirty: bool = False


class _Started(_Event):
    format: Literal[2]
    event: Literal["started"]
    kind: Deed
    release: _Release
    who: Words
    artifacts: dict[Name, dict[Kind, dict[Name, Digest]]]


class _StartedOfFormat1(_Event):
    format: Literal[1]
    event: Literal["started"]
    kind: Literal["promotion", "rollback"]
    release: _Release
    who: Words
    artifacts: dict[Kind, dict[Name, Digest]]


class _Applying(_Event):
    event: Literal["applying"]
    plan_digest: Digest


class _Finished(_Event):
    event: Literal["finished"]
    result: Result
    step: Words | None = None
    error: Words | None = None
    stacks: dict[Name, Words]
    duration_seconds: float | None = None


_EVENT: TypeAdapter[_Event] = TypeAdapter(
    _Started | _StartedOfFormat1 | _Applying | _Finished, config={"defer_build": True}
)


def fold(events: Iterable[dict[str, Any]]) -> list[Promotion]:
    """The promotions of the events (in the order of their numbers), in the order in which they were started."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        known = found.setdefault(event["promotion"], {"id": event["promotion"]})
        match event["event"]:
            case "started":
                known |= {name: event[name] for name in ("kind", "release", "who")} | {"started": event["at"]}
                known["artifacts"] = event["artifacts"] if event["format"] > 1 else None
            case "applying":
                known |= {"plan_digest": event["plan_digest"], "applying": True}
            case "finished":
                known |= {name: event.get(name) for name in ("result", "step", "error", "duration_seconds")}
                known |= {"finished": event["at"], "stacks": event["stacks"]}
    return [Promotion(**known) for known in found.values() if "kind" in known]


def current(promotions: Sequence[Promotion]) -> Promotion | None:
    """The promotion whose release the environment runs: the last one that succeeded."""
    return next((one for one in reversed(promotions) if one.result == "succeeded"), None)


def unfinished(promotions: Sequence[Promotion]) -> Promotion | None:
    """The last promotion, where it began to apply and did not come to its end: the environment is between two."""
    last = next((one for one in reversed(promotions) if one.applying), None)
    return last if last and last.result != "succeeded" else None


def release_before(promotions: Sequence[Promotion]) -> Promotion | None:
    """The last promotion of another release than the one that runs: what a rollback goes back to.

    Of a chain of rollbacks, each goes one release further back; what was rolled back from is not gone back to.
    """
    history: list[Promotion] = []
    for one in promotions:
        if one.result != "succeeded":
            continue
        if one.kind == "rollback":
            # Back to a release: what came behind it is history no more.
            while history and history[-1].digest != one.digest:
                history.pop()
        elif history and history[-1].digest == one.digest:
            history[-1] = one
        else:
            history.append(one)
    return history[-2] if len(history) > 1 else None


def ran(promotions: Sequence[Promotion], digest: str) -> bool:
    """Whether the environment ever ran the release, with its smoke tests passed."""
    return any(one.digest == digest and one.result == "succeeded" for one in promotions)


def now_text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def read_events(s3: S3Client, bucket: str, owner: str | None = None) -> list[dict[str, Any]]:
    """Every event in the order of the numbers; none where the bucket holds no ledger.

    `owner` is the account of a bucket that is not of the session's.

    Raises StockroomError for one that can't be read: who promotes must know what came before.
    """
    from concurrent.futures import ThreadPoolExecutor

    keys = _keys(s3, bucket, owner)

    def read(key: str) -> dict[str, Any]:
        def unknown() -> StockroomError:
            return StockroomError(
                f"s3://{bucket}/{key} is no event of a ledger that this version knows",
                "look at its versions in S3; the ledger is only ever added to, so somebody has changed it",
            )

        found = read_object(s3, bucket, key, owner)
        if found is None or not _KEY.fullmatch(key):
            raise unknown()
        event = parse(_EVENT, found[0], unknown)
        if event.number not in (None, _number(key)):
            raise unknown()
        return event.model_dump()

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(read, keys))


def _keys(s3: S3Client, bucket: str, owner: str | None = None) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX, **owned_by(owner))
    return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))


def _number(key: str) -> int:
    return int(key.removeprefix(PREFIX).removesuffix(".json"))


def append(s3: S3Client, bucket: str, event: dict[str, Any]) -> int:
    """Add the event under the next free number and return that. An event is never written over."""
    from botocore.exceptions import ClientError

    keys = _keys(s3, bucket)
    number = max((_number(key) for key in keys if _KEY.fullmatch(key)), default=0) + 1
    for _ in range(_ATTEMPTS):
        body = json.dumps({"format": FORMAT, "number": number, **event}, indent=2, sort_keys=True).encode()
        try:
            s3.put_object(
                Bucket=bucket, Key=f"{PREFIX}{number:08}.json", Body=body, ContentType="application/json",
                IfNoneMatch="*",
            )  # fmt: skip
            return number
        except ClientError as error:
            if error_code(error) not in CONDITION_FAILED | CONDITION_UNDECIDED:
                raise
            # Undecided: somebody is writing this one just now, and may not come to an end.
            number += error_code(error) in CONDITION_FAILED
    raise StockroomError(f"the ledger in {bucket} is being written to by too many at once", "try again")
