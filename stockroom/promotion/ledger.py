"""The ledger: what was promoted to an environment, as objects in its state bucket that are only ever added.

promotions/ledger/00000001.json    one event; numbers have no gap, since each is written only if it is not there yet
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from stockroom.aws import error_code
from stockroom.errors import StockroomError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "promotions/ledger/"
FORMAT = 1

# What each kind of event holds besides, as far as it is read here.
_COMMON = frozenset({"promotion", "event", "at"})
_HOLDS = {
    "started": frozenset({"kind", "release", "who", "artifacts"}),
    "applying": frozenset({"plan_digest"}),
    "finished": frozenset({"result", "stacks"}),
}

Result = Literal["succeeded", "failed", "refused", "interrupted"]
_ATTEMPTS = 20

# What S3 says of a conditional write: that the object is there already (or another), or that it can't say yet.
CONDITION_FAILED = frozenset({"PreconditionFailed", "412"})
CONDITION_UNDECIDED = frozenset({"ConditionalRequestConflict", "409"})


@dataclass(frozen=True)
class Promotion:
    """One promotion, folded from its events. Times are UTC in ISO 8601.

    `result` is "interrupted" as well when no end was recorded, which is what a kill leaves. `applied` says whether
    anything may have been changed, `shifted` whether functions were called in their new versions.
    """

    id: str
    kind: str
    release: dict[str, Any]
    who: str
    started: str
    artifacts: dict[str, dict[str, str]] = field(default_factory=dict)
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


def fold(events: Iterable[dict[str, Any]]) -> list[Promotion]:
    """The promotions of the events (in the order of their numbers), in the order in which they were started."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        known = found.setdefault(event["promotion"], {"id": event["promotion"]})
        match event["event"]:
            case "started":
                known |= {name: event[name] for name in ("kind", "release", "who")} | {"started": event["at"]}
                known["artifacts"] = event["artifacts"]
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


def read_events(s3: S3Client, bucket: str) -> list[dict[str, Any]]:
    """Every event in the order of the numbers; none where the bucket holds no ledger.

    Raises StockroomError for one that can't be read: who promotes must know what came before.
    """
    from concurrent.futures import ThreadPoolExecutor

    keys = _keys(s3, bucket)

    def read(key: str) -> dict[str, Any]:
        try:
            event = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            if event["format"] != FORMAT or not event.keys() >= _COMMON | _HOLDS.get(event["event"], frozenset()):
                raise ValueError
        except (ValueError, TypeError, KeyError):
            raise StockroomError(
                f"s3://{bucket}/{key} is no event of a ledger that this version knows",
                "look at its versions in S3; the ledger is only ever added to, so somebody has changed it",
            ) from None
        return dict(event)

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(read, keys))


def _keys(s3: S3Client, bucket: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX)
    return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))


def append(s3: S3Client, bucket: str, event: dict[str, Any]) -> int:
    """Add the event under the next free number and return that. An event is never written over."""
    from botocore.exceptions import ClientError

    keys = _keys(s3, bucket)
    number = int(keys[-1].removeprefix(PREFIX).removesuffix(".json")) + 1 if keys else 1
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
