"""Layers: zips of packages that are too big for every bundle to have."""

from __future__ import annotations

import platform
import shutil

from stockroom.releases.artifacts import Artifact
from stockroom.releases.bundles import FUNCTIONS
from stockroom.releases.code import Code
from stockroom.releases.packages import install, installation, package_files, package_platform
from stockroom.releases.zips import made_before, make_zip, note_of
from stockroom.system.file_lock import exclusive

_PLACE = "layers"


def layer_names(stack: str, code: Code) -> list[str]:
    """The folders of the stack's layers that hold a lock."""
    found = (name.split("/") for name in code.below(f"{FUNCTIONS}/{stack}/layers"))
    return sorted(parts[0] for parts in found if parts[1:] == ["requirements.txt"])


def build_layer(stack: str, layer: str, code: Code) -> Artifact:
    """The layer's zip; since it is big, made once for a lock, however many stacks use it under whatever name."""
    requirements = code.root / FUNCTIONS / stack / "layers" / layer / "requirements.txt"
    target = package_platform(platform.system(), platform.machine())
    note = note_of(_PLACE, installation(requirements, target))
    packages = note.with_suffix("")
    with exclusive(note.with_suffix(".lock"), f"build the layer {layer}", lambda _: None):
        made = made_before(note, compare=code.commit is not None)
        if made is None:
            # There are some if an earlier run was killed.
            shutil.rmtree(packages, ignore_errors=True)
            try:
                install(requirements, target, packages)
                made = make_zip(_PLACE, {f"python/{name}": path for name, path in package_files(packages).items()})
            finally:
                shutil.rmtree(packages, ignore_errors=True)
            note.write_text(made.sha256)
        return Artifact("layers", stack, layer, *made)
