from __future__ import annotations

from pathlib import Path

import pytest

from stockroom.terraform.init_cache import cache_initialised, is_initialised, restore_initialised

NAME = "local-data_platform"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def initialised(folder: Path, provider: Path) -> Path:
    """A folder `.terraform` with a link to the provider, as `terraform init` makes it."""
    provider.mkdir(exist_ok=True)
    (folder / "providers").mkdir(parents=True)
    (folder / "providers" / "linux_amd64").symlink_to(provider)
    (folder / "terraform.tfstate").write_text("{}")
    return folder


def test_what_was_initialised_is_there_for_the_next_platform(tmp_path: Path, kept: Path) -> None:
    first, second = initialised(tmp_path / "first", tmp_path / "provider"), tmp_path / "second"
    assert not is_initialised(first, "a")
    cache_initialised(NAME, first, "a", kept)
    assert is_initialised(first, "a")
    assert restore_initialised(NAME, second, "a", kept)
    assert is_initialised(second, "a")
    assert (second / "terraform.tfstate").read_text() == "{}"
    assert (second / "providers" / "linux_amd64").readlink() == tmp_path / "provider"


def test_what_is_kept_is_not_taken_for_another(tmp_path: Path, kept: Path) -> None:
    cache_initialised(NAME, initialised(tmp_path / "first", tmp_path / "provider"), "a", kept)
    assert not restore_initialised(NAME, tmp_path / "second", "b", kept)
    assert not restore_initialised("local-retail_os", tmp_path / "second", "a", kept)
    assert not (tmp_path / "second").exists()


def test_what_is_in_the_way_goes(tmp_path: Path, kept: Path) -> None:
    cache_initialised(NAME, initialised(tmp_path / "first", tmp_path / "provider"), "a", kept)
    half = tmp_path / "second"
    half.mkdir()
    (half / "left by a killed init").touch()
    assert restore_initialised(NAME, half, "a", kept)
    assert not (half / "left by a killed init").exists()


def test_one_is_kept_under_a_name(tmp_path: Path, kept: Path) -> None:
    for digest in ("a", "b"):
        cache_initialised(NAME, initialised(tmp_path / digest, tmp_path / "provider"), digest, kept)
    assert [path.name for path in kept.iterdir()] == [NAME]
    assert restore_initialised(NAME, tmp_path / "next", "b", kept)


def test_without_the_provider_it_is_worth_nothing(tmp_path: Path, kept: Path) -> None:
    cache_initialised(NAME, initialised(tmp_path / "first", tmp_path / "provider"), "a", kept)
    (tmp_path / "provider").rmdir()
    assert not restore_initialised(NAME, tmp_path / "second", "a", kept)
    assert not (tmp_path / "second").exists()
