"""Bundles: the zip of one Lambda function, built reproducibly; same source, same bytes, same SHA-256."""

from __future__ import annotations

import hashlib
import shutil
import stat
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stockroom.aws import error_code
from stockroom.emulator import run_uv
from stockroom.lock import exclusive
from stockroom.settings import HOME, ROOT

if TYPE_CHECKING:
    import boto3

FUNCTIONS_DIR = ROOT / "functions"
BUNDLES_DIR = HOME / "bundles"

# The Lambda image that the modules ask for.
_PYTHON_VERSION = "3.13"
_PYTHON_PLATFORM = "x86_64-manylinux_2_28"

# Written by installers, and different on every machine or of no use on Lambda.
_LEFT_OUT = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"})


@dataclass(frozen=True)
class Bundle:
    """`function` is the folder's name, `path` the zip, `key` its place in the artifact bucket."""

    function: str
    sha256: str
    path: Path

    @property
    def key(self) -> str:
        return f"{self.function}/{self.sha256}.zip"


def function_names(stack: str) -> list[str]:
    folder = FUNCTIONS_DIR / stack
    return (
        sorted(path.name for path in folder.iterdir() if (path / f"{path.name}.py").is_file())
        if folder.is_dir()
        else []
    )


def bundle_files(source: Path, packages: Path | None) -> dict[str, Path]:
    """Name in the zip → file: the function's own folder `source`, over its stack's modules, over the packages.

    The stack's modules are the `*.py` files beside the function's folder. They are in the root of every bundle
    of the stack, so its functions import them as their own.
    """
    files: dict[str, Path] = {}
    for folder, pattern in ((packages, "**/*"), (source.parent, "*.py"), (source, "**/*")):
        if folder is None:
            continue
        for path in folder.glob(pattern):
            name = path.relative_to(folder)
            compiled = "__pycache__" in name.parts or path.suffix == ".pyc"
            metadata = name.parts[0].endswith(".dist-info") and path.name in _LEFT_OUT
            installers = folder is packages and (name.parts[0] in {"bin", ".lock"} or metadata)
            if path.is_file() and not compiled and not installers:
                files[name.as_posix()] = path
    return files


def write_zip(target: Path, files: dict[str, Path]) -> str:
    """Write the zip and return its SHA-256 as hex.

    Sorted names, one fixed time and mode, and stored, not deflated: compressed bytes depend on the zlib
    version, so only stored ones are the same on every machine.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, files[name].read_bytes())
    return hashlib.sha256(target.read_bytes()).hexdigest()


def build_bundles(stack: str) -> list[Bundle]:
    """The bundles of every function of the stack, in the order of their names."""
    names = function_names(stack)
    if not names:
        return []
    packages = _install_packages(FUNCTIONS_DIR / stack / "requirements.txt")
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda name: _build(stack, name, packages), names))


def _build(stack: str, function: str, packages: Path | None) -> Bundle:
    folder = BUNDLES_DIR / function
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUNDLES_DIR) as temporary:
        draft = Path(temporary) / "bundle.zip"
        sha256 = write_zip(draft, bundle_files(FUNCTIONS_DIR / stack / function, packages))
        path = folder / f"{sha256}.zip"
        draft.replace(path)
    return Bundle(function, sha256, path)


def _install_packages(requirements: Path) -> Path | None:
    """The locked packages of a stack's functions, for Lambda's platform, whatever this machine is."""
    if not requirements.exists():
        return None
    digest = hashlib.sha256(requirements.read_bytes() + f"{_PYTHON_VERSION} {_PYTHON_PLATFORM}".encode()).hexdigest()
    folder = BUNDLES_DIR / "packages" / digest[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(BUNDLES_DIR / "packages" / "lock", "install the functions' packages", lambda _: None):
        if not folder.exists():
            draft = Path(tempfile.mkdtemp(dir=folder.parent))
            try:
                run_uv(
                    "pip", "install", "--target", draft, "--python-version", _PYTHON_VERSION,
                    "--python-platform", _PYTHON_PLATFORM, "--only-binary", ":all:", "--require-hashes",
                    "--link-mode", "copy", "-r", requirements,
                    what=f"install the packages of {requirements.relative_to(ROOT)}",
                )  # fmt: skip
                draft.replace(folder)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
    return folder


def upload_bundles(bundles: list[Bundle], session: boto3.Session, bucket: str) -> list[str]:
    """Upload what the artifact bucket lacks; returns the keys that were uploaded now."""
    from botocore.exceptions import ClientError

    s3 = session.client("s3")

    def upload(bundle: Bundle) -> str | None:
        try:
            s3.head_object(Bucket=bucket, Key=bundle.key)
            return None
        except ClientError as error:
            if error_code(error) not in {"404", "NoSuchKey"}:
                raise
        s3.upload_file(str(bundle.path), bucket, bundle.key, ExtraArgs={"ContentType": "application/zip"})
        return bundle.key

    with ThreadPoolExecutor() as pool:
        return [key for key in pool.map(upload, bundles) if key]
