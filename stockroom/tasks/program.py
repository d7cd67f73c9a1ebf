"""The command `stockroom`: the toolkit's tasks where there is no tasks.py, `stockroom new.project DIR` above all."""

from __future__ import annotations

from invoke import Program

from stockroom import __version__
from stockroom.tasks import namespace


def main() -> None:
    """Run the tasks that the command line names."""
    Program(name="Stockroom", binary="stockroom", namespace=namespace, version=__version__).run()
