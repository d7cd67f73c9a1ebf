"""What every task runs in."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stockroom.settings import Settings

INTERRUPTED = 130

# Python looks for garbage once more when it ends: a tenth of a second for what the system takes back anyway.
atexit.register(gc.freeze)


@contextlib.contextmanager
def command() -> Iterator[Settings]:
    """A task of a project: its settings; what goes wrong ends as in `anywhere`."""
    with anywhere():
        from stockroom.project import HOME, read_project
        from stockroom.settings import read_settings
        from stockroom.system.files import PRIVATE_UMASK, close_to_others

        os.umask(PRIVATE_UMASK)
        read_project()  # a mistake in stockroom.toml is told by every command
        settings = read_settings()
        for folder in (HOME, settings.run_dir, settings.snapshots_dir):
            close_to_others(folder)
        yield settings


@contextlib.contextmanager
def anywhere() -> Iterator[None]:
    """A task that needs no project: a user's mistake ends as one clear line and exit code 1, Ctrl-C as a clean stop."""
    from stockroom.explain import explain

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        print("\nstopped; run the same command again to go on", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Of `invoke logs | head`: nobody reads on. Python would try to write the rest when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        from stockroom.console import print_error

        print_error(explained)
        sys.exit(1)
