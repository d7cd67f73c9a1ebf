"""One attempt to change an account: under its lock, with a beginning and an end in its ledger, however it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from stockroom.aws import explain_aws
from stockroom.console import Steps
from stockroom.deployed.terraform_state import deployed_names
from stockroom.errors import StockroomError
from stockroom.promotion import promotion_lock
from stockroom.promotion.account import Account
from stockroom.promotion.applying import Progress
from stockroom.promotion.approval import RefusedError
from stockroom.promotion.ledger import append, now_text, read_events
from stockroom.promotion.promotion_lock import Holder
from stockroom.promotion.takeover import clean_up_after
from stockroom.testing.own_platform import undisturbed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")


@dataclass
class Attempt:
    """`folder` is where it works, beside the folders of attempts before it; `command` is what goes on with it.

    `step` is where it is, `progress` how far each stack came, `applying` whether anything may have been changed.
    """

    account: Account
    holder: Holder
    folder: Path
    command: str
    steps: Steps
    step: str = "lock"
    progress: Progress = field(default_factory=Progress)
    applying: bool = False
    started: float = field(default_factory=monotonic)

    def run(self, number_of_events: int, stacks: list[str], what: dict[str, Any], work: Callable[[], T]) -> T:
        """Do the work between the events "started", which says `what` it is, and "finished".

        `number_of_events` is the length of the ledger that the work was decided on. Locks that a killed
        attempt left on states are removed, of the `stacks` and of all that is deployed.
        """
        dead = promotion_lock.acquire(self._s3, self._bucket, self.holder)
        began = False
        try:
            if dead:
                names = sorted({*stacks, *deployed_names(self.account.environment, self.account.session)})
                clean_up_after(dead, self.account, names, self.folder.parent, self.steps)
                dead = None
            elif len(read_events(self._s3, self._bucket)) != number_of_events:
                raise StockroomError("another promotion ended while the gates were looked at", "run the command again")
            self._record("started", {"who": f"{self.account.caller} ({self.holder.who})", **what})
            began = True
            done = work()
            self._end("succeeded", None)
            return done
        except BaseException as error:
            if began:
                with undisturbed():
                    self._end_badly(error)
            raise
        finally:
            with undisturbed():
                release = promotion_lock.release
                self._try("the lock", lambda: release(self._s3, self._bucket, self.holder.promotion, dead))

    def begin_to_apply(self, plan_digest: str) -> None:
        """From here on something may be changed."""
        self.step = "apply"
        self._record("applying", {"plan_digest": plan_digest})
        self.applying = True

    @property
    def seconds(self) -> float:
        return monotonic() - self.started

    @cached_property
    def _s3(self) -> S3Client:
        return self.account.session.client("s3")

    @property
    def _bucket(self) -> str:
        return self.account.environment.state_bucket

    def _record(self, event: str, content: dict[str, Any]) -> None:
        at = now_text(datetime.now(UTC))
        append(self._s3, self._bucket, {"promotion": self.holder.promotion, "event": event, "at": at, **content})

    def _end(self, result: str, error: str | None) -> None:
        content = {"result": result, "step": None if result == "succeeded" else self.step, "error": error}
        seconds = round(self.seconds, 3)
        self._record("finished", {**content, "stacks": self.progress.stacks, "duration_seconds": seconds})

    def _end_badly(self, error: BaseException) -> None:
        """Record how far it came, and say so; the error itself goes its own way."""
        result = "failed"
        if isinstance(error, RefusedError) and not self.applying:
            result = "refused"
        elif not isinstance(error, Exception):
            result = "interrupted"
        known = explain_aws(error) if isinstance(error, Exception) else None
        words = str(known or error) or type(error).__name__
        self._try("the ledger", lambda: self._end(result, words))
        if self.applying:
            for stack, state in self.progress.stacks.items():
                self.steps.note(f"{stack}: {state}")
            self.steps.note(f"stopped at: {self.step}; `{self.command}` goes on from here")
        else:
            self.steps.note(f"stopped at: {self.step}; nothing of {self.account.environment.name} was changed")

    def _try(self, what: str, write: Callable[[], object]) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            write()
        except (BotoCoreError, ClientError, StockroomError) as error:
            self.steps.note(f"{what} could not be written ({error}); the next promotion from this machine mends it")
