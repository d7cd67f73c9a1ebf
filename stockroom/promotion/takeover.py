"""Going on after a promotion that was killed, or cut off from its account."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stockroom.console import Steps
from stockroom.deployed.terraform_state import release_stale_lock
from stockroom.errors import StockroomError
from stockroom.promotion.account import Account
from stockroom.promotion.folders import UNSAVED_STATES
from stockroom.promotion.ledger import Promotion, append, fold, now_text, read_events, unfinished
from stockroom.promotion.promotion_lock import Holder
from stockroom.terraform.process import wait_for_left_behind
from stockroom.terraform.release_directory import WorkingDirectory

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_LEFT_BEHIND_PATIENCE_SECONDS = 600


def clean_up_after(dead: Holder, account: Account, stacks: Iterable[str], folders: Path, steps: Steps) -> None:
    """Let what a killed promotion left behind come to its end, and say in the ledger what became of it."""
    steps.note(f"taking over from {dead.promotion}, which was killed: {dead}")
    whose = "a promotion that was killed"
    if left := wait_for_left_behind(folders, whose, _LEFT_BEHIND_PATIENCE_SECONDS, steps.note):
        raise StockroomError(
            f"Terraform (process {left[0].pid}) of {whose} is still running",
            "wait for it to end, then run the command again",
        )
    for stack in stacks:
        if release_stale_lock(account.environment, account.session, stack):
            steps.note(f"removed the state lock of {stack} that its Terraform left behind")
    record_killed(account.session.client("s3"), account.environment.state_bucket, dead)


def record_killed(s3: S3Client, bucket: str, dead: Holder) -> None:
    """Write the end of a promotion that could not write it itself."""
    known = next((one for one in fold(read_events(s3, bucket)) if one.id == dead.promotion), None)
    if known and known.finished is None:
        append(
            s3, bucket,
            {
                "promotion": dead.promotion, "event": "finished", "at": now_text(datetime.now(UTC)),
                "result": "interrupted", "step": "apply" if known.applying else None, "error": "it was killed",
                "stacks": {}, "duration_seconds": None,
            },
        )  # fmt: skip


def save_states(
    promotions: Iterable[Promotion], account: Account, terraform: Path, folders: Path, steps: Steps
) -> None:
    """Save what the last promotion made in the account and, cut off from it, could not write down there."""
    stuck = unfinished(list(promotions))
    for unsaved in (folders / stuck.id).glob(UNSAVED_STATES) if stuck else ():
        stack, code = unsaved.parent.name, unsaved.parents[3]
        if WorkingDirectory(stack, account.environment, code, terraform, account.variables).save_state():
            steps.note(f"saved the state of {stack}, which the promotion before could not")
