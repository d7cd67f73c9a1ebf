"""Programs that run in the emulator's Python, as the emulator itself would run them."""

from __future__ import annotations

import os
import subprocess

from stockroom.engines.emulator_installation import plugin_modules, python


def run_program(code: str) -> str:
    """What the program prints. It must end well, within two minutes."""
    done = subprocess.run(
        [python(), "-c", code], env={**os.environ, **plugin_modules()}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
