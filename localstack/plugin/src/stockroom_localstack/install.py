"""What is made once per installation, after its packages are there.

STOCKROOM_EMULATOR_HOME=... python -m stockroom_localstack.install
"""

from __future__ import annotations

from . import dynamodb_local_install, service_index, settings


def main() -> None:
    current = settings.current()
    dynamodb_local_install.install(current)
    service_index.build_if_missing(current.home)


if __name__ == "__main__":
    main()
