"""What a seeding did, as a table."""

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from seed.report import SeedReport


def summary_of(report: SeedReport) -> Group:
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
