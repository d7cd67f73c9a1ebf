"""What of our own packages is installed with an emulator, and what the checkout that starts it brings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stockroom.engines.emulator_installation import (
    EMULATION_DIR,
    INSTALLATION,
    LOCALSTACK_DIR,
    add_packages,
    plugin_modules,
)
from stockroom.system.user_cache import CACHE

PROGRAM = """
from importlib.metadata import entry_points
from importlib.util import find_spec
print([find_spec(name) and find_spec(name).origin for name in ("stockroom_localstack", "stockroom_emulation")])
print([point.value for point in entry_points(group="localstack.hooks.on_infra_start")])
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment") / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    add_packages(folder, EMULATION_DIR, LOCALSTACK_DIR / "plugin")
    return folder / "bin" / "python"


def run(python: Path, variables: dict[str, str]) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    done = subprocess.run([python, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_installation_tells_of_the_plugin_but_has_none_of_its_modules(python: Path) -> None:
    assert run(python, {}) == ["[None, None]", "['stockroom_localstack.start:stockroom']"]


def test_the_modules_are_those_of_the_checkout_that_starts_the_emulator(python: Path) -> None:
    found, _ = run(python, plugin_modules())
    assert str(LOCALSTACK_DIR / "plugin" / "src") in found
    assert str(EMULATION_DIR / "src") in found


def test_the_installation_lies_in_the_users_cache() -> None:
    assert INSTALLATION.folder.parent == CACHE / "emulator"
