"""The whole of `invoke report`: wait, read, sum up, print, draw."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.text import Text

from seed import STACK
from seed.sales_report.curated import bucket_names
from seed.sales_report.descriptions import read_descriptions
from seed.sales_report.figures import SalesReport, sum_up
from seed.sales_report.freshness import Lake, Look, wait_until_fresh
from seed.sales_report.order_queues import OrderQueues
from seed.sales_report.request import Request
from seed.sales_report.show import Labels, aligned, as_json, table_rows
from stockroom.console import Steps, err, out
from stockroom.deployed.terraform_state import read_deployed
from stockroom.environments import LOCAL
from stockroom.errors import StockroomError
from stockroom.local.running import environment_session
from stockroom.settings import Settings
from stockroom.system.files import write_whole

if TYPE_CHECKING:
    import boto3
    import pyarrow as pa

_LINES_OF_PRODUCTS = 20
_STYLES = {"heading": "dim", "line": "", "total": "bold", "space": ""}


@dataclass(frozen=True)
class Sales:
    """The curated rows of the days to report on, and how complete they are (None: nobody looked)."""

    table: pa.Table
    look: Look | None
    session: boto3.Session
    outputs: dict[str, Any]


def report_sales(settings: Settings, environment: str, request: Request, wait: bool, json_wanted: bool) -> None:
    """Raises StockroomError where there is nothing to report on, or no file can be written."""
    sales = read_sales(settings, environment, request, wait, Steps(quiet=json_wanted))
    top = request.top or (_LINES_OF_PRODUCTS if request.by == "product" else None)
    report = sum_up(sales.table, request.by, top)
    labels = _labels(sales, report)
    if request.output:
        with Steps(quiet=json_wanted).step("picture") as step:
            step.say("drawing")
            _write(request.output, report, sales, labels, request)
            step.say(f"written: {request.output}")
    if json_wanted:
        print(json.dumps(_freshness_json(sales.look) | as_json(report, labels), indent=2))
    else:
        _print_table(report, labels)


def read_sales(settings: Settings, name: str, request: Request, wait: bool, steps: Steps) -> Sales:
    """Waits until everything seeded has arrived, unless not to `wait`; what is missing then is told on stderr."""
    environment, session = environment_session(settings, name)
    deployed = read_deployed(environment, session, STACK)
    if deployed is None:
        hint = "deploy it with `invoke infra-up`" if name == LOCAL else None
        raise StockroomError(f"the stack '{STACK}' is not deployed to '{name}'", hint)
    queues = OrderQueues(session, deployed.outputs)
    lake = Lake(session, bucket_names(deployed.outputs), request.includes, queues.count)
    look = None
    with steps.step("sales data") as step:
        step.say("reading")
        if wait:
            look = wait_until_fresh(lake.look, step.say)
        table = lake.daily_sales()
        step.say(look.progress if look else "read, without waiting for what may be on its way")
    if look:
        _tell_what_is_missing(look)
    if table is None:
        raise _nothing(lake, request, name)
    return Sales(table, look, session, deployed.outputs)


def _tell_what_is_missing(look: Look) -> None:
    if look.shortcomings:
        words = f"{'; '.join(look.shortcomings)}; see where they are with `invoke infra-status`"
        err.print(f"[bold yellow]not complete:[/bold yellow] {escape(words)}")
    if look.rejected:
        words = f"{look.rejected:,} seeded events are no sales: the raw bucket has them under rejected/, with reasons"
        err.print(f"[bold]rejected:[/bold] {escape(words)}")


def _nothing(lake: Lake, request: Request, environment: str) -> StockroomError:
    days = lake.curated_days()
    if days:
        return StockroomError(
            f"nothing was sold {request.days}", f"the first sales are of {days[0]}, the last of {days[-1]}"
        )
    return StockroomError(
        "there are no sales to report on: the curated data is empty",
        "load some with `invoke seed`" if environment == LOCAL else None,
    )


def _labels(sales: Sales, report: SalesReport) -> Labels:
    table = sales.outputs.get("table_names", {}).get("products")
    if report.by != "product" or not table:
        return {}
    products = {line.key for section in (*report.days, *report.period) for line in section.lines if line.key}
    return read_descriptions(sales.session, table, sorted(products))


def _print_table(report: SalesReport, labels: Labels) -> None:
    rows = list(table_rows(report, labels))
    texts = aligned(rows)
    if not out.is_terminal:
        sys.stdout.write("\n".join(texts) + "\n")
        sys.stdout.flush()
        return
    text = Text("\n").join(Text(line, _STYLES[row.kind]) for row, line in zip(rows, texts, strict=True))
    out.print(text, soft_wrap=True)


def _freshness_json(look: Look | None) -> dict[str, Any]:
    return {
        "complete": not look.shortcomings if look else None,
        "missing": look.shortcomings if look else [],
        "rejected_events": look.rejected if look else None,
    }


def _write(path: Path, report: SalesReport, sales: Sales, labels: Labels, request: Request) -> None:
    from seed.sales_report.draw import default_top, draw
    from seed.sales_report.page import make_page

    drawn = sum_up(sales.table, request.by, request.top or default_top(request.by, report.day_count))
    warning = "; ".join(sales.look.shortcomings) if sales.look else None
    picture = draw(drawn, labels, warning)
    content = picture if path.suffix.lower() == ".png" else make_page(report, labels, picture, warning).encode()
    write_whole(path, content, mode=0o644)
