"""LocalStack's index of all AWS services, built once per installation instead of once per platform.

LocalStack needs the index for its very first request, and reads every service description of botocore to build it,
which takes three seconds. It looks for a finished one in its folder of static libraries.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from localstack import config
from localstack.aws import spec


def point_localstack_to_index(home: Path) -> None:
    """Have LocalStack read the index of the installation in `home`; without one it builds its own."""
    if _index(home).exists():  # LocalStack fails every request when its folder is missing
        config.dirs.static_libs = str(_index(home).parent)


def build_if_missing(home: Path) -> None:
    """Build the index below `home`, where there is none. Safe to run in several processes at once."""
    index = _index(home)
    if index.exists():
        return
    index.parent.mkdir(parents=True, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(dir=index.parent)
    os.close(descriptor)
    spec.build_service_index_cache(unfinished)
    Path(unfinished).replace(index)


def _index(home: Path) -> Path:
    return home / "static" / str(spec._get_catalog_filename())
