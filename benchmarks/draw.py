"""A run as one picture: a panel a benchmark, with a bar for each ratio, or for each value where nothing is better."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator

from benchmarks.figures import Figure
from benchmarks.results import Results, number
from stockroom.picture import BAD, GOOD, NEITHER, bar_rows, panels, styled, to_png, write_beside, write_heading


def draw(results: Results) -> bytes:
    """A PNG file. Raises ValueError where nothing was found."""
    found = {name: findings.figures for name, findings in results.found.items() if findings.figures}
    if not found:
        raise ValueError("there is nothing to draw")
    drawn = {name: compared(figures) or figures for name, figures in found.items()}
    with styled():
        figure, axes_of = panels([1.0 + 0.3 * len(figures) for figures in drawn.values()])
        for axes, (name, figures) in zip(axes_of, drawn.items(), strict=True):
            (_draw_ratios if compared(figures) else _draw_values)(axes, figures)
            axes.set_title(name, loc="left", fontsize=11, fontweight="bold")
        write_heading(figure, f"Benchmarks, {results.started}, commit {results.facts.get('commit', 'unknown')}")
        return to_png(figure)


def compared(figures: Sequence[Figure]) -> list[Figure]:
    """Those that are better or worse than something."""
    return [figure for figure in figures if figure.is_better is not None]


def _draw_ratios(axes: Axes, figures: Sequence[Figure]) -> None:
    """On a scale where half is as far from 1 as twice."""
    ratios = [figure.ratio or 1.0 for figure in figures]
    axes.set_xscale("log")
    colours = [GOOD if figure.is_better else BAD for figure in figures]
    axes.barh(range(len(figures)), [ratio - 1 for ratio in ratios], left=1.0, color=colours, height=0.72)
    bar_rows(axes, [f"{figure.name}  ÷  {figure.beside}" for figure in figures])
    lowest, highest = min(1.0, *ratios), max(1.0, *ratios)
    room = max(1.5, (highest / lowest) ** 0.5)  # for the words beside the longest bars
    axes.set_xlim(lowest / (room if lowest < 1 else 1.1), highest * (room if highest > 1 else 1.5))
    for place, (figure, ratio) in enumerate(zip(figures, ratios, strict=True)):
        write_beside(axes, place, ratio, f"{number(ratio)}  ({number(figure.value)} {figure.unit})", ratio >= 1)
    axes.axvline(1, color="#888888", linewidth=0.8)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if highest / lowest > 100 else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.minorticks_off()
    axes.grid(axis="x")
    axes.set_xlabel("ratio; blue is better, orange worse", fontsize=9)


def _draw_values(axes: Axes, figures: Sequence[Figure]) -> None:
    values = [figure.value for figure in figures]
    axes.barh(range(len(figures)), values, color=NEITHER, height=0.72)
    bar_rows(axes, [figure.name for figure in figures])
    axes.set_xlim(0, 1.2 * max(values))
    for place, value in enumerate(values):
        write_beside(axes, place, value, f"{number(value)} {figures[place].unit}", True)
    axes.grid(axis="x")
