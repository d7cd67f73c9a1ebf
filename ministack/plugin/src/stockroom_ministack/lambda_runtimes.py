"""Functions run with what AWS's image of their runtime holds, and not with MiniStack's own packages."""

import os
from pathlib import Path

from ministack.core import lambda_runtime


def patch() -> None:
    """Run functions with the interpreters below STOCKROOM_MINISTACK_RUNTIMES."""
    runtimes = Path(os.environ["STOCKROOM_MINISTACK_RUNTIMES"])
    detect = lambda_runtime._detect_runtime_binary

    def detect_runtime_binary(runtime: str) -> tuple[str, str]:
        binary, script = detect(runtime)
        own = runtimes / runtime / "bin" / "python"
        return (str(own) if own.exists() else binary), script

    lambda_runtime._detect_runtime_binary = detect_runtime_binary
