"""The AWS provider with a memory: `python -m stockroom.terraform.provider_memory PROGRAM FOLDER KEPT [TYPE ...]`.

Of a cold apply the provider spends most of its processor time on two questions whose answers never change: which
schemas it has, and whether these are sound. The latter its plugin SDK checks of all its 1,400 resources whenever a
provider block is validated, which is twice an apply (`Provider.Validate` in
https://github.com/hashicorp/terraform-plugin-sdk/blob/main/helper/schema/provider.go). So this stands between Terraform
and the provider, passes everything on as it is, and answers these two where the same provider has done so before.

It works in FOLDER, as the provider does, and keeps answers below KEPT. It ends with the provider, or when told to. With
TYPEs, of resources and data sources, Terraform gets the schemas of no others: to read all of them takes it seconds too.
No change goes to the provider before the end of standard input, a pipe: what changes need may be made until then.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Set
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc.aio
from google.protobuf.message import DecodeError

from stockroom.errors import StockroomError
from stockroom.system.files import write_whole
from stockroom.terraform.provider import parse_reattach

if TYPE_CHECKING:
    _Context = grpc.aio.ServicerContext[bytes, bytes]

# https://github.com/hashicorp/terraform/blob/v1.11.4/docs/plugin-protocol/tfplugin5.8.proto
_PROVIDER = "/tfplugin5.Provider/"
SCHEMAS = f"{_PROVIDER}GetSchema"
VALIDATION = f"{_PROVIDER}PrepareProviderConfig"
CHANGE = f"{_PROVIDER}ApplyResourceChange"

_STANDARD_INPUT = 0
_LOCAL_PORT = re.compile(rb"(127\.0\.0\.1|localhost):\d+")
_READ_BY_PROVIDER = re.compile(r"AWS_|TF_(?!CLI_)|HOME$|\w*_PROXY$", re.IGNORECASE)
_ANY_LENGTH = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Memory:
    """What a provider answered, in a folder below `kept`; that of any other provider goes when this one answers."""

    def __init__(self, kept: Path, provider: Path, environment: Mapping[str, str]) -> None:
        facts = provider.stat()
        self._folder = kept / _digest(f"{provider.name} {facts.st_size} {facts.st_mtime_ns}".encode())
        read = sorted(f"{name}={value}" for name, value in environment.items() if _READ_BY_PROVIDER.match(name))
        self._environment = "\n".join(read).encode()

    def recall(self, method: str, request: bytes) -> bytes | None:
        """The answer to a request; None where it is not known."""
        try:
            kept = self._file(method, request).read_bytes()
        except OSError:
            return None
        return request if method == VALIDATION else kept

    def keep(self, method: str, request: bytes, answer: bytes) -> None:
        """Remember an answer that holds again.

        To a provider block that is fine the answer is the block itself, so that is not kept: it names the emulator's
        port, which makes no difference. One with a complaint is not remembered.
        """
        if method == VALIDATION and answer != request:
            return
        if not self._folder.exists():
            shutil.rmtree(self._folder.parent, ignore_errors=True)
            self._folder.mkdir(parents=True)
        write_whole(self._file(method, request), b"" if method == VALIDATION else answer)

    def _file(self, method: str, request: bytes) -> Path:
        asked = b"\0".join([method.encode(), self._environment, request])
        return self._folder / _digest(_LOCAL_PORT.sub(rb"\1", asked))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# Of the answer about schemas the parts that are by type; it keeps all others as they are. A map is a list of entries.
_MESSAGES = """
    name: "schemas.proto" package: "stockroom" syntax: "proto3"
    message_type {
        name: "Entry"
        field { name: "type" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
        field { name: "schema" number: 2 label: LABEL_OPTIONAL type: TYPE_BYTES }
    }
    message_type {
        name: "Schemas"
        field { name: "resource" number: 2 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".stockroom.Entry" }
        field { name: "data_source" number: 3 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".stockroom.Entry" }
        field { name: "ephemeral" number: 8 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".stockroom.Entry" }
    }
"""


def schemas_of(types: Set[str], answer: bytes) -> bytes:
    """The provider's answer about its schemas, with those of no other types of resources and data sources."""
    from google.protobuf import text_format
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.message_factory import GetMessages

    schemas: Any = GetMessages([text_format.Parse(_MESSAGES, FileDescriptorProto())])["stockroom.Schemas"]()
    schemas.ParseFromString(answer)
    for entries in (schemas.resource, schemas.data_source, schemas.ephemeral):
        wanted = [entry for entry in entries if entry.type in types]
        del entries[:]
        entries.extend(wanted)
    return bytes(schemas.SerializeToString())


class Between(grpc.GenericRpcHandler):
    """Passes calls on to the provider, messages as they are, save those whose answer is remembered.

    Where there are `types`, it gives the schemas of no others. Changes wait until they `may_begin`.
    """

    def __init__(self, provider: grpc.aio.Channel, memory: Memory, types: Set[str], may_begin: asyncio.Event) -> None:
        self._provider = provider
        self._memory = memory
        self._types = types
        self._may_begin = may_begin

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        if details.method == SCHEMAS:
            return grpc.unary_unary_rpc_method_handler(self._schemas)
        if details.method == VALIDATION:
            return grpc.unary_unary_rpc_method_handler(self._validation)
        if details.method.startswith(_PROVIDER):
            return grpc.unary_unary_rpc_method_handler(partial(self._ask, details.method))
        # What else goes between the two is not all of one message each way, which is a stream too.
        return grpc.stream_stream_rpc_method_handler(partial(self._pass_on, details.method))

    async def _ask(self, method: str, request: bytes, context: _Context) -> bytes:
        if method == CHANGE:
            await self._may_begin.wait()
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._provider.unary_unary(method)
        try:
            return await call(request)
        except grpc.aio.AioRpcError as error:
            await context.abort(error.code(), error.details() or "")

    async def _validation(self, request: bytes, context: _Context) -> bytes:
        return await self._remember(VALIDATION, request, lambda: self._ask(VALIDATION, request, context))

    async def _schemas(self, request: bytes, context: _Context) -> bytes:
        async def whole() -> bytes:
            return await self._remember(SCHEMAS, request, lambda: self._ask(SCHEMAS, request, context))

        async def some() -> bytes:
            answer = await whole()
            try:
                return schemas_of(self._types, answer)
            except DecodeError as error:
                print(f"Terraform gets all schemas: {error}", file=sys.stderr)
                return answer

        if not self._types:
            return await whole()
        return await self._remember(" ".join([SCHEMAS, *sorted(self._types)]), request, some)

    async def _remember(self, what: str, request: bytes, find: Callable[[], Awaitable[bytes]]) -> bytes:
        if (known := self._memory.recall(what, request)) is not None:
            return known
        answer = await find()
        try:
            self._memory.keep(what, request, answer)
        except (OSError, StockroomError) as error:
            print(f"{what} is not remembered: {error}", file=sys.stderr)
        return answer

    async def _pass_on(self, method: str, requests: AsyncIterator[bytes], context: _Context) -> AsyncIterator[bytes]:
        call: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self._provider.stream_stream(method)
        try:
            async for answer in call(requests):
                yield answer
        except grpc.aio.AioRpcError as error:
            await context.abort(error.code(), error.details() or "")


def main(provider: Path, folder: Path, kept: Path, types: Set[str]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that the provider ends too, also while it starts
    process = subprocess.Popen(
        [provider, "-debug"], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        if value := parse_reattach(process.stdout):
            asyncio.run(_serve(process, json.loads(value), Memory(kept, provider, os.environ), types))
    finally:
        process.terminate()
        process.wait()


async def _serve(
    process: subprocess.Popen[str], reattach: dict[str, dict[str, Any]], memory: Memory, types: Set[str]
) -> None:
    """Stand between Terraform and the provider until one of them is to end; `reattach` tells how to reach it."""
    ending, may_begin = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ending.set)

    def read() -> None:
        if not os.read(_STANDARD_INPUT, 1):
            loop.remove_reader(_STANDARD_INPUT)
            may_begin.set()

    loop.add_reader(_STANDARD_INPUT, read)
    ((name, how),) = reattach.items()
    with tempfile.TemporaryDirectory(prefix="stockroom-") as folder:
        socket = f"{folder}/provider"
        async with grpc.aio.insecure_channel(f"unix:{how['Addr']['String']}", _ANY_LENGTH) as channel:
            server = grpc.aio.server(options=_ANY_LENGTH)
            server.add_generic_rpc_handlers((Between(channel, memory, types, may_begin),))
            server.add_insecure_port(f"unix:{socket}")
            await server.start()
            here = how | {"Pid": os.getpid(), "Addr": {"Network": "unix", "String": socket}}
            print(f"TF_REATTACH_PROVIDERS='{json.dumps({name: here})}'", flush=True)
            died = asyncio.create_task(asyncio.to_thread(process.wait))
            told = asyncio.create_task(ending.wait())
            await asyncio.wait([died, told], return_when=asyncio.FIRST_COMPLETED)
            process.terminate()
            await server.stop(None)


if __name__ == "__main__":
    provider, folder, kept = map(Path, sys.argv[1:4])
    main(provider, folder, kept, set(sys.argv[4:]))
