"""The seeder of the data platform: what `infra-up` and `invoke seed` load, and how that is known again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seed import SAMPLE_DIR
from stockroom.seeder import Dataset, Loaded, Target

if TYPE_CHECKING:
    import boto3

# Only seeding fills them, so they hold as many items after a start as when the state was saved.
_TABLES = ("products", "customers", "stores")


class RetailSeeder:
    """Loads sales and orders from a CSV file or the sample; see stockroom.seeder for what its methods do."""

    def check(self, dataset: Dataset) -> None:
        from seed.seeding import check

        check(dataset.path or SAMPLE_DIR)

    def fingerprint(self, dataset: Dataset) -> str:
        path = dataset.path or SAMPLE_DIR
        return _fingerprint(_digest(path), dataset)

    def load(self, dataset: Dataset, target: Target, say: Callable[[str], None]) -> Loaded:
        from seed.progress import ProgressLine
        from seed.seeding import load
        from seed.summary import summary_of
        from seed.target import target_of

        say("reading")
        report = load(
            dataset.path,
            target_of(target.outputs, target.session, target.endpoint),
            target.folder,
            ProgressLine(say),
            date_order=dataset.date_order,
            duplicates=dataset.duplicates,
        )
        # A file is copied before it is read, so this is the digest of what was loaded, however the file has changed.
        copied = dataset.path is not None and dataset.path.is_file()
        fingerprint = _fingerprint(report.digest, dataset) if copied else self.fingerprint(dataset)
        line = f"{report.dataset}: {report.rows_accepted:,} of {report.rows_read:,} rows"
        return Loaded(fingerprint, line, summary_of(report))

    def count(self, outputs: Mapping[str, Any], session: boto3.Session) -> Mapping[str, int]:
        dynamodb = session.client("dynamodb")
        tables = {name: table for name, table in outputs.get("table_names", {}).items() if name in _TABLES}
        pages = {
            name: dynamodb.get_paginator("scan").paginate(TableName=table, Select="COUNT")
            for name, table in tables.items()
        }
        return {name: sum(page["Count"] for page in counted) for name, counted in pages.items()}


def _digest(path: Path) -> str:
    """SHA-256 over what is loaded, as hex."""
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = sorted(path.glob("*.jsonl"))
    lines = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _fingerprint(digest: str, dataset: Dataset) -> str:
    name = (dataset.path or SAMPLE_DIR).name
    # The name is in what is stored: the raw bucket keeps the file under it. It may be no text at all.
    name = name if name.isprintable() else repr(os.fsencode(name))
    return f"{digest} {name} {dataset.date_order or 'order as found'} {dataset.duplicates}"
