"""The invoices that a platform holds from other datasets; seed.invoices tells what they are known by."""

from __future__ import annotations

import json
from collections.abc import Iterator

from seed import s3
from seed.invoices import Held, unpack
from seed.target import SeedTarget
from stockroom.errors import StockroomError


def read_held(target: SeedTarget, digest: str) -> Iterator[Held]:
    """The invoices of all datasets but the one with this digest.

    Raises StockroomError where a file was loaded by a version that noted none: what overlaps it can't be told then.
    """
    for folder, names in s3.dataset_folders(target).items():
        if s3.STARTED not in names and s3.FINISHED not in names:
            continue
        mine = folder == s3.key_of(digest, "")
        if s3.NOTED in names:
            if not mine:
                loaded = s3.FINISHED in names
                for invoice, content in unpack(s3.read_object(target, f"{folder}{s3.NOTED}")):
                    yield Held(invoice, content, loaded)
        elif "orders.jsonl" in names:
            for line in s3.read_object(target, f"{folder}orders.jsonl").splitlines():
                yield Held(json.loads(line)["order_id"], "", True)
        elif mine or not _event_prefix(target, folder):
            raise StockroomError(
                "the platform holds a file that an earlier version loaded, and which invoices it has is not noted",
                hint="seed a fresh platform: invoke infra-down && invoke infra-up",
            )


def _event_prefix(target: SeedTarget, folder: str) -> str | None:
    """What a directory of records has, and a file has not."""
    content = s3.read_object(target, f"{folder}{s3.STARTED}")
    prefix: str | None = json.loads(content).get("event_prefix") if content else None
    return prefix
