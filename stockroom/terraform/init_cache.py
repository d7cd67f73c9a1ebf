"""What `terraform init` and tflocal made of a stack, kept for the next platform: it is the same wherever that has its
folder.

To make it takes seconds, most of them for the checksum of the provider, while the emulator starts beside it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from stockroom.project import HOME

INITIALISED_DIR = HOME / "terraform-initialised"

_MARKER = "initialised"


def is_initialised(data: Path, digest: str) -> bool:
    """Whether a folder `.terraform` is what `init` makes of all that `digest` stands for."""
    try:
        return (data / _MARKER).read_text() == digest
    except OSError:
        return False


def restore_initialised(name: str, data: Path, digest: str, kept: Path = INITIALISED_DIR) -> bool:
    """Make the folder `.terraform` from what is kept under `name`; False where that is another one, or nothing."""
    if not is_initialised(kept / name, digest):
        return False
    shutil.rmtree(data, ignore_errors=True)
    try:
        shutil.copytree(kept / name, data, symlinks=True)
        links = (path for path in data.rglob("*") if path.is_symlink())
        if all(link.exists() for link in links):  # the provider's folder may be gone since
            return True
    except OSError:  # another platform replaced it meanwhile
        pass
    shutil.rmtree(data, ignore_errors=True)
    return False


def cache_initialised(name: str, data: Path, digest: str, kept: Path = INITIALISED_DIR) -> None:
    """Mark a folder `.terraform` as initialised, and keep a copy under `name`, of which there is one."""
    (data / _MARKER).write_text(digest)
    draft = kept / f"{name}.{os.getpid()}"
    try:
        shutil.copytree(data, draft, symlinks=True)
        shutil.rmtree(kept / name, ignore_errors=True)
        draft.rename(kept / name)
    except OSError:  # another platform was quicker; what is kept only saves time
        shutil.rmtree(draft, ignore_errors=True)
