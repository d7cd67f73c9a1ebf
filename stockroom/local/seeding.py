"""Seeding a deployed data platform: from its outputs to `seed.load`, with progress and a table at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from seed import SeedReport, SeedTarget, load
from stockroom.errors import StockroomError

if TYPE_CHECKING:
    import boto3


class StepProgress:
    """Renders what `seed` tells of its steps as one line of words."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._steps: dict[str, list[int]] = {}
        self._units: dict[str, str] = {}

    def started(self, step: str, total: int, unit: str) -> None:
        with self._lock:
            self._steps[step] = [0, total]
            self._units[step] = unit
        self._show()

    def advanced(self, step: str, n: int) -> None:
        with self._lock:
            self._steps[step][0] += n
        self._show()

    def finished(self, step: str) -> None:
        with self._lock:
            self._steps.pop(step, None)
        self._show()

    def _show(self) -> None:
        with self._lock:
            parts = [
                f"{step} {min(done * 100 // max(total, 1), 100)} %"
                if self._units[step] == "bytes"
                else f"{step} {done:,}/{total:,}"
                for step, (done, total) in self._steps.items()
            ]
        if parts:
            self._say(", ".join(parts))


def seed_target(outputs: Mapping[str, Any], session: boto3.Session, endpoint: str) -> SeedTarget:
    """Where the data goes, from the outputs of the data platform's stack."""
    try:
        tables = outputs["table_names"]
        return SeedTarget(
            products_table=tables["products"],
            customers_table=tables["customers"],
            stores_table=tables["stores"],
            inventory_table=tables["inventory"],
            queue_url=outputs["queue_urls"]["orders"],
            stream_name=outputs["stream_names"]["sales_events"],
            raw_bucket=outputs["bucket_names"]["raw"],
            endpoint_url=endpoint,
            region=str(session.region_name),
            session=session,
        )
    except KeyError as missing:
        raise StockroomError(
            f"the deployed data platform has no output {missing}", "deploy it with `invoke infra-up`"
        ) from None


def seed_table(report: SeedReport) -> Group:
    """Rows read, accepted, set aside and rejected by reason; what went where."""
    if report.already_seeded:
        return Group(Text.from_markup(f"\n[bold]{escape(report.dataset)}[/bold] was seeded before, nothing was done"))
    table = Table(box=None, pad_edge=False, show_header=False)
    table.columns.clear()
    table.add_column()
    table.add_column(justify="right")
    table.add_row("rows read", f"{report.rows_read:,}")
    table.add_row("accepted", f"{report.rows_accepted:,}")
    for word, counted in (("set aside", report.set_aside), ("rejected", report.rejected)):
        for reason, count in sorted(counted.items(), key=lambda item: -item[1]):
            table.add_row(f"{word}: {escape(reason)}", f"{count:,}")
    if report.repeated_rows:
        word = "kept" if report.duplicates == "keep" else "dropped"
        table.add_row(f"repeated rows, {word}", f"{report.repeated_rows:,}")
    counts = report.counts
    for name, count, where in (
        ("products", counts.products, "DynamoDB"),
        ("customers", counts.customers, "DynamoDB"),
        ("stores", counts.stores, "DynamoDB"),
        ("inventory", counts.inventory, "DynamoDB"),
        ("orders", counts.orders, "SQS"),
        ("returns", counts.returns, "SQS"),
        ("sales events", counts.events, "Kinesis"),
    ):
        table.add_row(f"{name} to {where}", f"{count:,}")
    notes = [*report.notes]
    if report.events_found:
        notes.append(f"{report.events_found:,} events were in the stream already, from an interrupted run")
    if report.stock_added:
        notes.append(f"what is sold here was added to the stock that {report.stock_added:,} of the products had")
    if report.left_out_file:
        notes.append(f"the rows that were not taken, with line and reason: {report.left_out_file}")
    heading = Text.from_markup(f"\n[bold]{escape(report.dataset)}[/bold] seeded")
    return Group(heading, table, *(Text(f"  {note}", style="dim") for note in notes))


def load_dataset(
    dataset: Path | None,
    target: SeedTarget,
    work_dir: Path,
    date_order: str | None,
    duplicates: str,
    say: Callable[[str], None],
) -> SeedReport:
    """Load the dataset (None: the sample). Raises StockroomError for a file that can not be read."""
    say("reading")
    return load(dataset, target, work_dir, StepProgress(say), date_order=date_order, duplicates=duplicates)
