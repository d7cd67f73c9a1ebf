import hashlib
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockroom import bundles
from stockroom.bundles import Bundle, build_bundles, bundle_files, function_names, write_zip

FILES = {"handler.py": b"def handler(event, context): ...\n", "data/table.json": b"{}", "data/empty": b""}


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def _lay_out(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def test_same_files_same_bytes(tmp_path: Path) -> None:
    one = _lay_out(tmp_path / "one", FILES)
    other = _lay_out(tmp_path / "other", dict(reversed(FILES.items())))
    for path in other.rglob("*"):
        os.utime(path, (1, 10**9))
        if path.is_file():
            path.chmod(0o755)
    files = list(bundle_files(other, None).items())
    random.Random(1).shuffle(files)
    first = write_zip(tmp_path / "1.zip", bundle_files(one, None))
    assert write_zip(tmp_path / "2.zip", dict(files)) == first
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


@pytest.mark.usefixtures("umask")
def test_the_umask_changes_nothing_and_lambda_can_read_all(tmp_path: Path) -> None:
    write_zip(tmp_path / "1.zip", bundle_files(_lay_out(tmp_path / "one", FILES), None))
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


def test_the_sha_is_of_the_bytes(tmp_path: Path) -> None:
    sha256 = write_zip(tmp_path / "1.zip", bundle_files(_lay_out(tmp_path / "one", FILES), None))
    assert sha256 == hashlib.sha256((tmp_path / "1.zip").read_bytes()).hexdigest()
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert archive.namelist() == sorted(FILES)


@pytest.mark.parametrize(
    "change", [{"handler.py": b"def handler(event, context): pass\n"}, {"data/empty": b" "}, {"new": b""}]
)
def test_any_change_changes_the_sha(tmp_path: Path, change: dict[str, bytes]) -> None:
    before = write_zip(tmp_path / "1.zip", bundle_files(_lay_out(tmp_path / "one", FILES), None))
    assert write_zip(tmp_path / "2.zip", bundle_files(_lay_out(tmp_path / "one", change), None)) != before


def test_what_installers_and_interpreters_write_is_left_out(tmp_path: Path) -> None:
    source = _lay_out(tmp_path / "source", FILES | {"__pycache__/handler.cpython-313.pyc": b"x", "stray.pyc": b"x"})
    packages = _lay_out(
        tmp_path / "packages",
        {
            "lib/__init__.py": b"",
            "lib/__pycache__/__init__.cpython-313.pyc": b"x",
            "lib/RECORD": b"a file of the package's own",
            "lib-1.0.dist-info/METADATA": b"Name: lib",
            "lib-1.0.dist-info/RECORD": b"x",
            "lib-1.0.dist-info/INSTALLER": b"uv",
            "lib-1.0.dist-info/REQUESTED": b"",
            "lib-1.0.dist-info/direct_url.json": b"{}",
            "bin/lib": b"#!/home/someone/python",
            ".lock": b"",
        },
    )
    assert set(bundle_files(source, packages)) == {
        *FILES,
        "lib/__init__.py",
        "lib/RECORD",
        "lib-1.0.dist-info/METADATA",
    }


def test_the_function_lies_over_the_packages(tmp_path: Path) -> None:
    source = _lay_out(tmp_path / "source", {"same.py": b"ours"})
    packages = _lay_out(tmp_path / "packages", {"same.py": b"theirs", "other.py": b"theirs"})
    files = bundle_files(source, packages)
    assert files["same.py"] == source / "same.py"
    assert files["other.py"] == packages / "other.py"


def test_the_stacks_modules_lie_between_the_function_and_the_packages(tmp_path: Path) -> None:
    stack = _lay_out(
        tmp_path / "stack",
        {
            "own/own.py": b"",
            "own/same.py": b"",
            "other/other.py": b"",
            "same.py": b"",
            "fields.py": b"",
            "__pycache__/fields.cpython-313.pyc": b"",
            "requirements.txt": b"",
        },
    )
    packages = _lay_out(tmp_path / "packages", {"same.py": b"", "fields.py": b"", "lib/fields.py": b""})
    assert bundle_files(stack / "own", packages) == {
        "own.py": stack / "own" / "own.py",
        "same.py": stack / "own" / "same.py",
        "fields.py": stack / "fields.py",
        "lib/fields.py": packages / "lib" / "fields.py",
    }


def test_a_bundle_is_named_by_its_content() -> None:
    assert Bundle("capture_sales", "ab12", Path("x.zip")).key == "capture_sales/ab12.zip"


def test_functions_are_the_folders_with_a_handler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "FUNCTIONS_DIR", tmp_path)
    _lay_out(
        tmp_path / "stack",
        {"b/b.py": b"", "a/a.py": b"", "shared/other.py": b"", "fields.py": b"", "requirements.txt": b""},
    )
    assert function_names("stack") == ["a", "b"]
    assert function_names("none") == []
    assert build_bundles("none") == []


def test_the_repositorys_functions_are_the_same_bytes_wherever_they_are_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    for name in ("one", "another folder"):
        monkeypatch.setattr(bundles, "BUNDLES_DIR", tmp_path / name)
        built.append(build_bundles("data_platform"))
    first, second = built
    assert [bundle.function for bundle in first] == ["capture_sales", "process_orders"]
    assert [(bundle.function, bundle.sha256) for bundle in first] == [
        (bundle.function, bundle.sha256) for bundle in second
    ]
    for bundle in first:
        assert bundle.path.name == f"{bundle.sha256}.zip"
        assert hashlib.sha256(bundle.path.read_bytes()).hexdigest() == bundle.sha256
    assert not list((tmp_path / "one").glob("tmp*"))


@pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="the bundles are made for Python 3.13")
@pytest.mark.parametrize("function", ["capture_sales", "process_orders"])
def test_the_handler_imports_from_its_bundle(tmp_path: Path, function: str) -> None:
    bundle = next(bundle for bundle in build_bundles("data_platform") if bundle.function == function)
    with zipfile.ZipFile(bundle.path) as archive:
        archive.extractall(tmp_path)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import importlib;"
        "module = importlib.import_module(sys.argv[2]); import aws_lambda_powertools as tools;"
        "assert callable(module.handler); assert module.__file__.startswith(sys.argv[1]);"
        "assert tools.__file__.startswith(sys.argv[1])"
    )
    names = {"AWS_REGION": "us-east-1", "RAW_BUCKET": "b", "ORDERS_TABLE": "o", "INVENTORY_TABLE": "i"}
    # -I: nothing of this folder or of the environment; boto3 comes with Lambda's image, as it does with this Python.
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(tmp_path), function],
        env=names | {"AWS_DEFAULT_REGION": "us-east-1", "POWERTOOLS_SERVICE_NAME": "test"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
