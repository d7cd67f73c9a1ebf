"""A platform that a test brings up with the user's commands, interrupts, and takes down again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil

ROOT = Path(__file__).resolve().parents[2]
COMMAND_SECONDS = 420
STACK = "data_platform"
FOR_OTHERS = ("restock_requests",)  # queues that nobody on the platform reads


@dataclass
class Command:
    """A running `invoke` task; its lines are kept as they come."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def wait_for_line(self, words: str) -> str:
        """Return the line that holds the words as soon as it is printed."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            if words in line:
                return line
        raise AssertionError(f"'{words}' was never printed:\n{self.output}")

    def finish(self, seconds: float = COMMAND_SECONDS) -> int:
        rest, _ = self.process.communicate(timeout=seconds)
        self.lines.append(rest)
        return self.process.returncode

    @property
    def output(self) -> str:
        return "".join(self.lines)


@dataclass
class OwnPlatform:
    """Everything of it lies in `run_dir`; `shell` are further variables of the shell that the commands run in.

    It neither begins with a snapshot nor saves one, unless the shell says so. A command has `patience` seconds.
    """

    run_dir: Path
    port: int
    shell: dict[str, str] = field(default_factory=dict)
    patience: float = COMMAND_SECONDS
    project: Path = ROOT

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *words: str, errors: int | None = subprocess.STDOUT) -> Command:
        """Start a task, in a process group of its own as a terminal would; by default errors are part of its output."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("STOCKROOM_", "AWS_"))}
        process = subprocess.Popen(
            [sys.executable, "-m", "invoke", *words],
            cwd=self.project,
            env=kept
            | {"STOCKROOM_SNAPSHOTS": "off", "PYTHONPATH": str(ROOT)}
            | self.shell
            | {"STOCKROOM_RUN_DIR": str(self.run_dir), "STOCKROOM_PORT": str(self.port)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        return Command(process)

    def run(self, *words: str) -> str:
        """Run a task to its end; it must succeed."""
        command = self.start(*words)
        code = command.finish(self.patience)
        assert code == 0, f"invoke {' '.join(words)}: exit code {code}\n{command.output}"
        return command.output

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.run("infra-status", "--json")))

    def report(self) -> dict[str, Any]:
        """What `invoke report --json` prints; what it says beside that goes to where the tests' own errors go."""
        command = self.start("report", "--json", errors=None)
        assert command.finish() == 0, command.output
        return dict(json.loads(command.output))

    def emulator(self) -> psutil.Process:
        """The emulator's process, as soon as its pid file is there."""
        path = self.run_dir / "engine" / "pid"
        wait_until(path.exists)
        return psutil.Process(json.loads(path.read_text())["pid"])

    def wait_for_apply(self) -> None:
        """Return when Terraform has begun to create resources."""
        log = self.run_dir / "terraform" / "local" / "data_platform.log"
        wait_until(lambda: log.exists() and '"type":"apply_start"' in log.read_text())

    def processes(self) -> list[psutil.Process]:
        """Every process of the machine that names the run directory, works in it, or was started with it."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                named = any(str(self.run_dir) in word for word in process.cmdline())
                if named or process.cwd().startswith(str(self.run_dir)) or self._was_started_with_it(process):
                    found.append(process)
        return [process for process in found if process.pid != os.getpid()]

    def _was_started_with_it(self, process: psutil.Process) -> bool:
        return any(value.startswith(str(self.run_dir)) for value in process.environ().values())

    def client(self, service: str, region: str = "us-east-1") -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def wait_until_drained(self) -> dict[str, Any]:
        """The status once no message waits any more and every event of the stream is in the raw bucket."""
        queue, seen = self.client("sqs"), self.status()
        urls = {name: url for name, url in seen["outputs"][STACK]["queue_urls"].items() if name not in FOR_OTHERS}
        attributes = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]

        def messages(url: str) -> int:
            answer = queue.get_queue_attributes(QueueUrl=url, AttributeNames=attributes)
            return sum(map(int, answer["Attributes"].values()))

        def drained() -> dict[str, Any] | None:
            # The status reads all of the stream: asked for again and again, it takes the time that the functions need.
            seen["messages"] = {name: messages(url) for name, url in urls.items()}
            if any(seen["messages"].values()):
                return None
            status = self.status()
            streams = (
                status["records"].get(STACK, {}).get("streams")
            )  # of an emulator that has no time to answer nothing is known
            seen.update(status, captured=len(self.captured_events()) if streams else None)
            if not streams or self.waiting(status):
                return None
            return status if seen["captured"] >= streams["sales_events"] else None

        try:
            found: dict[str, Any] = wait_until(drained, seconds=600, pause=2.0)
        except AssertionError as error:
            raise AssertionError(f"{error}; the last status: {seen}\n{self.complaints()}") from None
        return found

    def complaints(self) -> str:
        """The last warnings and errors of the emulator."""
        words = (" WARN ", " ERROR ", " FATAL ")
        lines = self.run("logs", "--lines", "5000").splitlines()
        return "\n".join([line for line in lines if any(word in line for word in words)][-20:])

    @staticmethod
    def waiting(status: dict[str, Any]) -> dict[str, int]:
        """Messages by queue, of the queues that the platform itself is to empty."""
        queues: dict[str, int] = status["records"][STACK]["queues"]
        return {name: count for name, count in queues.items() if count and name not in FOR_OTHERS}

    def captured_events(self) -> list[dict[str, Any]]:
        """Every event in the raw bucket, as often as it is stored."""
        import gzip

        s3 = self.client("s3")
        bucket = next(name["Name"] for name in s3.list_buckets()["Buckets"] if "-raw-" in name["Name"])
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="sales_events/")
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        bodies = (s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys)
        return [json.loads(line) for body in bodies for line in gzip.decompress(body).splitlines()]

    def stored_orders(self) -> list[dict[str, Any]]:
        """Every item of the table `orders`."""
        table = boto3.resource(
            "dynamodb",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        ).Table("stockroom-local-orders")
        items: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        while True:
            page = table.scan(ConsistentRead=True, **more)
            items += page["Items"]
            if "LastEvaluatedKey" not in page:
                return items
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def wait_until(condition: Callable[[], Any], seconds: float = 180, pause: float = 0.02) -> Any:
    """Ask until the answer is true and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not so after {seconds:.0f} s: {condition}"
        time.sleep(pause)
    return answer


@contextlib.contextmanager
def own_platform(
    run_dir: Path, port: int, shell: dict[str, str] | None = None, project: Path = ROOT
) -> Iterator[OwnPlatform]:
    """A platform that is taken down at the end, whatever happened; then nothing of it may run any more."""
    platform = OwnPlatform(run_dir, port, shell or {}, project=project)
    try:
        yield platform
        platform.run("infra-down")
        left = [process for process in platform.processes() if process.status() != psutil.STATUS_ZOMBIE]
        assert not left, f"still running after infra-down: {left}"
        assert not run_dir.exists()
    finally:
        for process in platform.processes():
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
