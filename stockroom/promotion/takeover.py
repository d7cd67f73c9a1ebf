"""Going on after a promotion that was killed, or cut off from its account."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stockroom.console import Steps, out
from stockroom.deployed.terraform_state import release_stale_lock
from stockroom.environments import read_environment
from stockroom.errors import StockroomError
from stockroom.promotion import promotion_lock
from stockroom.promotion.account import Account, open_account
from stockroom.promotion.folders import UNSAVED_STATES
from stockroom.promotion.ledger import Promotion, append, fold, now_text, read_events, unfinished
from stockroom.promotion.promotion_lock import Holder, read_lock, way_out
from stockroom.promotion.rules import read_rules
from stockroom.settings import Settings
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


def unlock(settings: Settings, name: str, promotion: str, rehearse: bool) -> None:
    """Release the lock of a promotion that was killed on another machine, and Terraform's own. Raises StockroomError
    for a lock of another promotion, and for one whose process runs on this machine."""
    account = open_account(read_environment(name), read_rules(name), settings, rehearse)
    s3, bucket = account.session.client("s3"), account.environment.state_bucket
    held = read_lock(s3, bucket)
    if held is None:
        out.print(f"nobody holds the lock of {name}")
        return
    holder = held.holder
    if promotion != holder.promotion:
        raise StockroomError(f"the lock of '{name}' is held by promotion {holder.promotion}: {holder}", way_out(holder))
    if holder.is_here and not holder.has_died:
        raise StockroomError(f"{holder} is running on this machine", "wait for it, or stop it with Ctrl-C")
    removed = _terraform_locks(account)
    for key in removed:
        s3.delete_object(Bucket=bucket, Key=key)
    record_killed(s3, bucket, holder)
    promotion_lock.release(s3, bucket, promotion)
    states = f", and the state locks {', '.join(removed)}" if removed else ""
    out.print(
        f"released the lock of {promotion}{states}; the next `invoke promote --env {name}` goes on", soft_wrap=True
    )


def _terraform_locks(account: Account) -> list[str]:
    pages = (
        account.session.client("s3").get_paginator("list_objects_v2").paginate(Bucket=account.environment.state_bucket)
    )
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return [key for key in keys if key.endswith(".tfstate.tflock")]
