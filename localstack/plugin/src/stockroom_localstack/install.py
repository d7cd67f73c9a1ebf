"""What is made once per installation, after its packages are there.

STOCKROOM_EMULATOR_HOME=... python -m stockroom_localstack.install
"""

from __future__ import annotations

from stockroom_localstack.backends.dynamodb_local import install as dynamodb_local
from stockroom_localstack.lifecycle import service_index

from . import settings


def main() -> None:
    """Make what is missing, below STOCKROOM_EMULATOR_HOME. Raises NotInstalledError, ValueError."""
    current = settings.current()
    dynamodb_local.install(current)
    service_index.build_if_missing(current.home)


if __name__ == "__main__":
    main()
