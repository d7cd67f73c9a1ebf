"""Zips that are the same bytes on every machine, made once for what they are made of."""

from __future__ import annotations

import hashlib
import stat
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

from stockroom.project import HOME

ZIPS_DIR = HOME / "bundles"


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


class Made(NamedTuple):
    """A zip, and its SHA-256 in hex."""

    sha256: str
    path: Path


def note_of(place: str, sources: str) -> Path:
    """The file that holds the digest of the zip that was made of these sources; `place` is its folder's name."""
    recipe = hashlib.sha256(_recipe() + sources.encode()).hexdigest()
    return ZIPS_DIR / place / f"{recipe[:16]}.sha256"


@cache
def _recipe() -> bytes:
    """How zips are made decides over their bytes as well: what is left out, for one."""
    folder = Path(__file__).parent
    return b"".join((folder / name).read_bytes() for name in ("bundles.py", "layers.py", "packages.py", "zips.py"))


def made_before(note: Path, compare: bool) -> Made | None:
    """The zip that was made of the same before; with `compare` only if it still is what it was then.

    Without, that is left to the upload, which fails for other bytes than the name stands for.
    """
    try:
        sha256 = note.read_text()
        made = Made(sha256, note.with_name(f"{sha256}.zip"))
        with made.path.open("rb") as file:
            same = not compare or hashlib.file_digest(file, "sha256").hexdigest() == sha256
        return made if same else None
    except FileNotFoundError:
        return None


def make_zip(place: str, files: dict[str, Path]) -> Made:
    """Zip the files in one step into the folder of that name."""
    folder = ZIPS_DIR / place
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ZIPS_DIR) as temporary:
        draft = Path(temporary) / "artifact.zip"
        sha256 = write_zip(draft, files)
        path = folder / f"{sha256}.zip"
        draft.replace(path)
    return Made(sha256, path)
