"""Which paths outside of its folder a configuration names. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from stockroom.foreign.configuration import Module, called_folders

# A relative path with ".." in it, as it stands in "${path.module}/../src" and in "../modules/queue".
_UPWARD = re.compile(r"(?<![\w.$}])(?:\./)?(?:[\w@+-][\w.@+-]*/)*\.\.(?:/[\w.@+-]+)*(?![\w.])")
_PATH_OF = re.compile(r"\$\{path\.(?:module|root|cwd)\}/")


def named_outside(modules: Iterable[Module], folder: Path) -> list[Path]:
    """Absolute paths outside of `folder` that its modules name, those of no ancestor of it; they need not exist."""
    paths = (Path(os.path.normpath(path)) for module in modules for path in _named(module))
    outside = {path for path in paths if not path.is_relative_to(folder) and not folder.is_relative_to(path)}
    # What is in a folder that is named too comes with that.
    return sorted(path for path in outside if not any(other in path.parents for other in outside))


def _named(module: Module) -> Iterator[Path]:
    yield module.folder
    yield from (folder for _, folder in called_folders(module))
    for text in module.texts.values():
        yield from (module.folder / path for path in _UPWARD.findall(_PATH_OF.sub("", text)))


def common_ancestor(folder: Path, outside: Iterable[Path]) -> Path:
    """The lowest folder that holds all of these."""
    return Path(os.path.commonpath([folder, *(path.parent for path in outside)]))
