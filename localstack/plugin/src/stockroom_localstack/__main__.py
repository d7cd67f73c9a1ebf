"""The emulator: LocalStack's runtime with this plugin.

STOCKROOM_EMULATOR_HOME=... python -m stockroom_localstack
"""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path

from stockroom_localstack.backends import booting
from stockroom_localstack.lifecycle import run_directory, unused

from . import settings


def main() -> None:
    """Start the emulator, and return when it ends. If DynamoDB is to begin with a saved state, its process is
    started first."""
    # Next to nothing of what is imported and loaded becomes garbage; early_start.py switches it on again.
    gc.disable()
    current = settings.current()
    if current.run_dir:
        run_directory.keep_temporary_files_in(current.run_dir)
    booting.begin(current, Path(tempfile.gettempdir()))

    unused.leave_out()
    from localstack.runtime.main import main as run_localstack

    run_localstack()


if __name__ == "__main__":
    main()
