"""The user's cache, which all checkouts and projects share: what is installed from locks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from stockroom.system.files import close_to_others


def cache_folder(environment: Mapping[str, str]) -> Path:
    """The toolkit's folder in the user's cache (XDG base directories), whether it is there or not."""
    named = environment.get("XDG_CACHE_HOME", "")
    top = Path(named) if named.startswith("/") else Path.home() / ".cache"
    return top / "stockroom"


CACHE = cache_folder(os.environ)


def make_private(folder: Path) -> None:
    """Make a folder, and the one that it is in, which nobody else may look into: what lies there is run."""
    for one in (folder.parent, folder):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
        close_to_others(one)
