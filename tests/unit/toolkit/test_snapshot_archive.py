import io
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from stockroom.errors import StockroomError
from stockroom.snapshots.archive import (
    UntrustedError,
    format_header,
    parse_header,
    read_header,
    sign_again,
    unpack,
    verify,
    write,
)
from stockroom.snapshots.signing import data_folder, machine_key, signing_keys
from tests.unit.toolkit.snapshot_headers import HEADER

KEY = b"k" * 32


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    (folder / "s3" / "objects").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "stores.pickle").write_bytes(random.Random(1).randbytes(3_000))
    (folder / "s3" / "objects" / "a b ü").write_bytes(b"")
    (folder / "s3" / "objects" / "zeros").write_bytes(bytes(5_000_000))
    return folder


@pytest.fixture
def file(tmp_path: Path, state: Path) -> Path:
    path = tmp_path / "one.snapshot"
    with path.open("wb") as target:
        write(target, HEADER, state, KEY)
    return path


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes() for path in folder.rglob("*")
    }


def test_what_is_written_comes_back(tmp_path: Path, state: Path, file: Path) -> None:
    assert read_header(file) == HEADER
    with file.open("rb") as content:
        assert verify(content, [b"another", KEY]) == HEADER
        unpack(content, tmp_path / "unpacked")
    assert contents(tmp_path / "unpacked") == contents(state)
    assert file.stat().st_size < 10_000


def test_any_changed_byte_is_seen(tmp_path: Path, file: Path) -> None:
    content, draw = bytearray(file.read_bytes()), random.Random(2)
    header = content.index(b"\n", 30)
    places = [draw.randrange(len(content)) for _ in range(100)]
    places += [*range(0, header, 7), *range(len(content) - 32, len(content)), header]
    damaged = tmp_path / "damaged.snapshot"
    for place in places:
        before = content[place]
        content[place] ^= 1 << draw.randrange(8)
        damaged.write_bytes(content)
        content[place] = before
        with damaged.open("rb") as opened, pytest.raises(UntrustedError):
            verify(opened, [KEY])


@pytest.mark.parametrize("length", [0, 1, 20, 31, 32, 33, 200, -33, -32, -1])
def test_a_file_that_ends_early_is_seen(tmp_path: Path, file: Path, length: int) -> None:
    file.write_bytes(file.read_bytes()[:length])
    with file.open("rb") as opened, pytest.raises(UntrustedError):
        verify(opened, [KEY])


def test_a_file_that_goes_on_is_seen(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(b"\0")
    with file.open("rb") as opened, pytest.raises(UntrustedError):
        verify(opened, [KEY])


def test_a_file_of_somebody_else_is_refused(file: Path) -> None:
    with file.open("rb") as opened, pytest.raises(UntrustedError, match="not signed on this machine"):
        verify(opened, [b"another" * 8])


def test_a_signed_file_of_another_version_is_refused(tmp_path: Path) -> None:
    import hashlib
    import hmac

    content = b"stockroom snapshot 2\n{}\n"
    path = tmp_path / "later.snapshot"
    path.write_bytes(content + hmac.digest(KEY, content, hashlib.sha256))
    with path.open("rb") as opened, pytest.raises(UntrustedError, match="another version"):
        verify(opened, [KEY])


@pytest.mark.parametrize("content", [b"", b"stockroom snapshot 1\n", b"stockroom snapshot 1\n{}\n", b"\xff" * 100])
def test_the_header_of_something_else_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    assert read_header(path) is None
    assert read_header(tmp_path / "missing") is None


def test_headers_survive_json() -> None:
    assert parse_header(format_header(HEADER)) == HEADER
    assert parse_header("[]") is None
    for name, value in (("created", "yesterday"), ("bytes", "many"), ("tables", []), ("parts", {})):
        assert parse_header(json.dumps({**json.loads(format_header(HEADER)), name: value})) is None


def test_signed_again_with_another_name(tmp_path: Path, state: Path, file: Path) -> None:
    named, target = replace(HEADER, name="mine"), tmp_path / "two.snapshot"
    with file.open("rb") as source, target.open("wb") as written:
        verify(source, [KEY])
        sign_again(source, written, named, b"other" * 8)
    with target.open("rb") as opened:
        with pytest.raises(UntrustedError):
            verify(opened, [KEY])
        assert verify(opened, [b"other" * 8]) == named
        unpack(opened, tmp_path / "unpacked")
    assert contents(tmp_path / "unpacked") == contents(state)


def test_nobodys_name_is_in_it(tmp_path: Path, state: Path) -> None:
    import tarfile

    import pyarrow as pa

    file = io.BytesIO()
    write(file, HEADER, state, KEY)
    content = file.getvalue().split(b"\n", 2)[2][:-32]
    with (
        pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream,
        tarfile.open(mode="r|", fileobj=stream) as tar,
    ):
        owners = {(entry.uname, entry.gname, entry.uid) for entry in tar}
    assert owners == {("", "", 0)}


def test_the_machines_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "snapshot.key"
    key = machine_key(path)
    assert len(key) >= 32
    assert machine_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["snapshot.key"]
    assert machine_key(tmp_path / "other" / "snapshot.key") != key


@pytest.mark.parametrize("mode", [0o644, 0o620, 0o604])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "snapshot.key"
    machine_key(path)
    path.chmod(mode)
    with pytest.raises(StockroomError, match="can be read or written by others") as error:
        machine_key(path)
    assert error.value.hint
    assert "delete it" in error.value.hint


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.key"
    machine_key(path)
    path.write_bytes(b"")
    with pytest.raises(StockroomError, match="is damaged"):
        machine_key(path)


def test_a_shared_key_signs_and_the_machines_is_still_accepted(tmp_path: Path) -> None:
    shared = "s" * 32
    assert signing_keys(None, tmp_path) == [machine_key(tmp_path / "snapshot.key")]
    assert signing_keys(shared, tmp_path) == [shared.encode(), machine_key(tmp_path / "snapshot.key")]


def test_the_key_lies_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert data_folder({}) == Path("/home/me/.local/share/stockroom")
    assert data_folder({"XDG_DATA_HOME": "/data"}) == Path("/data/stockroom")
    assert data_folder({"XDG_DATA_HOME": "relative"}) == Path("/home/me/.local/share/stockroom")
