"""Contents of S3 objects and parts, which LocalStack keeps in nameless files, one after the other in one file.

What is there twice is written once: a function's code is in the bucket that it came from and in Lambda's own.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import IO, Any, NamedTuple

from localstack.services.s3.storage import ephemeral
from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore, LockedSpooledTemporaryFile

CHUNK = 2**20


class Place(NamedTuple):
    """Where a content is in the file, in bytes, and when it was modified, as LocalStack counts."""

    start: int
    length: int
    modified: int


class ObjectsWriter:
    """Writes contents into a file, each once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._known: dict[bytes, tuple[int, int]] = {}

    def place(self, content: LockedSpooledTemporaryFile) -> Place:
        """Where the content is in the file. It is written if it is not there yet."""
        source: Any = content
        with content.position_lock:
            source.seek(0)
            digest = hashlib.file_digest(source, "blake2b").digest()
            if digest not in self._known:
                source.seek(0)
                start = self._file.tell()
                shutil.copyfileobj(source, self._file, CHUNK)
                self._known[digest] = start, self._file.tell() - start
        return Place(*self._known[digest], content.internal_last_modified)


class ObjectsReader:
    """Reads contents out of such a file, for a store."""

    def __init__(self, file: IO[bytes], store: EphemeralS3ObjectStore) -> None:
        self._file = file
        self._folder = Path(store.root_directory)
        self._folder.mkdir(parents=True, exist_ok=True)

    def content(self, place: Place) -> LockedSpooledTemporaryFile:
        """The content at the place. Raises EOFError if the file is cut off."""
        content = LockedSpooledTemporaryFile(dir=str(self._folder), max_size=ephemeral.S3_MAX_FILE_SIZE_BYTES)
        self._file.seek(place.start)
        left = place.length
        while left:
            chunk = self._file.read(min(left, CHUNK))
            if not chunk:
                raise EOFError("the contents of S3 objects are cut off")
            content.write(chunk)
            left -= len(chunk)
        content.internal_last_modified = place.modified
        return content
