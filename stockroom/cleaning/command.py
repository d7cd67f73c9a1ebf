"""Finding what may be removed, showing it, asking, and removing it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from time import time

from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from stockroom.cleaning.leftovers import Leftover, folders_of, old_installations, remove, runs, size_of
from stockroom.console import Steps, out
from stockroom.engines import emulator_installation as emulator
from stockroom.engines import ministack
from stockroom.errors import StockroomError
from stockroom.local.running import platform_lock
from stockroom.project import HOME
from stockroom.settings import Settings
from stockroom.snapshots.keys import fits_emulator
from stockroom.snapshots.platform import unfinished
from stockroom.snapshots.store import REFUSED, Store
from stockroom.system.file_lock import exclusive
from stockroom.system.installation import Installation
from stockroom.testing import browser, policies
from stockroom.testing.own_platform import finished_runs

INSTALLATIONS: tuple[Installation, ...] = (
    emulator.INSTALLATION,
    ministack.INSTALLATION,
    browser.INSTALLATION,
    policies.INSTALLATION,
)

# Below the project's .stockroom/.
_OLD_HOMES = ("emulator", "ministack", "browser", "policies")  # before installations were shared by all checkouts
_CACHES = ("bundles", "checks", "environments", "terraform-initialised", "terraform-provider", "terraform-schemas")
_RUNS = ("e2e", "rehearsal", "bench")


def clean(settings: Settings, confirmed: bool, steps: Steps) -> None:
    """Show what may go with its size, ask unless it is `confirmed`, and remove it.

    Raises StockroomError when nobody is there to be asked, or the answer is no.
    """
    with ExitStack() as held:
        # Nothing is installed or brought up meanwhile.
        held.enter_context(platform_lock(settings, "invoke clean", steps))
        for installation in INSTALLATIONS:
            if installation.home.is_dir():
                held.enter_context(exclusive(installation.home / "lock", "invoke clean", steps.note))
        found = list(find_leftovers(settings))
        if not found:
            out.print("there is nothing to remove")
            return
        out.print(_table(found))
        if not confirmed:
            _ask()
        gone = [leftover for leftover in found if remove(leftover)]
        out.print(f"removed {decimal(sum(leftover.size for leftover in gone))}")
        for leftover in found:
            if leftover not in gone:
                steps.note(f"{leftover.path} stays: something uses it")


def find_leftovers(settings: Settings) -> Iterator[Leftover]:
    """All that may go, of the user's cache and of this project."""
    now = time()
    yield from chain.from_iterable(old_installations(installation, now) for installation in INSTALLATIONS)
    yield from folders_of(HOME, _OLD_HOMES, "installed for this checkout alone, before that was shared")
    yield from folders_of(HOME, _CACHES, "a cache, which is filled again")
    for name in _RUNS:
        yield from runs(finished_runs(HOME / name), f"reports and logs of an earlier run ({name})")
    yield from _snapshots(settings)


def _snapshots(settings: Settings) -> Iterator[Leftover]:
    """Snapshots without a name that no emulator of this checkout can begin with."""
    store, here = Store(settings.snapshots_dir), unfinished(settings).parts
    for entry in store.automatic():
        if not fits_emulator(entry.header.parts, here):
            yield Leftover(entry.path, "a snapshot of another emulator, without a name", entry.size)
    for path in sorted(store.folder.glob(f"*{REFUSED}")):
        yield Leftover(path, "a snapshot that could not be loaded", size_of(path))


def _table(found: list[Leftover]) -> Table:
    table = Table("size", "what", "where", box=None, pad_edge=False)
    table.columns[0].justify = "right"
    for leftover in sorted(found, key=lambda leftover: -leftover.size):
        table.add_row(decimal(leftover.size), escape(leftover.what), escape(str(leftover.path)))
    table.add_row(decimal(sum(leftover.size for leftover in found)), "together", "")
    return table


def _ask() -> None:
    if not sys.stdin.isatty():
        raise StockroomError("nobody is there to confirm that this may be removed", "run it with --yes")
    if input("remove it? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise StockroomError("not confirmed, so nothing was removed")
