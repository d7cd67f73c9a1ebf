"""Kinesis on Kinesis Mock."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from itertools import batched
from pathlib import Path
from typing import Any

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
from localstack.services.kinesis.kinesis_mock_server import (
    KinesisMockServer,
    KinesisServerManager,
)
from localstack.services.kinesis.provider import KinesisProvider

from . import backend_commands, boot, settings
from .backend_commands import LOOPBACK
from .backend_proxy import BackendProxy
from .backend_server import BackendProcess, attend, wait_until
from .supervisor import SupervisedProcess

TAGS_PER_REQUEST = 10
DELETE_SECONDS = 5.0


class KinesisMockProcess(KinesisMockServer):
    """The server of an account. Of what its base class can be told, nothing is used: see backend_commands.py."""

    def __init__(self, account_id: str) -> None:
        self._booting = boot.take("kinesis") if account_id == boot.DEFAULT_ACCOUNT else None
        port = self._booting.port if self._booting else backend_commands.free_port()
        super().__init__(port, exe_path=Path(), latency="", account_id=account_id, host=LOOPBACK)

    def do_start_thread(self) -> BackendProcess:
        booting, self._booting = self._booting, None
        return attend("kinesis-mock", booting.process if booting else self._start())

    def _start(self) -> SupervisedProcess:
        temporary = Path(tempfile.gettempdir())
        return backend_commands.start_kinesis_mock(settings.current(), self.port, temporary, self._account_id)

    def _create_shell_command(self) -> tuple[list[str], dict[str, str]]:
        raise NotImplementedError  # do_start_thread does without

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
        data = backend_commands.kinesis_data_folder(Path(tempfile.gettempdir()))
        for account_id in {boot.DEFAULT_ACCOUNT, *(file.stem for file in data.glob("*.json"))}:
            self.get_server_for_account(account_id)

    def _create_kinesis_mock_server(self, account_id: str) -> KinesisMockServer:
        return KinesisMockProcess(account_id)


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
