"""The toolkit as a package: what it says it needs, and what the wheel holds."""

import subprocess
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockroom import __version__
from stockroom.audit.locks import python_packages
from stockroom.engines.emulator_installation import LOCKS
from stockroom.engines.ministack import INSTALLATION as MINISTACK
from stockroom.project import ROOT
from stockroom.system.python_environments import uv
from stockroom.testing.browser import INSTALLATION as BROWSER
from stockroom.testing.policies import POLICIES_DIR

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([uv(), "build", "--quiet", "--wheel", "--out-dir", folder, ROOT], check=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_the_repositorys_lock_pins_all_that_the_package_needs() -> None:
    pinned = {package.name for package in python_packages((ROOT / "requirements.txt").read_text())}
    assert {line.partition(">=")[0] for line in PYPROJECT["project"]["dependencies"]} <= pinned


def test_the_build_backend_is_pinned() -> None:
    assert all("==" in line for line in PYPROJECT["build-system"]["requires"])


def test_the_wheel_has_its_version_and_command(wheel: zipfile.ZipFile) -> None:
    assert wheel.filename
    assert Path(wheel.filename).name == f"stockroom-{__version__}-py3-none-any.whl"
    entries = wheel.read(f"stockroom-{__version__}.dist-info/entry_points.txt").decode()
    assert "stockroom = stockroom.tasks.program:main" in entries


def test_the_wheel_holds_all_of_the_toolkit_and_its_own_files(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "stockroom", "localstack", "ministack", "emulation", "terraform/policies"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    own = {name if name.startswith("stockroom/") else f"stockroom/own_files/{name}" for name in tracked}
    assert own <= names
    locks = [*LOCKS, *MINISTACK.locks, *BROWSER.locks, POLICIES_DIR / "requirements.txt"]
    assert {f"stockroom/own_files/{path.relative_to(ROOT).as_posix()}" for path in locks} <= names


def test_the_wheel_holds_nothing_of_this_projects_own(wheel: zipfile.ZipFile) -> None:
    assert {name.partition("/")[0] for name in wheel.namelist()} == {"stockroom", f"stockroom-{__version__}.dist-info"}
    assert not [name for name in wheel.namelist() if "__pycache__" in name or "data_platform" in name]
