"""The whole of `invoke bench`: choose, measure, write, print."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.markup import escape

from benchmarks.draw import draw
from benchmarks.machine import load_summary, read_facts
from benchmarks.platform import Bench, own_bench, read_commit
from benchmarks.registry import BENCHMARKS, choose
from benchmarks.results import Results, markdown, table
from stockroom.console import Steps, out
from stockroom.errors import StockroomError
from stockroom.settings import Settings
from stockroom.system.files import write_whole


@dataclass(frozen=True)
class Request:
    """Which benchmarks, how much of each, which commit to compare with (a full hash), where results go."""

    names: list[str]
    quick: bool
    against: str | None
    output: Path | None


def make_request(only: str, quick: bool, against: str, output: str) -> Request:
    """A request from the words of the command line. Raises StockroomError for what can not be done."""
    folder = Path(output).expanduser().absolute() if output else None
    if folder and folder.exists() and not folder.is_dir():
        raise StockroomError(f"--output {output} is no folder", "name a folder; it is made where there is none")
    return Request(choose(only), quick, read_commit(against) if against else None, folder)


def run_benchmarks(settings: Settings, request: Request, steps: Steps) -> None:
    """Measure, one benchmark after the other; what one finds is written before the next begins.

    Raises StockroomError at the end when one of them failed.
    """
    with own_bench(settings, request.quick, request.against, steps) as (folder, bench):
        output = request.output or folder
        results = Results(read_facts(settings), f"{datetime.now():%Y-%m-%d %H:%M}", request.quick, request.against)
        for name in request.names:
            _measure(name, bench, results, steps)
            results.facts["load after"] = load_summary()
            write(results, output)
    for name, findings in results.found.items():
        out.print()
        out.print(table(name, findings))
        for note in findings.notes:
            out.print(f"  {escape(note)}", style="dim", soft_wrap=True)
    out.print(f"\nwritten: {escape(str(output))}/results.json, .md, .png", soft_wrap=True)
    if results.failed:
        name, reason = next(iter(results.failed.items()))
        raise StockroomError(f"not measured: {', '.join(results.failed)}; {reason}", f"`invoke bench --only {name}`")


def _measure(name: str, bench: Bench, results: Results, steps: Steps) -> None:
    with steps.step(name) as step:
        try:
            results.found[name] = BENCHMARKS[name](bench)
            step.say("measured")
        except StockroomError as error:
            results.failed[name] = error.message
            step.fail(error.message)
            if error.details:
                steps.note(error.details)


def write(results: Results, folder: Path) -> None:
    """results.json, results.md and, where anything was found, results.png."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "results.json", json.dumps(results.to_json(), indent=2).encode())
    write_whole(folder / "results.md", markdown(results).encode())
    if any(findings.figures for findings in results.found.values()):
        write_whole(folder / "results.png", draw(results))
