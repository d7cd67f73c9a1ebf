"""The copy that a foreign folder runs in: whatever it reaches is there, and nothing is written into the folder."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from stockroom.errors import StockroomError
from stockroom.foreign.configuration import OVERRIDE_FILE, read_modules
from stockroom.foreign.reach import named_outside
from stockroom.foreign.working_copy import WorkingCopy

ENDPOINT = "http://127.0.0.1:4600"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_tf", ".tf")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder `live/shop` with modules and sources outside of it."""
    top = tmp_path / "project"
    write(
        top,
        live__shop__main_tf='module "q" {\n source = "../../modules/queue"\n}\n'
        'locals {\n code = "${path.module}/../../src/take"\n zip = "${path.module}/../../dist/new/take.zip"\n}\n',
        modules__queue__main_tf='module "n" {\n source = "../names"\n}',
        modules__names__main_tf="",
        src__take__take="code",
        src__other="other",
        README="about",
    )
    return top


def copy_of(project: Path, home: Path) -> WorkingCopy:
    folder = (project / "live" / "shop").resolve()
    copy = WorkingCopy(folder, home, ENDPOINT)
    copy.update(read_modules(folder))
    return copy


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_relative_paths_hold_and_what_is_named_is_a_copy(project: Path, tmp_path: Path) -> None:
    copy = copy_of(project, tmp_path / "home")
    for path in ("main.tf", "../../modules/queue/main.tf", "../../modules/names/main.tf", "../../src/take/take"):
        place = copy.folder / path
        assert place.read_bytes() == (project / "live" / "shop" / path).read_bytes()
        assert place.resolve().is_relative_to(tmp_path / "home")
    # What nobody names is there all the same, as it is.
    assert (copy.folder / "../../README").read_text() == "about"
    assert (copy.folder / "../../src/other").read_text() == "other"


def test_what_is_written_stays_in_the_copy(project: Path, tmp_path: Path) -> None:
    before = contents(project)
    copy = copy_of(project, tmp_path / "home")
    (copy.folder / "main.tf").write_text("changed")
    (copy.folder / "../../src/take/take").write_text("changed")
    (copy.folder / "../../dist/new/take.zip").write_text("built")
    (copy.folder / "new").mkdir()
    assert contents(project) == before
    assert not (project / "dist").exists()


def test_a_second_time_what_changed_is_copied_and_what_was_built_stays(project: Path, tmp_path: Path) -> None:
    copy = copy_of(project, tmp_path / "home")
    (copy.folder / "../../dist/new/take.zip").write_text("built")
    (copy.folder / "../../src/take/take").write_text("built over the copy")
    write(project, live__shop__more_tf="", modules__names__main_tf="# new")
    again = copy_of(project, tmp_path / "home")
    assert (again.folder / "more.tf").exists()
    assert (again.folder / "../../modules/names/main.tf").read_text() == "# new"
    assert (again.folder / "../../dist/new/take.zip").read_text() == "built"
    assert (again.folder / "../../src/take/take").read_text() == "built over the copy"


def test_what_was_removed_goes_and_what_terraform_made_stays(project: Path, tmp_path: Path) -> None:
    write(project, live__shop__more_tf="")
    copy = copy_of(project, tmp_path / "home")
    (copy.folder / ".terraform").mkdir()
    (copy.folder / ".terraform.lock.hcl").write_text("lock")
    (project / "live/shop/more.tf").unlink()
    again = copy_of(project, tmp_path / "home")
    assert not (again.folder / "more.tf").exists()
    assert (again.folder / ".terraform").is_dir()
    assert (again.folder / ".terraform.lock.hcl").read_text() == "lock"


@pytest.mark.parametrize(
    "name", [".terraform/x", "terraform.tfstate", "terraform.tfstate.backup", "dev.tfstate", ".terragrunt-cache/x"]
)
def test_what_an_earlier_terraform_left_does_not_come_along(project: Path, tmp_path: Path, name: str) -> None:
    path = project / "live/shop" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("theirs")
    assert not (copy_of(project, tmp_path / "home").folder / name).exists()


def test_symbolic_links_hold(project: Path, tmp_path: Path) -> None:
    shop, elsewhere = project / "live/shop", tmp_path / "elsewhere"
    write(project, provider_tf='provider "aws" {}')
    write(elsewhere, data="far")
    (shop / "provider.tf").symlink_to("../../provider.tf")
    (shop / "here").symlink_to("../../src")
    (shop / "far").symlink_to(elsewhere)
    (shop / "loop").symlink_to(".")
    (shop / "broken").symlink_to("nowhere")
    copy = copy_of(project, tmp_path / "home")
    assert (copy.folder / "provider.tf").read_text() == 'provider "aws" {}'
    assert not (copy.folder / "provider.tf").is_symlink()
    assert (copy.folder / "here/take/take").read_text() == "code"
    assert (copy.folder / "far/data").read_text() == "far"
    assert (copy.folder / "loop/main.tf").exists()


def test_programs_stay_programs(project: Path, tmp_path: Path) -> None:
    write(project, live__shop__build="#!/bin/sh")
    (project / "live/shop/build").chmod(0o755)
    assert (copy_of(project, tmp_path / "home").folder / "build").stat().st_mode & stat.S_IXUSR


def test_large_folders_that_are_only_read_are_linked(project: Path, tmp_path: Path) -> None:
    write(project, live__shop__node_modules__x="x")
    copy = copy_of(project, tmp_path / "home")
    assert (copy.folder / "node_modules").is_symlink()
    assert (copy.folder / "node_modules/x").read_text() == "x"


def test_addresses_of_an_emulator_are_led_in_terraforms_files_only(project: Path, tmp_path: Path) -> None:
    write(
        project,
        live__shop__url_tf='locals {\n u = "http://localhost:4566"\n}',
        live__shop__note="http://localhost:4566",
    )
    (project / "live/shop/x.auto.tfvars").write_text('u = "http://172.17.0.1:4566"')
    copy = copy_of(project, tmp_path / "home")
    assert ENDPOINT in (copy.folder / "url.tf").read_text()
    assert ENDPOINT in (copy.folder / "x.auto.tfvars").read_text()
    assert (copy.folder / "note").read_text() == "http://localhost:4566"
    assert copy.led == {"url.tf": ["http://localhost:4566"], "x.auto.tfvars": ["http://172.17.0.1:4566"]}


def test_a_module_that_a_link_leads_to_is_not_written_to(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere, main_tf="")
    (project / "live/shop/far").symlink_to(elsewhere)
    copy = copy_of(project, tmp_path / "home")
    with pytest.raises(StockroomError, match="symbolic link"):
        copy.write(copy.folder / "far", OVERRIDE_FILE, {"provider": {}})
    assert [path.name for path in elsewhere.iterdir()] == ["main.tf"]


def test_the_copy_of_a_folder_that_has_gone_can_be_opened(project: Path, tmp_path: Path) -> None:
    folder = copy_of(project, tmp_path / "home").folder
    opened = WorkingCopy((project / "live/shop").resolve(), tmp_path / "home", ENDPOINT)
    opened.open()
    assert opened.folder == folder
    with pytest.raises(StockroomError, match="nothing was brought up"):
        WorkingCopy(tmp_path / "other", tmp_path / "empty", ENDPOINT).open()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('x = file("${path.module}/../x/y.json")', ["/a/x/y.json"]),
        ('x = "../../x"', ["/x"]),
        ('source = "../modules/queue"', ["/a/modules/queue"]),
        ('x = "${path.root}/files/../../x"', ["/a/x"]),
        ('x = "./../x"', ["/a/x"]),
        ('command = "cd ../x && make"', ["/a/x"]),
        ('x = "../x"\ny = "../x/y"', ["/a/x"]),
        ('x = "${path.module}/.."', []),
        ('x = "../.."', []),
        ('x = "files/x"', []),
        ('x = "and so on..."', []),
        ("x = [for y in var.z... : y]", []),
        ('x = "../shop/x"', []),
    ],
)
def test_paths_outside_are_found_in_the_text(tmp_path: Path, text: str, named: list[str]) -> None:
    from stockroom.foreign.configuration import Module

    module = Module(Path("/a/shop"), (), {"main.tf": text})
    assert [str(path) for path in named_outside([module], Path("/a/shop"))] == named
