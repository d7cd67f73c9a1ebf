import os
import subprocess
import sys
from pathlib import Path

import pytest

from stockroom.errors import StockroomError
from stockroom.project import ROOT, find_root, parse_project
from stockroom.stacks import read_manifests
from stockroom.toolkit import IMPORTED_FROM, OWN_FILES


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stockroom.toml").write_text(text, encoding="utf-8")
    return folder


def test_the_root_is_the_nearest_folder_with_the_file(tmp_path: Path) -> None:
    outer = write(tmp_path / "outer", 'name = "outer"')
    inner = write(outer / "a folder ä" / "inner", 'name = "inner"')
    deep = inner / "functions" / "shop"
    deep.mkdir(parents=True)
    assert find_root(deep) == inner == find_root(inner)
    assert find_root(inner.parent) == outer
    assert find_root(tmp_path) is None


def test_a_folder_of_that_name_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "stockroom.toml").mkdir()
    assert find_root(tmp_path) is None


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    project = parse_project(write(tmp_path, 'name = "shop"'))
    assert (project.name, project.stacks, project.tests) == ("shop", (), "tests/e2e")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "stockroom.toml: name: field required"),
        ("name = ", "stockroom.toml is not TOML: "),
        ('name = "shop"\nstack = ["a"]', "stockroom.toml: stack: extra inputs are not permitted"),
        ('name = "shop"\nstacks = "a"', "stockroom.toml: stacks: "),
        ('name = "Shop"', "stockroom.toml: name: "),
        ('name = "shop"\ntests = "../tests"', "stockroom.toml: tests: "),
        ('name = "shop"\ntests = "/tests"', "stockroom.toml: tests: "),
    ],
)
def test_a_mistake_is_one_line_that_names_it(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(StockroomError) as raised:
        parse_project(write(tmp_path, text))
    assert raised.value.message.startswith(message)
    assert raised.value.hint == "docs/projects.md of Stockroom explains every line: name, stacks, tests"


def imports_in(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", "from stockroom.project import ROOT; print(ROOT)"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(IMPORTED_FROM)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_project_is_that_of_the_working_directory(tmp_path: Path) -> None:
    below = write(tmp_path / "my shop é", 'name = "shop"') / "functions"
    below.mkdir()
    assert imports_in(below).stdout.strip() == str(below.parent)


def test_without_one_it_says_what_was_looked_for(tmp_path: Path) -> None:
    done = imports_in(tmp_path)
    assert done.returncode == 1
    assert f"neither {tmp_path} nor a folder above it has a stockroom.toml" in done.stderr


def test_this_repository_is_a_project_whose_default_stacks_exist() -> None:
    assert set(parse_project(ROOT).stacks) <= read_manifests().keys()


@pytest.mark.parametrize(
    "path", ["localstack/requirements.txt", "ministack/plugin/pyproject.toml", "terraform/policies/checkov.yaml"]
)
def test_the_toolkits_own_files_are_found(path: str) -> None:
    assert (OWN_FILES / path).is_file()
