"""The tasks of this repository: those of the toolkit, the report of the retail business, and the benchmarks."""

from __future__ import annotations

from invoke import Context, task

from stockroom.tasks import namespace
from stockroom.tasks.command import command

__all__ = ["namespace"]


@task(
    help={
        "day": "Only this day, such as 2010-12-01.",
        "since": "From this day on.",
        "until": "Up to and with this day.",
        "by": "country, store or product.",
        "top": "Only so many one by one, by revenue; the others together (default: all; 20 products).",
        "output": "Also write a picture (FILE.png) or a page with picture and table (FILE.html).",
        "json": "Print one machine-readable object.",
        "env": "The environment to report on.",
        "wait": "Wait while seeded events are on their way; --no-wait reports on what is there.",
    }
)
def report(
    c: Context,
    day: str = "",
    since: str = "",
    until: str = "",
    by: str = "country",
    top: str = "",
    output: str = "",
    json: bool = False,
    env: str = "local",
    wait: bool = True,
) -> None:
    """Show what was sold and returned, per day and country, store or product."""
    with command() as settings:
        from seed.sales_report.request import make_request

        request = make_request(day, since, until, by, top, output)
        from seed.sales_report.command import report_sales

        report_sales(settings, env, request, wait, json)


@task(
    help={
        "only": "Some of: start, stacks, chain, memory, latency, seeding, throughput, e2e (commas between).",
        "quick": "Fewer records and repetitions, and nothing of a million events.",
        "against": "Compare throughput with this older commit, on an emulator of its own.",
        "output": "Folder for results.json, .md and .png (default: .stockroom/bench/<start>).",
    }
)
def bench(c: Context, only: str = "", quick: bool = False, against: str = "", output: str = "") -> None:
    """Measure the toolkit on platforms of its own, beside doing the same by hand: every figure a ratio of one run."""
    with command() as settings:
        from benchmarks.command import make_request, run_benchmarks
        from stockroom.console import Steps

        run_benchmarks(settings, make_request(only, quick, against, output), Steps())


namespace.add_task(report)
namespace.add_task(bench)
