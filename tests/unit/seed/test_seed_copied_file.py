"""A file that others change while it is loaded: the whole of it as it was, or an error and nothing done."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seed import copied_file, seeding
from seed.copied_file import copy_whole, open_csv
from seed.progress import Silent
from stockroom.errors import StockroomError
from tests.unit.seed.fake_platform import FakePlatform
from tests.unit.seed.sales_files import HEADER, ROWS, WriteCsv

LARGE = b"".join(b"%07d\n" % number for number in range(400_000))  # more than three pieces


class After(Silent):
    """Does something to the file once the first piece was copied."""

    def __init__(self, change: Callable[[], object]) -> None:
        self._change: Callable[[], object] | None = change

    def advanced(self, step: str, n: int) -> None:
        if self._change:
            self._change()
        self._change = None


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Written a minute ago."""
    path = tmp_path / "sales.csv"
    path.write_bytes(LARGE)
    info = path.stat()
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns - 60_000_000_000))
    return path


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"one more\n")


def truncate(path: Path) -> None:
    os.truncate(path, 2_000_000)


def write_over(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"9999999\n")  # in the piece that is copied already


def write_over_and_put_the_time_back(path: Path) -> None:
    before = path.stat()
    write_over(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def truncate_and_write_again(path: Path) -> None:
    path.write_bytes(LARGE[::-1])


def replace(path: Path) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(b"another file\n")
    new.replace(path)


@pytest.mark.parametrize(
    "change", [grow, truncate, write_over, write_over_and_put_the_time_back, truncate_and_write_again]
)
def test_a_file_that_is_written_to_meanwhile_is_refused(
    large: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    with pytest.raises(StockroomError, match=r"sales\.csv changed while it was read") as refused:
        copy_whole(large, tmp_path / "copy", After(lambda: change(large)))
    assert "when the file is complete" in str(refused.value.hint)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("change", [replace, Path.unlink], ids=["replaced", "deleted"])
def test_a_file_that_makes_way_for_another_is_copied_whole(
    large: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    copied = copy_whole(large, tmp_path / "copy", After(lambda: change(large)))
    assert copied.path.read_bytes() == LARGE
    assert (copied.digest, copied.size) == (hashlib.sha256(LARGE).hexdigest(), len(LARGE))
    assert copied.path.name == "sales.csv"


@pytest.mark.parametrize("change", [grow, truncate])
def test_nothing_of_a_changing_file_is_loaded_or_marked(
    large: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    platform = FakePlatform()
    with pytest.raises(StockroomError, match="changed while it was read"):
        seeding.load(large, platform.target(), tmp_path / "work", After(lambda: change(large)))
    assert platform.log == []
    assert list((tmp_path / "work").iterdir()) == []


def test_what_happens_to_the_file_after_the_copy_changes_nothing(tmp_path: Path, write_csv: WriteCsv) -> None:
    path = write_csv([*ROWS] * 500)
    content = path.read_bytes()
    platform = FakePlatform()

    class Progress(Silent):
        def finished(self, step: str) -> None:
            if step == copied_file.STEP:
                path.write_text("gone")

    report = seeding.load(path, platform.target(), tmp_path / "work", Progress())
    assert report.rows_accepted == len(platform.records) == 2_000
    (stored,) = (body for key, body in platform.objects.items() if key.endswith("/sales.csv"))
    assert stored == content
    assert report.digest == hashlib.sha256(content).hexdigest()


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    fifo = tmp_path / "sales.csv"
    os.mkfifo(fifo)
    with pytest.raises(StockroomError, match="is a pipe or a device, not a file") as refused:
        open_csv(fifo)
    assert "> sales.csv" in str(refused.value.hint)
    with pytest.raises(StockroomError, match="is a pipe or a device"):
        copy_whole(fifo, tmp_path / "copy", Silent())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere /dev/stdin is not the file itself")
@pytest.mark.parametrize(("piped", "outcome"), [(True, "is a pipe or a device"), (False, "copied")])
def test_standard_input(tmp_path: Path, piped: bool, outcome: str) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(f"{HEADER}\n")
    program = (
        "from pathlib import Path; from seed.copied_file import copy_whole; from seed.progress import Silent"
        f"\ntry: print('copied', copy_whole(Path('/dev/stdin'), Path({str(tmp_path / 'copy')!r}), Silent()).size)"
        "\nexcept Exception as error: print(error)"
    )
    with path.open() as file:
        given = {"input": file.read()} if piped else {"stdin": file}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, **given)
    assert outcome in done.stdout


@pytest.mark.parametrize(
    ("content", "words", "hint"),
    [
        (b"PK\x03\x04rest", "an Excel workbook or a zip file", "CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0rest", "an old Excel workbook", "CSV UTF-8"),
        (b"\x1f\x8brest", "gzip data", "gunzip"),
        (b"BZh9rest", "bzip2 data", "bunzip2"),
        (b"\xfd7zXZ\0rest", "xz data", "unxz"),
        (b"\x28\xb5\x2f\xfdrest", "zstd data", "unzstd"),
        ("text".encode("utf-16"), "UTF-16 text", "iconv -f UTF-16 "),
        (HEADER.encode("utf-16-le"), "UTF-16 text", "iconv -f UTF-16LE "),
        (HEADER.encode("utf-16-be"), "UTF-16 text", "iconv -f UTF-16BE "),
        (b"a,b\n1,\x00\n", "binary data", "CSV UTF-8"),
        (f"{HEADER}\n{'1,' * 100}\0\n".encode(), "binary data", "CSV UTF-8"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 45580638\n", "Git LFS", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "a web page", "download the file itself"),
        (b"PAR1rest", "a Parquet file", "as CSV"),
    ],
)
def test_what_is_no_csv_is_refused_by_name(tmp_path: Path, content: bytes, words: str, hint: str) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    with pytest.raises(StockroomError, match=words) as refused:
        copy_whole(path, tmp_path / "copy", Silent())
    assert refused.value.message.startswith(f"{path} is ")
    assert hint in str(refused.value.hint)
    assert not (tmp_path / "copy").exists()


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StockroomError, match=r"nowhere\.csv cannot be read: No such file"):
        copy_whole(tmp_path / "nowhere.csv", tmp_path / "copy", Silent())


@pytest.mark.parametrize(
    ("content", "is_utf8"), [(b"plain", True), ("café".encode(), True), (b"\xa3", False), (b"\xc3", False)]
)
def test_whether_it_is_utf_8(tmp_path: Path, content: bytes, is_utf8: bool) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"x" * (copied_file._CHUNK - 1) + content)
    assert copy_whole(path, tmp_path / "copy", Silent()).is_utf8 is is_utf8


def test_a_full_disk_is_told(tmp_path: Path, large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StockroomError, match=r"sales\.csv cannot be copied to .*: Not a directory") as refused:
        copy_whole(large, tmp_path / "file" / "copy", Silent())
    assert "make room" in str(refused.value.hint)
