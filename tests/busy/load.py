"""Other work: processes that take every processor that they can get."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# It ends with whoever started it, however that ended.
_WORK = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(10**6):
        pass
"""


@contextmanager
def processors_taken(loops: int) -> Iterator[None]:
    """So many processes never rest meanwhile, each with as much right to a processor as any of the platform's."""
    working = [subprocess.Popen([sys.executable, "-c", _WORK]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in working:
            process.kill()
        for process in working:
            process.wait()
