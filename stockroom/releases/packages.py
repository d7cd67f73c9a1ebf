"""Installing locked packages for Lambda, and which of their files functions need."""

from __future__ import annotations

import hashlib
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePath

from stockroom.releases import zips
from stockroom.system.file_lock import exclusive
from stockroom.system.python_environments import run_uv

# The Lambda image that the modules ask for.
_PYTHON_VERSION = "3.13"
LAMBDA_PLATFORM = "x86_64-manylinux_2_28"

# Written by installers, and different on every machine or of no use on Lambda.
_INSTALLERS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"})

# What packages bring for those who test them or compile against them: C and Cython sources, headers.
_SOURCES = frozenset({".c", ".cc", ".cmake", ".cpp", ".h", ".hpp", ".pxd", ".pxi", ".pyx"})

# Parts of packages that no function uses and that are big. Flight is pyarrow's RPC: 32 of its 160 MB. The rest of
# its libraries stay: every module of pyarrow is linked against them (Substrait too), or is small.
_UNUSED = ("pyarrow/*flight*",)


def package_platform(system: str, machine: str) -> str | None:
    """For which platform packages are installed on a machine (names as of `platform`); None is the machine itself.

    For Lambda's where the emulator can load that, on Linux x86_64. Elsewhere compiled packages must be the
    machine's own, so layers made there are for the local environment alone.
    """
    return LAMBDA_PLATFORM if (system, machine) == ("Linux", "x86_64") else None


def package_files(packages: Path) -> dict[str, Path]:
    """Name below the folder of installed packages → file, without what Lambda never needs."""
    return {name.as_posix(): packages / name for name in _files(packages) if _is_needed(name)}


def _files(folder: Path) -> Iterator[PurePath]:
    """Names of files below the folder, without what the interpreter writes."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_file() and "__pycache__" not in name.parts and path.suffix != ".pyc":
            yield name


def _is_needed(name: PurePath) -> bool:
    """Whether a function may need this file of an installed package."""
    if name.parts[0] in {"bin", ".lock"} or (name.parts[0].endswith(".dist-info") and name.name in _INSTALLERS):
        return False
    if "tests" in name.parts[:-1] or name.suffix in _SOURCES:
        return False
    return not any(name.match(pattern) for pattern in _UNUSED)


def installation(requirements: Path, target: str | None) -> str:
    """What decides over the bytes of installed packages, as a digest in hex."""
    place = target or f"{platform.system()} {platform.machine()}"
    return hashlib.sha256(requirements.read_bytes() + f"{_PYTHON_VERSION} {place}".encode()).hexdigest()


def installed_packages(requirements: Path, target: str | None, compare: bool) -> Path:
    """The locked packages of a stack's functions in a folder that is kept; with `compare` as they were installed.

    Whoever tries something out in an installed package changes what every function gets.
    """
    folder = zips.ZIPS_DIR / "packages" / installation(requirements, target)[:16]
    content = folder.with_suffix(".sha256")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(zips.ZIPS_DIR / "packages" / "lock", "install the functions' packages", lambda _: None):
        is_there = folder.is_dir() and content.is_file()
        if not is_there or (compare and content.read_text() != _content_of(folder)):
            shutil.rmtree(folder, ignore_errors=True)
            draft = Path(tempfile.mkdtemp(dir=folder.parent))
            try:
                install(requirements, target, draft)
                content.write_text(_content_of(draft))
                draft.replace(folder)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
    return folder


def _content_of(packages: Path) -> str:
    """SHA-256 over what bundles get of installed packages, as hex."""
    files = sorted(package_files(packages).items())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}" for name, path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def install(requirements: Path, target: str | None, folder: Path) -> None:
    run_uv(
        "pip", "install", "--target", folder, "--python-version", _PYTHON_VERSION,
        *(["--python-platform", target] if target else []), "--only-binary", ":all:", "--require-hashes",
        "--link-mode", "copy", "-r", requirements,
        what=f"install the packages of {'/'.join(requirements.parts[-4:])}",
    )  # fmt: skip
