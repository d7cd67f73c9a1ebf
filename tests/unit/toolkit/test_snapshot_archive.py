import io
import json
import os
import random
from collections.abc import Callable
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
from stockroom.snapshots.store import Store
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


def header_json(**changed: object) -> bytes:
    return json.dumps({**json.loads(format_header(HEADER)), **changed}).encode()


def part_json(**changed: object) -> bytes:
    return header_json(parts={**json.loads(format_header(HEADER))["parts"], **changed})


CRAFTED = {
    "a list": b"[]",
    "text": b'"header"',
    "no text": b"\xff\xfe",
    "deep lists": b"[" * 20_000,
    "deep in a part": b'{"parts": ' * 5_000,
    "too long": header_json() + b" " * 2**16,
    "a name of megabytes": header_json(name="x" * 2**21),
    "something more": header_json(more=1),
    "something more in the parts": part_json(more=""),
    "no parts": header_json(parts={}),
    "parts that are a list": header_json(parts=[]),
    "a part that is a number": part_json(release=5),
    "a part that is a list": part_json(toolkit=["data_platform"]),
    "a part with a command to the terminal": part_json(release="\x1b[2Jgone"),
    "a part with a C1 command": part_json(endpoint="\x9b2J"),
    "a part with a second line": part_json(endpoint="http://127.0.0.1\nerror: all is lost"),
    "half a character": part_json(release="?").replace(b"?", rb"\ud800"),
    "created yesterday": header_json(created="yesterday"),
    "created in the year 1": header_json(created="0001-01-01T00:00:00+23:00"),
    "created in the year 9999": header_json(created="9999-12-31T23:59:59-23:00"),
    "created at a number": header_json(created=1),
    "many bytes in words": header_json(bytes="many"),
    "fewer bytes than none": header_json(bytes=-1),
    "more bytes than there are": header_json(bytes=2**60),
    "an infinite number": header_json(bytes=12).replace(b'"bytes": 12', b'"bytes": 1e400'),
    "no number": header_json(bytes=12).replace(b'"bytes": 12', b'"bytes": NaN'),
    "a number of 5,000 digits": header_json(bytes=12).replace(b'"bytes": 12', b'"bytes": ' + b"9" * 5_000),
    "half a byte": header_json(bytes=1.5),
    "a name that leads elsewhere": header_json(name="../../x"),
    "a name with markup": header_json(name="[red]x"),
    "a name with a command": header_json(name="x\x1b]0;root\x07"),
    "an empty name": header_json(name=""),
    "a name that ends with a line": header_json(name="x\n"),
    "a name that is a number": header_json(name=7),
    "counts that are a list": header_json(counts=[]),
    "counts without a stack": header_json(counts={"products": 3}),
    "counts with a command": header_json(counts={"shop": {"\x1b[31m": 1}}),
    "counts that hold text": header_json(counts={"shop": {"products": "3"}}),
    "too many counts": header_json(counts={"shop": {str(number): 1 for number in range(1_000)}}),
    "stacks that are a line": part_json(stacks="one,two"),
    "a stack with a command": part_json(stacks=["\x1b[31m"]),
    "data that is a line": part_json(seeds="sample"),
    "settled, in words": header_json(settled="yes"),
}


@pytest.mark.parametrize("content", CRAFTED.values(), ids=list(CRAFTED))
def test_a_crafted_header_is_none(tmp_path: Path, content: bytes) -> None:
    assert parse_header(content) is None
    store = Store(tmp_path)
    (tmp_path / "crafted.snapshot").write_bytes(b"stockroom snapshot 1\n" + content + b"\n" + b"0" * 40)
    assert store.all() == []


def test_headers_survive_json() -> None:
    assert parse_header(format_header(HEADER)) == HEADER
    assert parse_header(header_json()) == HEADER
    assert parse_header(part_json(release="Verk\u00e4ufe 2010.csv")) is not None
    before = json.loads(format_header(HEADER))
    del before["settled"]
    assert parse_header(json.dumps(before)) == HEADER, "which older versions do not tell"


def test_signed_again_with_another_name(tmp_path: Path, state: Path, file: Path) -> None:
    named, target = replace(HEADER, name="mine"), tmp_path / "two.snapshot"
    with file.open("rb") as source, target.open("wb") as written:
        verify(source, [KEY])
        sign_again(source, written, named, [b"other" * 8, KEY])
    with target.open("rb") as opened:
        with pytest.raises(UntrustedError):
            verify(opened, [KEY])
        assert verify(opened, [b"other" * 8]) == named
        unpack(opened, tmp_path / "unpacked")
    assert contents(tmp_path / "unpacked") == contents(state)


@pytest.mark.parametrize("change", ["the content", "its end", "the signature", "its length"])
def test_what_is_changed_after_it_was_verified_is_not_signed(tmp_path: Path, file: Path, change: str) -> None:
    # Without a buffer, which would hold all of so small a file.
    with file.open("rb", buffering=0) as source, (tmp_path / "two.snapshot").open("wb") as written:
        verify(source, [KEY])
        content = bytearray(file.read_bytes())
        match change:
            case "the content":
                content[-3000] ^= 1
            case "its end":
                content[-40] ^= 1
            case "the signature":
                content[-1] ^= 1
            case "its length":
                content = content[:-1]
        file.write_bytes(content)
        with pytest.raises(UntrustedError, match="changed while it was read"):
            sign_again(source, written, HEADER, [KEY])


def test_nobodys_name_is_in_it(tmp_path: Path, state: Path) -> None:
    import tarfile

    from zstandard import ZstdDecompressor

    file = io.BytesIO()
    write(file, HEADER, state, KEY)
    content = file.getvalue().split(b"\n", 2)[2][:-32]
    with (
        ZstdDecompressor().stream_reader(content) as stream,
        tarfile.open(mode="r|", fileobj=stream) as tar,
    ):
        entries = [(entry.uname, entry.gname, entry.uid, entry.mode & 0o077) for entry in tar]
    assert set(entries) == {("", "", 0, 0)}


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


def to_another_file(path: Path) -> None:
    machine_key(path.with_name("other"))
    path.symlink_to(path.with_name("other"))


def to_nowhere(path: Path) -> None:
    path.symlink_to(path.with_name("missing"))


def in_an_open_folder(path: Path) -> None:
    machine_key(path)
    path.parent.chmod(0o777)


@pytest.mark.parametrize("make", [to_another_file, to_nowhere, in_an_open_folder, os.mkfifo, os.mkdir])
def test_a_key_that_is_no_file_of_the_users_own_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "snapshot.key")
    with pytest.raises(StockroomError, match="so its signatures prove nothing"):
        machine_key(tmp_path / "snapshot.key")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_key_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.key"
    machine_key(path)
    os.chown(path, 65534, 65534)
    with pytest.raises(StockroomError, match="so its signatures prove nothing"):
        machine_key(path)


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
