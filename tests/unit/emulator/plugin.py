"""Modules of the emulator's plugin that need nothing of LocalStack."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from stockroom.project import ROOT

FOLDER = ROOT / "localstack" / "plugin" / "src" / "stockroom_localstack"


def load(name: str) -> Any:
    """The module of this name, such as `services.logs.patterns`."""
    spec = importlib.util.spec_from_file_location(
        f"_plugin.{name}", FOLDER.joinpath(*name.split(".")).with_suffix(".py")
    )
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
