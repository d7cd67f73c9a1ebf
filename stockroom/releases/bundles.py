"""Artifacts: the zips that Lambda gets, built reproducibly; same source, same bytes, same SHA-256.

A bundle is the zip of one function, a layer the zip of packages that are too big for every bundle to have.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from stockroom.engines.emulator_installation import run_uv
from stockroom.errors import StockroomError
from stockroom.releases.code import Code
from stockroom.settings import HOME, ROOT
from stockroom.system.file_lock import exclusive

if TYPE_CHECKING:
    pass

FUNCTIONS = "functions"
FUNCTIONS_DIR = ROOT / FUNCTIONS
ARTIFACTS_DIR = HOME / "bundles"

# The Lambda image that the modules ask for.
_PYTHON_VERSION = "3.13"
LAMBDA_PLATFORM = "x86_64-manylinux_2_28"

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: code and layers of a function, unzipped.
_UNZIPPED_LIMIT = 250 * 2**20

# Written by installers, and different on every machine or of no use on Lambda.
_INSTALLERS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"})

# What packages bring for those who test them or compile against them: C and Cython sources, headers.
_SOURCES = frozenset({".c", ".cc", ".cmake", ".cpp", ".h", ".hpp", ".pxd", ".pxi", ".pyx"})

# Parts of packages that no function uses and that are big. Flight is pyarrow's RPC: 32 of its 160 MB. The rest of
# its libraries stay: every module of pyarrow is linked against them (Substrait too), or is small.
_UNUSED = ("pyarrow/*flight*",)


@dataclass(frozen=True)
class Artifact:
    """`name` is the folder of the function or layer, `path` the zip, `key` its place in the artifact bucket."""

    name: str
    sha256: str
    path: Path

    @property
    def key(self) -> str:
        return f"{self.name}/{self.sha256}.zip"


@dataclass(frozen=True)
class Artifacts:
    """All that Lambda gets of one or more stacks, each in the order of names."""

    bundles: list[Artifact]
    layers: list[Artifact]

    def __iter__(self) -> Iterator[Artifact]:
        yield from self.bundles
        yield from self.layers

    def __str__(self) -> str:
        words = [f"{bundle.name} {bundle.sha256[:12]}" for bundle in self.bundles]
        return ", ".join([*words, *(f"layer {layer.name} {layer.sha256[:12]}" for layer in self.layers)])


def function_names(stack: str, code: Code) -> list[str]:
    """The folders of the stack that hold a file of their own name."""
    found = (name.split("/") for name in code.below(f"{FUNCTIONS}/{stack}"))
    return sorted(parts[0] for parts in found if len(parts) == 2 and parts[1] == f"{parts[0]}.py")


def layer_names(stack: str, code: Code) -> list[str]:
    """The folders of the stack's layers that hold a lock."""
    found = (name.split("/") for name in code.below(f"{FUNCTIONS}/{stack}/layers"))
    return sorted(parts[0] for parts in found if parts[1:] == ["requirements.txt"])


def package_platform(system: str, machine: str) -> str | None:
    """For which platform packages are installed on a machine (names as of `platform`); None is the machine itself.

    For Lambda's where the emulator can load that, on Linux x86_64. Elsewhere compiled packages must be the
    machine's own, so layers made there are for the local environment alone.
    """
    return LAMBDA_PLATFORM if (system, machine) == ("Linux", "x86_64") else None


def bundle_files(code: Code, function: str, packages: Path | None) -> dict[str, Path]:
    """Name in the zip → file: the function's own folder, over its stack's modules, over the packages.

    `function` is that folder below the code's root. The stack's modules are the `*.py` files beside it. They are in the
    root of every bundle of the stack, so its functions import them as their own.
    """
    files = package_files(packages) if packages else {}
    stack = code.below(function.rpartition("/")[0])
    files |= {name: path for name, path in stack.items() if "/" not in name and name.endswith(".py")}
    return files | {name: path for name, path in code.below(function).items() if not _is_dotenv(name)}


def _is_dotenv(name: str) -> bool:
    """Whether a file holds variables of a developer, secrets among them, and never belongs to a function."""
    last = name.rpartition("/")[2]
    return last == ".env" or last.startswith(".env.")


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
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def build_artifacts(stacks: Iterable[str], code: Code) -> Artifacts:
    """The bundles and layers of every function and layer of the stacks, side by side.

    Raises StockroomError when a package can't be installed, or when a stack's functions are too big for Lambda.
    """
    built = [_build_stack(stack, code) for stack in stacks]
    return Artifacts(
        [bundle for artifacts in built for bundle in artifacts.bundles],
        [layer for artifacts in built for layer in artifacts.layers],
    )


def _build_stack(stack: str, code: Code) -> Artifacts:
    functions, target = function_names(stack, code), package_platform(platform.system(), platform.machine())
    with ThreadPoolExecutor() as pool:
        layers = [pool.submit(_build_layer, stack, name, target, code) for name in layer_names(stack, code)]
        packages = function_packages(stack, code) if functions else None
        bundles = [pool.submit(_build_bundle, stack, name, packages, code) for name in functions]
        artifacts = Artifacts([one.result() for one in bundles], [one.result() for one in layers])
    check_size(artifacts)
    return artifacts


def check_size(artifacts: Artifacts) -> None:
    """Raises StockroomError when a bundle with all layers of its stack passes what Lambda unzips for a function."""
    # What is stored takes in a zip what it takes unzipped.
    sizes = {artifact.name: artifact.path.stat().st_size for artifact in artifacts}
    layers = sum(sizes[layer.name] for layer in artifacts.layers)
    for bundle in artifacts.bundles:
        if (size := sizes[bundle.name] + layers) > _UNZIPPED_LIMIT:
            names = "".join(f" and layer {layer.name}" for layer in artifacts.layers)
            raise StockroomError(
                f"function {bundle.name}{names} take {size / 2**20:.0f} MB unzipped, and Lambda allows 250 MB",
                "remove packages, or leave out parts that no function uses in stockroom/releases/bundles.py",
            )


def function_packages(stack: str, code: Code) -> Path | None:
    """The folder of the locked packages that every bundle of the stack holds; installed when it is not there."""
    requirements = code.below(f"{FUNCTIONS}/{stack}").get("requirements.txt")
    target = package_platform(platform.system(), platform.machine())
    return _install_packages(requirements, target, compare=code.commit is not None) if requirements else None


def _build_bundle(stack: str, function: str, packages: Path | None, code: Code) -> Artifact:
    """The function's zip; made once for its sources and the packages' lock, whose folder is named after it."""
    folder = f"{FUNCTIONS}/{stack}/{function}"
    made = _note(function, _digests(code, folder, packages))
    if artifact := _made_before(function, made, code):
        return artifact
    artifact = _zip(function, bundle_files(code, folder, packages))
    # Not of sources that somebody saved meanwhile.
    if made == _note(function, _digests(code, folder, packages)):
        made.write_text(artifact.sha256)
    return artifact


def _digests(code: Code, function: str, packages: Path | None) -> str:
    """What a function's zip is made of, in a line each."""
    files = sorted(bundle_files(code, function, None).items())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}" for name, path in files]
    # Of a commit nothing is taken that was made of packages which nobody compared.
    return "\n".join([*lines, packages.name if packages else "", "compared" if code.commit else ""])


def _note(name: str, sources: str) -> Path:
    """The file that holds the digest of the zip that was made of these sources."""
    # What is left out decides over the bytes as well, and that is this file.
    recipe = hashlib.sha256(Path(__file__).read_bytes() + sources.encode()).hexdigest()
    return ARTIFACTS_DIR / name / f"{recipe[:16]}.sha256"


def _made_before(name: str, made: Path, code: Code) -> Artifact | None:
    """The zip that was made of the same before; for a commit's code, only if it still is what it was then.

    For the work tree's that is left to the upload, which fails for other bytes than the name stands for.
    """
    try:
        sha256 = made.read_text()
        artifact = Artifact(name, sha256, made.with_name(f"{sha256}.zip"))
        with artifact.path.open("rb") as file:
            same = code.commit is None or hashlib.file_digest(file, "sha256").hexdigest() == sha256
        return artifact if same else None
    except FileNotFoundError:
        return None


def _build_layer(stack: str, layer: str, target: str | None, code: Code) -> Artifact:
    """The layer's zip; made once for a lock, since it is big."""
    requirements = code.root / FUNCTIONS / stack / "layers" / layer / "requirements.txt"
    folder = ARTIFACTS_DIR / layer
    made, packages = _note(layer, _installation(requirements, target)), folder / "packages"
    with exclusive(folder / "lock", f"build the layer {layer}", lambda _: None):
        if artifact := _made_before(layer, made, code):
            return artifact
        # There are some if an earlier run was killed.
        shutil.rmtree(packages, ignore_errors=True)
        try:
            _install(requirements, target, packages)
            artifact = _zip(layer, {f"python/{name}": path for name, path in package_files(packages).items()})
        finally:
            shutil.rmtree(packages, ignore_errors=True)
        made.write_text(artifact.sha256)
        return artifact


def _zip(name: str, files: dict[str, Path]) -> Artifact:
    folder = ARTIFACTS_DIR / name
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ARTIFACTS_DIR) as temporary:
        draft = Path(temporary) / "artifact.zip"
        sha256 = write_zip(draft, files)
        path = folder / f"{sha256}.zip"
        draft.replace(path)
    return Artifact(name, sha256, path)


def _installation(requirements: Path, target: str | None) -> str:
    """What decides over the bytes of installed packages, as a digest in hex."""
    place = target or f"{platform.system()} {platform.machine()}"
    return hashlib.sha256(requirements.read_bytes() + f"{_PYTHON_VERSION} {place}".encode()).hexdigest()


def _install_packages(requirements: Path, target: str | None, compare: bool) -> Path:
    """The locked packages of a stack's functions in a folder that is kept; with `compare` as they were installed.

    Whoever tries something out in an installed package changes what every function gets.
    """
    folder = ARTIFACTS_DIR / "packages" / _installation(requirements, target)[:16]
    content = folder.with_suffix(".sha256")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(ARTIFACTS_DIR / "packages" / "lock", "install the functions' packages", lambda _: None):
        is_there = folder.is_dir() and content.is_file()
        if not is_there or (compare and content.read_text() != _content_of(folder)):
            shutil.rmtree(folder, ignore_errors=True)
            draft = Path(tempfile.mkdtemp(dir=folder.parent))
            try:
                _install(requirements, target, draft)
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


def _install(requirements: Path, target: str | None, folder: Path) -> None:
    run_uv(
        "pip", "install", "--target", folder, "--python-version", _PYTHON_VERSION,
        *(["--python-platform", target] if target else []), "--only-binary", ":all:", "--require-hashes",
        "--link-mode", "copy", "-r", requirements,
        what=f"install the packages of {'/'.join(requirements.parts[-4:])}",
    )  # fmt: skip
