"""The ratios of a run as one picture: a panel a benchmark, a bar a ratio, half as far from 1 as twice."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator

from benchmarks.figures import Figure
from benchmarks.results import Results, number
from stockroom.picture import BAD, GOOD, NEITHER, bar_rows, panels, styled, to_png, write_beside, write_heading

_COLOURS = {True: GOOD, False: BAD, None: NEITHER}


def draw(results: Results) -> bytes:
    """A PNG file. Raises ValueError where nothing was compared with anything."""
    compared = {
        name: [figure for figure in findings.figures if figure.ratio]
        for name, findings in results.found.items()
        if any(figure.ratio for figure in findings.figures)
    }
    if not compared:
        raise ValueError("no figure has a ratio")
    with styled():
        figure, axes_of = panels([0.9 + 0.3 * len(figures) for figures in compared.values()])
        for axes, (name, figures) in zip(axes_of, compared.items(), strict=True):
            _draw_panel(axes, name, figures)
        write_heading(figure, f"Benchmarks, {results.started}, commit {results.facts.get('commit', 'unknown')}")
        words = "blue: better than what it is compared with; orange: worse; grey: a share or a multiple of it"
        figure.supxlabel(words, fontsize=9)
        return to_png(figure)


def _draw_panel(axes: Axes, name: str, figures: list[Figure]) -> None:
    ratios = [figure.ratio or 1.0 for figure in figures]
    colours = [_COLOURS[figure.is_better] for figure in figures]
    axes.set_xscale("log")
    axes.barh(range(len(figures)), [ratio - 1 for ratio in ratios], left=1.0, color=colours, height=0.72)
    bar_rows(axes, [f"{figure.name}  ÷  {figure.beside}" for figure in figures])
    lowest, highest = min(1.0, *ratios), max(1.0, *ratios)
    axes.set_xlim(lowest / (3 if lowest < 1 else 1.2), highest * (3 if highest > 1 else 1.2))
    for place, (figure, ratio) in enumerate(zip(figures, ratios, strict=True)):
        words = f"{number(ratio)}  ({number(figure.value)} {figure.unit})"
        write_beside(axes, place, ratio, words, ratio >= 1)
    axes.axvline(1, color="#888888", linewidth=0.8)
    axes.xaxis.set_major_locator(LogLocator(numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.minorticks_off()
    axes.grid(axis="x")
    axes.set_title(name, loc="left", fontsize=11, fontweight="bold")
