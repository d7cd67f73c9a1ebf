"""What `invoke clean` finds, and what it leaves alone."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time

import pytest

from stockroom.cleaning.leftovers import Leftover, folders_of, old_installations, remove, runs, size_of
from stockroom.system.installation import MARKER, Installation
from stockroom.system.user_cache import cache_folder

WEEK, DAY = 7 * 24 * 3600, 24 * 3600


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    lock = tmp_path / "requirements.txt"
    lock.write_text("one==1\n")
    return Installation("it", tmp_path / "cache" / "it", (lock,), needed_mb=1)


def installed(folder: Path, used: float) -> Path:
    folder.mkdir(parents=True)
    (folder / "content").write_bytes(b"x" * 10_000)
    (folder / MARKER).touch()
    os.utime(folder / MARKER, (used, used))
    return folder


@contextmanager
def process_in(folder: Path) -> Iterator[None]:
    program = "import sys; print(flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout
    assert process.stdin
    try:
        process.stdout.readline()
        yield
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"XDG_CACHE_HOME": "/x"}, Path("/x/stockroom")),
        ({"XDG_CACHE_HOME": ""}, Path.home() / ".cache" / "stockroom"),
        ({"XDG_CACHE_HOME": "relative"}, Path.home() / ".cache" / "stockroom"),
        ({}, Path.home() / ".cache" / "stockroom"),
    ],
)
def test_the_cache_is_where_the_user_has_caches(environment: dict[str, str], folder: Path) -> None:
    assert cache_folder(environment) == folder


def test_the_place_of_an_installation_depends_on_its_locks_alone(tmp_path: Path) -> None:
    for name in ("checkout", "another"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "requirements.txt").write_text("one==1\n")
    one, other = (
        Installation("it", tmp_path / "cache", (tmp_path / name / "requirements.txt",), needed_mb=1)
        for name in ("checkout", "another")
    )
    assert one.folder == other.folder
    (tmp_path / "another" / "requirements.txt").write_text("one==2\n")
    assert one.folder != other.folder


def test_two_that_install_at_once_install_once(installation: Installation) -> None:
    made: list[Path] = []

    def part() -> None:
        made.append(installation.folder)
        (installation.folder / "content").touch()

    def parts() -> list[Callable[[], None]]:
        return [part]

    threads = [threading.Thread(target=installation.install, args=(lambda _: None, parts)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [installation.folder]
    assert installation.is_installed()
    assert [installation.home.stat().st_mode & 0o777, installation.home.parent.stat().st_mode & 0o777] == [0o700] * 2


def test_installing_leaves_the_installation_of_another_checkout_and_removes_half_ones(
    installation: Installation,
) -> None:
    other = installed(installation.home / "other", time() - 10 * WEEK)
    half = installation.home / "half"
    half.mkdir()
    installation.install(lambda _: None, lambda: [])
    assert other.exists()
    assert not half.exists()


def test_using_an_installation_is_noted(installation: Installation) -> None:
    installed(installation.folder, time() - WEEK)
    installation.install(lambda _: None, lambda: [])
    assert time() - (installation.folder / MARKER).stat().st_mtime < DAY


def test_what_other_locks_made_may_go_after_a_week_without_use(installation: Installation) -> None:
    now = time()
    installed(installation.folder, now - 10 * WEEK)
    old = installed(installation.home / "old", now - WEEK - 60)
    installed(installation.home / "recent", now - WEEK + 60)
    used = installed(installation.home / "used", now - 10 * WEEK)
    (installation.home / "half").mkdir()
    with process_in(used):
        found = list(old_installations(installation, now))
    assert {leftover.path.name: leftover.what for leftover in found} == {
        "old": "it of other locks, last used 7 days ago",
        "half": "it, half installed",
    }
    assert next(leftover.size for leftover in found if leftover.path == old) >= 10_000


def test_there_may_be_no_installation_at_all(installation: Installation) -> None:
    assert list(old_installations(installation, time())) == []


def test_folders_that_a_process_works_in_stay(tmp_path: Path) -> None:
    for name in ("cache", "used", "other"):
        (tmp_path / name / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "other")
    with process_in(tmp_path / "used" / "below"):
        found = list(folders_of(tmp_path, ["cache", "used", "missing", "link"], "a cache"))
        assert [leftover.path.name for leftover in found] == ["cache"]
        assert list(runs([tmp_path / "used"], "a run")) == []
        assert not remove(Leftover(tmp_path / "used", "a run", 0))
    assert (tmp_path / "used" / "below").exists()


def test_what_is_removed_is_gone(tmp_path: Path) -> None:
    folder = installed(tmp_path / "folder", time())
    (tmp_path / "file").touch()
    assert remove(Leftover(folder, "", 0))
    assert remove(Leftover(tmp_path / "file", "", 0))
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_two_names_counts_once_and_links_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "one").write_bytes(b"x" * 100_000)
    (folder / "two").hardlink_to(folder / "one")
    (tmp_path / "big").write_bytes(b"x" * 1_000_000)
    (folder / "link").symlink_to(tmp_path / "big")
    assert 100_000 <= size_of(folder) < 150_000
