"""What the user sees: steps with progress on a terminal, plain lines elsewhere, errors in one shape."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.errors import MarkupError
from rich.live import Live
from rich.markup import escape
from rich.segment import Segment
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from stockroom.errors import StockroomError

# Where the locale has no ✓ or no é, a "?" in its place is better than a command that dies of it.
for _stream in (sys.stdout, sys.stderr):
    if isinstance(_stream, io.TextIOWrapper):
        _stream.reconfigure(errors="replace")

# What a terminal does not show but obeys: it can move the cursor, rename the window, type for the user.
_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """A text that somebody else may have written, with control characters as their codes; lines and tabs stay."""
    return _COMMANDS.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


class SafeConsole(Console):
    """Prints what files, buckets and processes say, and lets none of it command the terminal or end the command."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)

    def render_str(self, text: str, **options: Any) -> Text:
        try:
            return super().render_str(text, **options)
        except MarkupError:
            return super().render_str(text, **options | {"markup": False})


# Not on a terminal there is no width to fit into: a pipe or a CI log must not cut names off.
out = SafeConsole(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 200)
err = SafeConsole(stderr=True, highlight=False, emoji=False, soft_wrap=True)


@dataclass
class Step:
    """One running step; `say` replaces the words behind its name, on a terminal at once, elsewhere at its end.

    `fail` says besides that it ended badly, where that is no reason to stop.
    """

    name: str
    started: float = field(default_factory=monotonic)
    text: str = ""
    failed: bool = False

    def say(self, text: str) -> None:
        self.text = text

    def fail(self, text: str) -> None:
        self.text, self.failed = text, True

    @property
    def seconds(self) -> float:
        return monotonic() - self.started


class Steps:
    """The steps of one command, some of them side by side. `quiet` prints nothing (for --json)."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._lock = threading.Lock()
        self._running: list[Step] = []
        self._live: Live | None = None

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[Step]:
        step = Step(name)
        self._change(add=step)
        try:
            yield step
        except BaseException:
            self._change(remove=step)
            self._print(f"[red]x[/red] {escape(name):<12}")
            raise
        self._change(remove=step)
        mark = "[red]x[/red]" if step.failed else "[green]✓[/green]"
        self._print(f"{mark} {escape(name):<12} {escape(step.text)} [dim]{step.seconds:.1f} s[/dim]")

    def note(self, text: str) -> None:
        """A line of its own, such as what the command is waiting for."""
        self._print(f"  {escape(text)}")

    def _print(self, line: str) -> None:
        if not self._quiet:
            # A line for each step, however long, is what a log can be searched for.
            out.print(line, soft_wrap=not out.is_terminal)

    def _change(self, add: Step | None = None, remove: Step | None = None) -> None:
        with self._lock:
            self._running = [step for step in [*self._running, add] if step and step is not remove]
            if self._quiet or not out.is_terminal:
                return
            if self._running and self._live is None:
                self._live = Live(get_renderable=self._render, console=out, refresh_per_second=8, transient=True)
                self._live.start()
            elif not self._running and self._live is not None:
                self._live.stop()
                self._live = None

    def _render(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for step in list(self._running):
            table.add_row(Spinner("dots"), f"{step.name:<12}", escape(step.text), f"[dim]{step.seconds:.0f} s[/dim]")
        return table


def print_error(error: StockroomError) -> None:
    if error.details:
        err.print(error.details, style="dim", markup=False)
    err.print(f"[bold red]error:[/bold red] {escape(error.message)}")
    if error.hint:
        err.print(f"[bold]next:[/bold]  {escape(error.hint)}")
