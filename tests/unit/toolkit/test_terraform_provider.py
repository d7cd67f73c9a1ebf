from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from stockroom.project import ROOT
from stockroom.system.processes import processes_in
from stockroom.terraform.process import is_provider
from stockroom.terraform.provider import Attachment, parse_reattach, running_provider
from stockroom.terraform.provider_memory import CHANGE, SCHEMAS, VALIDATION, Memory

NAME = "registry.terraform.io/hashicorp/aws"
CONFIGURATION = "/tfplugin5.Provider/Configure"
NONE: frozenset[str] = frozenset()

# A provider whose answers tell how often it was asked, and who writes down where it works and with which secret.
PROVIDER = """
    import json, os, sys, tempfile, time
    from concurrent.futures import ThreadPoolExecutor
    import grpc

    assert sys.argv[1:] == ["-debug"]
    asked = []

    def answer(method, requests, context):
        for request in requests:
            asked.append(method)
            if request == b"refuse":
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no such thing")
            if request == b"die":
                os._exit(3)
            if method.endswith("GetSchema") and request == b"entries":
                yield open("schemas", "rb").read()
            elif method.endswith("PrepareProviderConfig"):
                yield request if request.startswith(b"fine") else b"complaint"
            else:
                yield request + b" %d" % asked.count(method)

    class Answers(grpc.GenericRpcHandler):
        def service(self, details):
            return grpc.stream_stream_rpc_method_handler(lambda *asked: answer(details.method, *asked))

    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Answers(),))
    socket = f"{tempfile.mkdtemp()}/socket"
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    print(os.getcwd(), os.environ.get("SECRET"), file=sys.stderr, flush=True)
    how = {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": 1, "Test": True}
    how["Addr"] = {"Network": "unix", "String": socket}
    print("Set the variable:\\n\\tTF_REATTACH_PROVIDERS='" + json.dumps({"NAME": how}) + "'", flush=True)
    server.wait_for_termination()
"""


def program(folder: Path, source: str = PROVIDER) -> Path:
    path = folder / "terraform-provider-aws_v1"
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(source).replace('NAME', NAME)}")
    path.chmod(0o755)
    return path


def dated(path: Path) -> Path:
    os.utime(path, (1, 1))
    return path


@contextmanager
def attached(folder: Path, provider: Path, types: Set[str] = NONE, **environment: str) -> Iterator[grpc.Channel]:
    """What Terraform reaches when it attaches as it is told."""
    with (
        running_provider(
            provider, folder, {"PATH": os.defpath, **environment}, folder / "log", types, folder / "kept"
        ) as attachment,
        channel_to(attachment) as channel,
    ):
        yield channel


def channel_to(attachment: Attachment) -> grpc.Channel:
    ((name, how),) = json.loads(attachment.variables["TF_REATTACH_PROVIDERS"]).items()
    assert (name, how["Protocol"], how["ProtocolVersion"], how["Test"]) == (NAME, "grpc", 5, True)
    return grpc.insecure_channel(f"unix:{how['Addr']['String']}")


def ask(channel: grpc.Channel, method: str, request: bytes) -> bytes:
    call: Any = channel.unary_unary(method)
    answer: bytes = call(request, timeout=30)
    return answer


def test_terraform_reaches_the_provider_which_ends_with_it(tmp_path: Path) -> None:
    with attached(tmp_path, program(tmp_path), SECRET="given") as channel:
        assert ask(channel, CONFIGURATION, b"configure") == b"configure 1"
        assert ask(channel, CONFIGURATION, b"configure") == b"configure 2"
        working = list(processes_in(tmp_path))
        assert len(working) == 2
        assert all(map(is_provider, working))
    assert not list(processes_in(tmp_path))
    assert (tmp_path / "log").read_text() == f"{tmp_path} given\n"


def test_streams_are_passed_on_as_they_come(tmp_path: Path) -> None:
    with attached(tmp_path, program(tmp_path)) as channel:
        call: Any = channel.stream_stream("/plugin.GRPCBroker/StartStream")
        assert list(call(iter([b"one", b"two"]), timeout=30)) == [b"one 1", b"two 2"]


def test_what_never_changes_is_asked_for_once(tmp_path: Path) -> None:
    with attached(tmp_path, dated(program(tmp_path))) as channel:
        assert [ask(channel, SCHEMAS, b"") for _ in range(2)] == [b" 1", b" 1"]
        assert ask(channel, VALIDATION, b"fine http://127.0.0.1:4566") == b"fine http://127.0.0.1:4566"
        assert ask(channel, VALIDATION, b"odd") == b"complaint"
    # The same program for all that can be seen, which would answer anything else.
    other = PROVIDER.replace("asked.count(", "asked.index(").replace('(b"fine")', '(b"fin?")')
    with attached(tmp_path, dated(program(tmp_path, other))) as channel:
        assert ask(channel, SCHEMAS, b"") == b" 1"
        assert ask(channel, VALIDATION, b"fine http://127.0.0.1:50123") == b"fine http://127.0.0.1:50123"
        assert ask(channel, VALIDATION, b"fine too") == b"complaint"


def field(number: int, *content: bytes) -> bytes:
    """A field of a protocol buffer, shorter than 128 bytes."""
    whole = b"".join(content)
    return bytes([number << 3 | 2, len(whole)]) + whole


def entry(number: int, name: str) -> bytes:
    """An entry of a map of schemas, as in tfplugin5.proto."""
    return field(number, field(1, name.encode()), field(2, field(2, b"block of ", name.encode())))


PROVIDER_SCHEMA, RESOURCES, DATA_SOURCES, CAPABILITIES, FUNCTIONS, EPHEMERAL = 1, 2, 3, 6, 7, 8


def test_terraform_reads_the_schemas_of_the_types_that_it_needs(tmp_path: Path) -> None:
    by_type = [entry(number, name) for number in (RESOURCES, DATA_SOURCES, EPHEMERAL) for name in ("aws_a", "aws_b")]
    others = [field(PROVIDER_SCHEMA, b"provider"), field(CAPABILITIES, b""), entry(FUNCTIONS, "arn_parse")]
    whole = b"".join([*others, *by_type])
    (tmp_path / "schemas").write_bytes(whole)
    provider = program(tmp_path)
    for types, wanted in ((NONE, by_type), ({"aws_b", "aws_c"}, by_type[1::2])):
        with attached(tmp_path, provider, types) as channel:
            for _ in range(2):
                answer = ask(channel, SCHEMAS, b"entries")
                assert sorted(fields(answer)) == sorted([*others, *wanted])


def fields(message: bytes) -> Iterator[bytes]:
    while message:
        length = 2 + message[1]
        yield message[:length]
        message = message[length:]


def test_schemas_in_words_that_are_not_known_are_passed_on(tmp_path: Path) -> None:
    with attached(tmp_path, program(tmp_path), {"aws_a"}) as channel:
        assert ask(channel, SCHEMAS, b"odd") == b"odd 1"


def test_changes_wait_until_they_may_begin(tmp_path: Path) -> None:
    running = running_provider(program(tmp_path), tmp_path, {"PATH": os.defpath}, tmp_path / "log", NONE)
    with running as attachment, channel_to(attachment) as channel:
        call: Any = channel.unary_unary(CHANGE)
        change = call.future(b"change")
        assert ask(channel, CONFIGURATION, b"configure") == b"configure 1"  # sent after the change, and not held up
        with pytest.raises(grpc.FutureTimeoutError):
            change.result(timeout=0.5)
        assert attachment.holds_changes
        attachment.begin()
        assert change.result(timeout=30) == b"change 1"
        assert not attachment.holds_changes
        assert ask(channel, CHANGE, b"change") == b"change 2"


def test_an_error_is_the_provider_s_own(tmp_path: Path) -> None:
    with attached(tmp_path, program(tmp_path)) as channel:
        for method in (CONFIGURATION, SCHEMAS):
            with pytest.raises(grpc.RpcError) as raised:
                ask(channel, method, b"refuse")
            error: Any = raised.value
            assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "no such thing")


def test_a_provider_that_dies_is_not_waited_for(tmp_path: Path) -> None:
    with attached(tmp_path, program(tmp_path)) as channel, pytest.raises(grpc.RpcError):
        ask(channel, CONFIGURATION, b"die")


def test_it_ends_also_when_terraform_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), attached(tmp_path, program(tmp_path)):
        raise ValueError("no")
    assert not list(processes_in(tmp_path))


def test_it_ends_also_while_it_starts(tmp_path: Path) -> None:
    slow = program(tmp_path, "import time\nopen('started', 'w')\ntime.sleep(600)")
    paths = map(str, (slow, tmp_path, tmp_path / "kept"))
    words = [sys.executable, "-m", "stockroom.terraform.provider_memory", *paths]
    process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE)
    while not (tmp_path / "started").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.terminate()
    assert process.wait(30) == 0
    assert not list(processes_in(tmp_path))


def test_one_that_does_not_start_is_left_to_terraform(tmp_path: Path) -> None:
    running = running_provider(program(tmp_path, "exit(1)"), tmp_path, {"PATH": os.defpath}, tmp_path / "log", NONE)
    with running as attachment:
        assert attachment == Attachment()


def test_what_tells_how_to_attach() -> None:
    lines = ["Provider started.\n", "\tTF_REATTACH_PROVIDERS='{}'\n", "TF_REATTACH_PROVIDERS='other'\n"]
    assert parse_reattach(iter(lines)) == "{}"
    assert parse_reattach(iter(lines[:1])) is None


class Provider:
    """A provider's program, of which only the name, the length and the time matter to a memory."""

    def __init__(self, folder: Path) -> None:
        self.kept = folder / "kept"
        self.path = folder / "provider"
        self.replace(b"program")

    def replace(self, content: bytes) -> None:
        self.path.write_bytes(content)

    def memory(self, **environment: str) -> Memory:
        return Memory(self.kept, self.path, environment)


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    return Provider(tmp_path)


def test_what_is_remembered(provider: Provider) -> None:
    memory = provider.memory()
    assert memory.recall(SCHEMAS, b"") is None
    memory.keep(SCHEMAS, b"", b"schemas")
    memory.keep(VALIDATION, b"block", b"block")
    memory.keep(VALIDATION, b"other", b"complaint")
    assert provider.memory().recall(SCHEMAS, b"") == b"schemas"
    assert memory.recall(VALIDATION, b"block") == b"block"
    assert memory.recall(VALIDATION, b"other") is None


def test_the_emulator_s_port_makes_no_difference(provider: Provider) -> None:
    provider.memory(AWS_ENDPOINT_URL="http://127.0.0.1:4566").keep(VALIDATION, b"127.0.0.1:1", b"127.0.0.1:1")
    memory = provider.memory(AWS_ENDPOINT_URL="http://127.0.0.1:50123")
    assert memory.recall(VALIDATION, b"127.0.0.1:2") == b"127.0.0.1:2"
    assert memory.recall(VALIDATION, b"127.0.0.2:1") is None


@pytest.mark.parametrize("name", ["AWS_PROFILE", "TF_APPEND_USER_AGENT", "HTTPS_PROXY", "HOME"])
def test_what_a_provider_reads_of_its_environment_makes_a_difference(provider: Provider, name: str) -> None:
    provider.memory(**{name: "one"}).keep(VALIDATION, b"block", b"block")
    assert provider.memory(**{name: "one"}, TF_CLI_CONFIG_FILE="any", TERM="any").recall(VALIDATION, b"block")
    assert provider.memory(**{name: "two"}).recall(VALIDATION, b"block") is None


def test_another_provider_has_a_memory_of_its_own_and_the_old_one_goes(provider: Provider) -> None:
    provider.memory().keep(SCHEMAS, b"", b"schemas")
    provider.replace(b"another program")
    memory = provider.memory()
    assert memory.recall(SCHEMAS, b"") is None
    memory.keep(SCHEMAS, b"", b"other schemas")
    assert len(list(provider.kept.iterdir())) == 1


def test_what_can_not_be_read_is_asked_again(provider: Provider) -> None:
    memory = provider.memory()
    memory.keep(SCHEMAS, b"", b"schemas")
    (file,) = provider.kept.rglob("*/*")
    file.unlink()
    file.mkdir()
    assert memory.recall(SCHEMAS, b"") is None
