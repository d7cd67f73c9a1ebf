"""Skeletons: names, files, and that nothing is overwritten."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stockroom.errors import StockroomError
from stockroom.project import ROOT, parse_project
from stockroom.scaffolding import writing
from stockroom.scaffolding.names import check_name, check_project_name, project_name_of
from stockroom.scaffolding.skeletons import (
    MODULES,
    fill,
    function_files,
    module_files,
    project_files,
    stack_files,
)
from stockroom.scaffolding.writing import write_files, write_folder

ENVIRONMENTS = ["dev", "local", "prod", "test"]


def skeleton(project: str, stack: str, function: str, module: str) -> dict[str, bytes]:
    return (
        project_files(project)
        | stack_files(project, stack, ENVIRONMENTS)
        | function_files(stack, function)
        | module_files(module)
    )


SHORT, LONG = skeleton("ab", "ab", "ab", "ab"), skeleton("a" * 20, "b" * 16, "c" * 20, "d" * 40)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("shop", "shop"),
        ("My Shop é", "my-shop-e"),
        ("a_b.c", "a-b-c"),
        ("a" * 30, "a" * 20),
        ("店", ""),
        ("9to5", "9to5"),
    ],
)
def test_a_project_is_named_after_its_folder(folder: str, name: str) -> None:
    assert project_name_of(folder) == name


@pytest.mark.parametrize("name", ["", "a", "9to5", "Shop", "my shop", "shop_1", "a" * 21, "-a", "é1"])
def test_a_bad_name_of_a_project_is_refused(name: str) -> None:
    with pytest.raises(StockroomError, match="can't be the name of a project"):
        check_project_name(name)


@pytest.mark.parametrize("kind", ["stack", "function", "module"])
@pytest.mark.parametrize(
    "name", ["", "a", "Shop", "my-shop", "my shop", "../x", "a/b", "_a", "a_", "a__b", "a_1", "é1", "a" * 41]
)
def test_a_bad_name_is_refused(kind: str, name: str) -> None:
    with pytest.raises(StockroomError, match=f"can't be the name of a {kind}"):
        check_name(kind, name)


@pytest.mark.parametrize(
    ("kind", "name"), [("function", "json"), ("function", "class"), ("function", "layers"), ("stack", "import")]
)
def test_a_name_that_python_uses_is_refused(kind: str, name: str) -> None:
    with pytest.raises(StockroomError, match="Python has another use for it"):
        check_name(kind, name)


def test_good_names_are_taken() -> None:
    assert check_name("stack", "data_platform") == "data_platform"
    assert check_name("function", "take_returns2") == "take_returns2"


def test_a_placeholder_without_a_value_is_a_mistake_in_the_template() -> None:
    assert fill("{{ a }}{{b}}${c}", {"a": "1", "b": "2"}) == "12${c}"
    with pytest.raises(KeyError):
        fill("{{ c }}", {})


@pytest.mark.parametrize("files", [SHORT, LONG], ids=["short", "long"])
def test_no_placeholder_is_left(files: dict[str, bytes]) -> None:
    assert not [name for name, content in files.items() if "{{" in name or b"{{" in content]


def test_nothing_of_this_repositorys_own_stack_is_in_a_project() -> None:
    assert not [name for name, content in SHORT.items() if b"data_platform" in content]


def test_every_environment_gets_variables_of_the_stack() -> None:
    files = stack_files("shop", "orders", ["local", "dev", "staging"])
    assert {name for name in files if name.endswith(".tfvars")} == {
        f"terraform/environments/{name}/orders.tfvars" for name in ("local", "dev", "staging")
    }
    assert b"data_can_be_made_again = true" in files["terraform/environments/local/orders.tfvars"]
    assert b"data_can_be_made_again = false" in files["terraform/environments/staging/orders.tfvars"]


def test_the_modules_are_exactly_those_of_this_repository() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", *(f"terraform/modules/{name}" for name in MODULES)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    files = project_files("shop")
    assert {name for name in files if name.startswith("terraform/modules/")} == set(tracked)
    used = set(re.findall(r"modules/(\w+)", stack_files("shop", "shop", [])["terraform/stacks/shop/main.tf"].decode()))
    assert used == set(MODULES)


def test_the_provider_is_the_one_that_this_repository_pins() -> None:
    files = stack_files("shop", "shop", [])
    for name in (".terraform.lock.hcl", "versions.tf", "providers.tf"):
        assert files[f"terraform/stacks/shop/{name}"] == (ROOT / "terraform/stacks/data_platform" / name).read_bytes()


@pytest.mark.parametrize("files", [SHORT, LONG], ids=["short", "long"])
def test_all_of_it_is_formatted(tmp_path: Path, files: dict[str, bytes]) -> None:
    write_folder(tmp_path / "shop é", files)
    terraform = shutil.which("terraform") or shutil.which("tofu")
    assert terraform
    for command in (
        [terraform, "fmt", "-check", "-recursive", "-diff"],
        [sys.executable, "-m", "ruff", "check"],
        [sys.executable, "-m", "ruff", "format", "--check"],
    ):
        done = subprocess.run(command, cwd=tmp_path / "shop é", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_folder_is_made_in_one_step_and_never_over_another(tmp_path: Path) -> None:
    target = tmp_path / "a" / "shop"
    write_folder(target, project_files("shop"))
    assert parse_project(target).name == "shop"
    assert [path.name for path in target.parent.iterdir()] == ["shop"]
    with pytest.raises(StockroomError, match="exists already"):
        write_folder(target, {"x": b""})
    (tmp_path / "file").touch()
    with pytest.raises(StockroomError, match="exists already"):
        write_folder(tmp_path / "file", {"x": b""})
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", {"x": b"1"})
    assert (tmp_path / "empty" / "x").read_bytes() == b"1"


def test_files_are_readable_as_the_user_wants_it(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_folder(tmp_path / "shop", {"x/y": b"1"})
    finally:
        os.umask(before)
    modes = [(tmp_path / "shop" / name).stat().st_mode & 0o777 for name in (".", "x", "x/y")]
    assert modes == [0o755, 0o755, 0o644]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"of the user")
    with pytest.raises(StockroomError, match="the stack 'x' exists already: b"):
        write_files(tmp_path, {"a": b"1", "b": b"2"}, "the stack 'x'")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert (tmp_path / "b").read_bytes() == b"of the user"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StockroomError, match="exists already"):
        write_files(tmp_path, {"a": b"1"}, "it")
    assert not (tmp_path / "elsewhere").exists()


def test_what_a_killed_command_began_is_ended(tmp_path: Path) -> None:
    files = {"x/a": b"1", "x/b": b"2"}
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a").write_bytes(b"1")
    assert write_files(tmp_path, files, "it") == ["x/b"]
    with pytest.raises(StockroomError, match="it exists already"):
        write_files(tmp_path, files, "it")


def test_an_interrupted_command_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = writing._write
    written: list[Path] = []

    def interrupted(path: Path, content: bytes) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path)
        write(path, content)

    monkeypatch.setattr(writing, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_files(tmp_path, {"x/a": b"1", "x/y/b": b"2", "z": b"3"}, "it")
    assert not list(tmp_path.iterdir())
