"""The results of a run: as JSON, as a table for the terminal, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import floor, log10
from typing import Any

from rich.markup import escape
from rich.table import Table

from benchmarks.figures import Figure, Findings


@dataclass
class Results:
    """What a run found so far, by benchmark; `failed` says in words what could not be measured."""

    facts: dict[str, str]
    started: str
    quick: bool
    against: str | None
    found: dict[str, Findings] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "started": self.started,
            "quick": self.quick,
            "against": self.against,
            "facts": self.facts,
            "benchmarks": {
                name: {
                    "figures": [figure.to_json() for figure in findings.figures],
                    "notes": findings.notes,
                    "samples": findings.samples,
                }
                for name, findings in self.found.items()
            },
            "failed": self.failed,
        }


def number(value: float) -> str:
    """A value with as many digits as it deserves."""
    if value >= 100:
        return f"{value:,.0f}"
    # Three that count, of small values two.
    after_point = 2 - floor(log10(value)) if value >= 1 else 1 - floor(log10(value)) if value > 0 else 0
    return f"{value:.{after_point}f}"


COLUMNS = ("figure", "value", "ratio", "to")


def row(figure: Figure) -> tuple[str, str, str, str]:
    """The cells of COLUMNS; the last two are empty where there is nothing to compare with."""
    value = f"{number(figure.value)} {figure.unit}"
    if figure.ratio is None or figure.reference is None:
        return figure.name, value, "", ""
    return figure.name, value, number(figure.ratio), f"{figure.beside}: {number(figure.reference)} {figure.unit}"


def table(name: str, findings: Findings) -> Table:
    made = Table(title=name, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for column in COLUMNS:
        made.add_column(column, justify="right" if column in {"value", "ratio"} else "left")
    for figure in findings.figures:
        made.add_row(*map(escape, row(figure)))
    return made


def markdown(results: Results) -> str:
    """The whole run, for docs/benchmarks.md."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Results) -> Iterator[str]:
    options = [*(["--quick"] if results.quick else []), *(["--against", results.against] if results.against else [])]
    yield f"`{' '.join(['invoke bench', *options])}`, {results.started}: {_facts(results.facts)}."
    for name, findings in results.found.items():
        yield from ("", f"### {name}", "", f"| {' | '.join(COLUMNS)} |", "| --- | ---: | ---: | --- |")
        yield from (f"| {' | '.join(map(_cell, row(figure)))} |" for figure in findings.figures)
        if findings.notes:
            yield ""
            yield from (f"- {note}" for note in findings.notes)
    for name, reason in results.failed.items():
        yield from ("", f"### {name}", "", f"Not measured: {reason}")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _facts(facts: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())
