"""How many files, and so connections, a process may have open."""

from __future__ import annotations

import resource
from contextlib import suppress

MOST_FILES = 1 << 20  # of a process; a limit of none is no number that every system takes


def raise_file_limit() -> int:
    """As far as this user may; returns how many files the process may have open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # some systems take less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], MOST_FILES)
