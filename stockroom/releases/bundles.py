"""Bundles: the zip of one function, with its stack's modules and the packages of the stack's lock."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

from stockroom.project import ROOT
from stockroom.releases.artifacts import Artifact
from stockroom.releases.code import Code
from stockroom.releases.packages import installed_packages, package_files, package_platform
from stockroom.releases.zips import made_before, make_zip, note_of

FUNCTIONS = "functions"
FUNCTIONS_DIR = ROOT / FUNCTIONS


def function_names(stack: str, code: Code) -> list[str]:
    """The folders of the stack that hold a file of their own name."""
    found = (name.split("/") for name in code.below(f"{FUNCTIONS}/{stack}"))
    return sorted(parts[0] for parts in found if len(parts) == 2 and parts[1] == f"{parts[0]}.py")


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


def function_packages(stack: str, code: Code) -> Path | None:
    """The folder of the locked packages that every bundle of the stack holds; installed when it is not there."""
    requirements = code.below(f"{FUNCTIONS}/{stack}").get("requirements.txt")
    target = package_platform(platform.system(), platform.machine())
    return installed_packages(requirements, target, compare=code.commit is not None) if requirements else None


def build_bundle(stack: str, function: str, packages: Path | None, code: Code) -> Artifact:
    """The function's zip; made once for its sources and the packages' lock, whose folder is named after it."""
    folder = f"{FUNCTIONS}/{stack}/{function}"
    place = f"functions/{function}"
    note = note_of(place, _sources(code, folder, packages))
    made = made_before(note, compare=code.commit is not None)
    if made is None:
        made = make_zip(place, bundle_files(code, folder, packages))
        # Not of sources that somebody saved meanwhile.
        if note == note_of(place, _sources(code, folder, packages)):
            note.write_text(made.sha256)
    return Artifact("bundles", stack, function, *made)


def _sources(code: Code, function: str, packages: Path | None) -> str:
    """What a function's zip is made of, in a line each."""
    files = sorted(bundle_files(code, function, None).items())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}" for name, path in files]
    # Of a commit nothing is taken that was made of packages which nobody compared.
    return "\n".join([*lines, packages.name if packages else "", "compared" if code.commit else ""])
