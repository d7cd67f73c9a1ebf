"""Where the toolkit's own files are, which are not the project's."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

IMPORTED_FROM = _PACKAGE.parent
"""The folder that the toolkit is imported from: a clone of the repository, or site-packages."""


def _own_files() -> Path:
    packed = _PACKAGE / "own_files"
    return packed if packed.is_dir() else IMPORTED_FROM


OWN_FILES = _own_files()
"""Locks, emulators' plugins, policies and modules to copy, at the same paths below this folder as in the repository.

In the repository they lie where people look for them; the wheel has them below stockroom/own_files/ (`force-include` in
pyproject.toml).
"""
