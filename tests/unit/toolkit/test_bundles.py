import hashlib
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stockroom.errors import StockroomError
from stockroom.releases import build, packages, zips
from stockroom.releases.artifacts import Artifact, Kind
from stockroom.releases.build import build_artifacts, check_size
from stockroom.releases.bundles import bundle_files, function_names
from stockroom.releases.code import Code, all_below, work_tree
from stockroom.releases.layers import layer_names
from stockroom.releases.packages import LAMBDA_PLATFORM, package_files, package_platform
from stockroom.releases.zips import write_zip

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


def of(source: Path, packages: Path | None = None) -> dict[str, Path]:
    """The files of the bundle of a function in a folder that nothing is known of."""
    return bundle_files(all_below(source.parent), source.name, packages)


def test_same_files_same_bytes(tmp_path: Path) -> None:
    one = _lay_out(tmp_path / "one", FILES)
    other = _lay_out(tmp_path / "other", dict(reversed(FILES.items())))
    for path in other.rglob("*"):
        os.utime(path, (1, 10**9))
        if path.is_file():
            path.chmod(0o755)
    files = list(of(other).items())
    random.Random(1).shuffle(files)
    first = write_zip(tmp_path / "1.zip", of(one))
    assert write_zip(tmp_path / "2.zip", dict(files)) == first
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


@pytest.mark.usefixtures("umask")
def test_the_umask_changes_nothing_and_lambda_can_read_all(tmp_path: Path) -> None:
    write_zip(tmp_path / "1.zip", of(_lay_out(tmp_path / "one", FILES)))
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


def test_the_sha_is_of_the_bytes(tmp_path: Path) -> None:
    sha256 = write_zip(tmp_path / "1.zip", of(_lay_out(tmp_path / "one", FILES)))
    assert sha256 == hashlib.sha256((tmp_path / "1.zip").read_bytes()).hexdigest()
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        assert archive.namelist() == sorted(FILES)


@pytest.mark.parametrize(
    "change", [{"handler.py": b"def handler(event, context): pass\n"}, {"data/empty": b" "}, {"new": b""}]
)
def test_any_change_changes_the_sha(tmp_path: Path, change: dict[str, bytes]) -> None:
    before = write_zip(tmp_path / "1.zip", of(_lay_out(tmp_path / "one", FILES)))
    assert write_zip(tmp_path / "2.zip", of(_lay_out(tmp_path / "one", change))) != before


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
    assert set(of(source, packages)) == {
        *FILES,
        "lib/__init__.py",
        "lib/RECORD",
        "lib-1.0.dist-info/METADATA",
    }


def test_what_only_developers_of_packages_need_is_left_out(tmp_path: Path) -> None:
    needed = {
        "pyarrow/__init__.py": b"",
        "pyarrow/lib.cpython-313-x86_64-linux-gnu.so": b"",
        "pyarrow/libarrow.so.2600": b"",
        "pyarrow/libarrow_substrait.so.2600": b"",
        "pyarrow/vendored/version.py": b"",
        "other/flight.py": b"",
        "other/src/data.json": b"",
        "other/include/table.csv": b"",
        "tests.py": b"",
    }
    left_out = {
        "pyarrow/tests/test_array.py": b"",
        "pyarrow/tests/data/v0.7.1.parquet": b"",
        "pyarrow/include/arrow/api.h": b"",
        "pyarrow/src/arrow/python/csv.cc": b"",
        "pyarrow/lib.pyx": b"",
        "pyarrow/lib.pxd": b"",
        "pyarrow/table.pxi": b"",
        "pyarrow/flight.py": b"",
        "pyarrow/_flight.cpython-313-x86_64-linux-gnu.so": b"",
        "pyarrow/libarrow_flight.so.2600": b"",
        "pyarrow/libarrow_python_flight.so.2600": b"",
    }
    assert set(package_files(_lay_out(tmp_path, needed | left_out))) == set(needed)


def test_what_a_function_has_itself_is_never_left_out(tmp_path: Path) -> None:
    own = {"tests/data.json": b"", "query.c": b"", "RECORD": b"", "bin/tool": b""}
    assert set(of(_lay_out(tmp_path / "source", own))) == set(own)


def test_the_function_lies_over_the_packages(tmp_path: Path) -> None:
    source = _lay_out(tmp_path / "source", {"same.py": b"ours"})
    packages = _lay_out(tmp_path / "packages", {"same.py": b"theirs", "other.py": b"theirs"})
    files = of(source, packages)
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
    assert of(stack / "own", packages) == {
        "own.py": stack / "own" / "own.py",
        "same.py": stack / "own" / "same.py",
        "fields.py": stack / "fields.py",
        "lib/fields.py": packages / "lib" / "fields.py",
    }


def test_functions_are_the_folders_with_a_handler(tmp_path: Path) -> None:
    _lay_out(
        tmp_path / "functions" / "stack",
        {"b/b.py": b"", "a/a.py": b"", "shared/other.py": b"", "fields.py": b"", "requirements.txt": b""},
    )
    code = all_below(tmp_path)
    assert function_names("stack", code) == ["a", "b"]
    assert function_names("none", code) == []
    assert list(build_artifacts(["none"], code)) == []


def test_the_repositorys_functions_are_the_same_bytes_wherever_they_are_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "layer_names", lambda *_: [])  # big, and below
    built = []
    for name in ("one", "another folder"):
        monkeypatch.setattr(zips, "ZIPS_DIR", tmp_path / name)
        built.append(build_artifacts(["data_platform"], work_tree()))
    first, second = built
    assert [bundle.name for bundle in first] == function_names("data_platform", work_tree())
    assert {"capture_sales", "process_orders"} <= {bundle.name for bundle in first}
    assert [(bundle.name, bundle.sha256) for bundle in first] == [(bundle.name, bundle.sha256) for bundle in second]
    for bundle in first:
        assert bundle.path.name == f"{bundle.sha256}.zip"
        assert hashlib.sha256(bundle.path.read_bytes()).hexdigest() == bundle.sha256
    assert not list((tmp_path / "one").glob("tmp*"))


@pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="the bundles are made for Python 3.13")
@pytest.mark.parametrize("function", ["capture_sales", "process_orders"])
def test_the_handler_imports_from_its_bundle(tmp_path: Path, function: str) -> None:
    bundle = next(
        one for one in build_artifacts(["data_platform"], work_tree()) if (one.kind, one.name) == ("bundles", function)
    )
    with zipfile.ZipFile(bundle.path) as archive:
        archive.extractall(tmp_path)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import importlib;"
        "module = importlib.import_module(sys.argv[2]); import aws_lambda_powertools as tools;"
        "assert callable(module.handler); assert module.__file__.startswith(sys.argv[1]);"
        "assert tools.__file__.startswith(sys.argv[1])"
    )
    names = {"AWS_REGION": "us-east-1", "RAW_BUCKET": "b"}
    names |= {"ORDERS_TABLE": "o", "INVENTORY_TABLE": "i", "QUEUE_URL": "http://127.0.0.1:4566/1/q"}
    # -I: nothing of this folder or of the environment; boto3 comes with Lambda's image, as it does with this Python.
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(tmp_path), function],
        env=names | {"AWS_DEFAULT_REGION": "us-east-1", "POWERTOOLS_SERVICE_NAME": "test"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


class Stack:
    """A stack of a function and a layer, whose packages come from no registry."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = _lay_out(
            folder / "functions", {"stack/one/one.py": b"", "stack/layers/big/requirements.txt": b"big==1 --hash=x"}
        )
        self.installed: list[list[str]] = []
        monkeypatch.setattr(zips, "ZIPS_DIR", folder / "artifacts")
        monkeypatch.setattr(packages, "run_uv", self._install)

    def _install(self, *words: str | Path, what: str) -> None:
        self.installed.append([str(word) for word in words])
        folder = Path(words[words.index("--target") + 1])
        _lay_out(folder, {"big/__init__.py": Path(words[-1]).read_bytes(), "big/tests/test_big.py": b"x"})

    @property
    def code(self) -> Code:
        return all_below(self.folder.parent)

    def lock(self, content: bytes) -> None:
        (self.folder / "stack/layers/big/requirements.txt").write_bytes(content)

    def layer(self) -> Artifact:
        bundle, layer = build_artifacts(["stack"], self.code)
        assert (bundle.kind, bundle.stack, bundle.name) == ("bundles", "stack", "one")
        assert (layer.kind, layer.stack, layer.name) == ("layers", "stack", "big")
        return layer

    def bundle(self, commit: str | None = None) -> Artifact:
        return build_artifacts(["stack"], replace(self.code, commit=commit))[0]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    return Stack(tmp_path, monkeypatch)


def test_layers_are_the_folders_with_a_lock(stack: Stack) -> None:
    (stack.folder / "stack" / "layers" / "draft").mkdir()
    assert layer_names("stack", stack.code) == ["big"]
    assert layer_names("none", stack.code) == []
    assert function_names("stack", stack.code) == ["one"]


def test_a_layer_holds_its_packages_where_lambda_looks_for_them(stack: Stack) -> None:
    layer = stack.layer()
    with zipfile.ZipFile(layer.path) as archive:
        assert archive.namelist() == ["python/big/__init__.py"]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    assert layer.sha256 == hashlib.sha256(layer.path.read_bytes()).hexdigest()
    assert layer.key == f"big/{layer.sha256}.zip"
    assert not list(stack.folder.parent.glob("artifacts/tmp*"))
    assert not [path for path in layer.path.parent.iterdir() if path.is_dir()]


def test_a_bundle_is_made_once_for_its_sources(stack: Stack) -> None:
    source = stack.folder / "stack" / "one" / "one.py"
    first = stack.bundle()
    made = first.path.stat()
    assert stack.bundle() == first
    assert first.path.stat().st_ino == made.st_ino
    source.write_bytes(b"changed")
    second = stack.bundle()
    assert second.sha256 != first.sha256
    (stack.folder / "stack" / "shared.py").write_bytes(b"")
    third = stack.bundle()
    assert third.sha256 != second.sha256
    (stack.folder / "stack" / "shared.py").unlink()
    source.write_bytes(b"")
    first.path.unlink()
    assert stack.bundle() == first
    assert first.path.exists()


def test_a_zip_that_was_changed_is_not_taken_for_a_commits(stack: Stack) -> None:
    first = stack.bundle("c" * 40)
    first.path.write_bytes(b"something else")
    second = stack.bundle("c" * 40)
    assert second == first
    assert hashlib.sha256(second.path.read_bytes()).hexdigest() == first.sha256


def test_packages_that_were_tried_out_on_are_installed_again(stack: Stack) -> None:
    (stack.folder / "stack" / "requirements.txt").write_bytes(b"small==1 --hash=x")
    first = stack.bundle()
    (installed,) = stack.folder.parent.glob("artifacts/packages/*/big/__init__.py")
    for change in (lambda: installed.write_bytes(b"print('tried out')"), installed.unlink):
        change()
        (stack.folder / "stack" / "one" / "one.py").write_bytes(os.urandom(8))
        build_artifacts(["stack"], stack.code)  # of the work tree, where trying out is fine
        second = stack.bundle("c" * 40)
        with zipfile.ZipFile(first.path) as before, zipfile.ZipFile(second.path) as after:
            assert after.read("big/__init__.py") == before.read("big/__init__.py")


def test_a_bundle_of_sources_that_change_meanwhile_is_made_again(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    source = stack.folder / "stack" / "one" / "one.py"
    write = zips.write_zip

    def change_first(target: Path, files: dict[str, Path]) -> str:
        if "one.py" in files:  # and not when the layer is made, which may be before the function is looked at
            source.write_bytes(b"changed")
        return write(target, files)

    monkeypatch.setattr(zips, "write_zip", change_first)
    changed = stack.bundle()
    monkeypatch.setattr(zips, "write_zip", write)
    source.write_bytes(b"")
    assert stack.bundle() != changed


def test_a_layer_is_made_once_for_a_lock(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    first = stack.layer()
    made = first.path.stat()
    assert stack.layer() == first
    assert (first.path.stat().st_ino, first.path.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    assert len(stack.installed) == 1
    stack.lock(b"big==2 --hash=y")
    second = stack.layer()
    assert second.sha256 != first.sha256
    stack.lock(b"big==1 --hash=x")
    assert stack.layer() == first
    assert len(stack.installed) == 2
    first.path.unlink()
    assert stack.layer() == first
    assert len(stack.installed) == 3


def test_another_platform_is_another_layer(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for system, machine in (("Linux", "x86_64"), ("Darwin", "arm64"), ("Linux", "aarch64")):
        monkeypatch.setattr("platform.system", lambda name=system: name)
        monkeypatch.setattr("platform.machine", lambda name=machine: name)
        stack.layer()
    assert [LAMBDA_PLATFORM in words for words in stack.installed] == [True, False, False]


def test_packages_are_lambdas_where_the_emulator_can_load_them() -> None:
    assert package_platform("Linux", "x86_64") == LAMBDA_PLATFORM
    assert package_platform("Darwin", "arm64") is None
    assert package_platform("Darwin", "x86_64") is None
    assert package_platform("Linux", "aarch64") is None


def test_an_interrupted_layer_is_made_again(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*words: str | Path, what: str) -> None:
        _lay_out(Path(words[words.index("--target") + 1]), {"big/half": b""})
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(packages, "run_uv", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stack.layer()
    (note,) = stack.folder.parent.glob("artifacts/layers/*.lock")
    _lay_out(note.with_suffix(""), {"big/killed": b""})  # what a run that was killed leaves there
    with zipfile.ZipFile(stack.layer().path) as archive:
        assert archive.namelist() == ["python/big/__init__.py"]


def test_a_function_may_unpack_to_no_more_than_lambda_allows(tmp_path: Path) -> None:
    def artifact(kind: Kind, name: str, size: int, stack: str = "lake") -> Artifact:
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
        return Artifact(kind, stack, name, "aa", tmp_path / name)

    small, large = artifact("bundles", "small", 10 * 2**20), artifact("bundles", "large", 100 * 2**20)
    check_size((small, large, artifact("layers", "layer", 150 * 2**20)))
    check_size((artifact("layers", "layer", 300 * 2**20),))
    check_size((large, artifact("layers", "layer", 200 * 2**20, "another stack")))
    with pytest.raises(StockroomError) as error:
        check_size((small, large, artifact("layers", "layer", 120 * 2**20), artifact("layers", "more", 31 * 2**20)))
    assert error.value.message == (
        "function large and layer layer and layer more take 251 MB unzipped, and Lambda allows 250 MB"
    )


USES = {
    "pyarrow": "import io, pyarrow, pyarrow.compute, pyarrow.dataset, pyarrow.fs, pyarrow.parquet as parquet\n"
    "table = pyarrow.table({'a': [1, 2, 1]}).group_by('a').aggregate([('a', 'sum')])\n"
    "file = io.BytesIO(); parquet.write_table(table, file); file.seek(0)\n"
    "assert parquet.read_table(file).sort_by('a').to_pylist() == [{'a': 1, 'a_sum': 2}, {'a': 2, 'a_sum': 2}]\n"
    "assert pyarrow.__file__.startswith(sys.argv[1])",
}


@pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="the layers are made for Python 3.13")
@pytest.mark.parametrize("layer", layer_names("data_platform", work_tree()))
def test_nothing_that_a_layer_is_for_was_left_out(tmp_path: Path, layer: str) -> None:
    built = next(
        one for one in build_artifacts(["data_platform"], work_tree()) if (one.kind, one.name) == ("layers", layer)
    )
    with zipfile.ZipFile(built.path) as archive:
        archive.extractall(tmp_path)
    program = f"import sys; sys.path.insert(0, sys.argv[1] + '/python')\n{USES[layer]}"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
