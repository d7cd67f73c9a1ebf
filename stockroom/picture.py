"""What all pictures look like, and how a figure becomes a file."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

# Okabe and Ito's colours, which people who see fewer colours can tell apart as well, without their black.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A900", "#7F4F24")
GOOD, BAD, NEITHER = "#0072B2", "#D55E00", "#B0B0B0"

_LAYOUT = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.15, hspace=0.06)
_FONT = "DejaVu Sans"
_STYLE: Any = {
    "font.family": [_FONT],
    "font.size": 10,
    "text.parse_math": False,  # a "$" in a name is a "$"
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
}


@contextmanager
def styled() -> Iterator[None]:
    """Pictures are made in here, whatever a matplotlibrc of the user's says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


NO_GLYPH = "\N{WHITE SQUARE}"
_JOINERS = "\N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-16}"


def drawable(text: str) -> str:
    """The text with NO_GLYPH for each character that the pictures' font lacks, such as Japanese and emoji.

    The font comes with matplotlib, so that the same figures make the same picture on every machine.
    """
    plain = "".join(character for character in text if character not in _JOINERS)
    return "".join(character if ord(character) in _glyphs() else NO_GLYPH for character in plain)


@cache
def _glyphs() -> frozenset[int]:
    path = font_manager.findfont(font_manager.FontProperties(family=_FONT), fallback_to_default=True)
    return frozenset(font_manager.get_font(path).get_charmap())


def panels(heights: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """A figure with one panel below the other, of so many inches each."""
    figure = Figure(figsize=(12, sum(heights) + 0.9), dpi=150, layout=_LAYOUT)
    grid = figure.subplots(len(heights), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    return figure, list(grid[:, 0])


def write_heading(figure: Figure, heading: str) -> None:
    figure.suptitle(heading, fontsize=15, fontweight="bold", x=0.012, ha="left")


def bar_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Room for a bar behind each label, the first on top."""
    axes.set_yticks(range(len(labels)), list(labels))
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def write_beside(axes: Axes, place: int, value: float, text: str, on_the_right: bool) -> None:
    """A word at the end of a bar."""
    axes.annotate(
        text,
        (value, place),
        xytext=(4 if on_the_right else -4, 0),
        textcoords="offset points",
        va="center",
        ha="left" if on_the_right else "right",
        fontsize=9,
        color="#333333",
    )


def to_png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()
