"""What functions print goes to CloudWatch Logs within the emulator's process.

LocalStack's handler makes a request to the emulator itself for each invocation, to say it to the same store. It knows
lines and no events, and one log group for a function, whatever LoggingConfig names.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from queue import Queue
from typing import Any

from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.invocation.logs import LogHandler
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager
from localstack.services.logs.models import get_moto_logs_backend
from localstack.services.plugins import SERVICE_PLUGINS
from localstack.utils.aws.arns import extract_account_id_from_arn
from localstack.utils.patch import patch

from stockroom_localstack.state.gate import GATE

from .executor import ProcessRuntimeExecutor

LOG = logging.getLogger(__name__)

# Functions that print faster than it can be stored wait for it.
LONGEST_QUEUE = 16
# What the emulator keeps of a log group in memory; AWS keeps all. An event takes more than its text.
GROUP_BYTES = 64 * 2**20
EVENT_BYTES = 600


@dataclass(frozen=True)
class Events:
    """What one invocation leaves in the log."""

    log_group: str
    log_stream: str
    messages: list[str]


@cache
def apply_patches() -> None:
    """Change what handles logs of functions, in classes that LocalStack makes by name."""

    @patch(ExecutionEnvironment.get_log_group_name)
    def get_log_group_name(original: Any, self: ExecutionEnvironment) -> str:
        return (self.function_version.config.logging_config or {}).get("LogGroup") or str(original(self))

    @patch(LambdaVersionManager.store_logs)
    def store_logs(
        original: Any, self: LambdaVersionManager, invocation_result: Any, execution_env: ExecutionEnvironment
    ) -> None:
        executor = execution_env.runtime_executor
        assert isinstance(executor, ProcessRuntimeExecutor)
        messages = [message for message in executor.drain_events() if message.strip("\n")]
        handler: Any = self.log_handler
        handler.add_logs(Events(execution_env.get_log_group_name(), execution_env.get_log_stream_name(), messages))

    @patch(LogHandler.__init__)
    def initialise(original: Any, self: LogHandler, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        self.log_queue = Queue(LONGEST_QUEUE)

    @patch(LogHandler.run_log_loop)
    def run_log_loop(original: Any, self: LogHandler, *_: object) -> None:
        SERVICE_PLUGINS.require("logs")
        account = str(extract_account_id_from_arn(self.role_arn))
        while True:
            item: Any = self.log_queue.get()
            if not isinstance(item, Events):
                return
            try:
                with GATE.work():
                    _put(account, self.region, item)
            except Exception as error:
                LOG.warning("could not write to the log group %s: %s", item.log_group, error)


def _put(account: str, region: str, item: Events) -> None:
    """Makes the log stream where there is none, and the log group, as Lambda does."""
    backend: Any = get_moto_logs_backend(account, region)
    events = _as_events(item.messages)
    if item.log_group not in backend.groups:
        backend.create_log_group(item.log_group, {})
    group = backend.groups[item.log_group]
    if item.log_stream not in group.streams:
        backend.create_log_stream(item.log_group, item.log_stream)
    if backend.filters.metric_filters:  # which only LocalStack's own way knows
        logs = connect_to(aws_access_key_id=account, region_name=region).logs
        logs.put_log_events(logGroupName=item.log_group, logStreamName=item.log_stream, logEvents=events)
    else:
        backend.put_log_events(item.log_group, item.log_stream, events)
    if removed := remove_oldest(list(group.streams.values())):
        told = (
            f"… truncated: the {removed} oldest events of this log group were removed. "
            f"The local emulator keeps {GROUP_BYTES // 2**20} MB of a log group.\n"
        )
        group.streams[item.log_stream].put_log_events(_as_events([told]))


def _as_events(messages: Iterable[str]) -> list[dict[str, Any]]:
    now = int(time.time() * 1000)
    return [{"timestamp": now, "message": message} for message in messages]


def remove_oldest(streams: list[Any]) -> int:
    """Remove the oldest events of a log group that is too large, a quarter at once, so that it does not happen at every
    call. Returns how many had to go.

    streams: moto's, of one log group."""
    size = sum(stream.stored_bytes + EVENT_BYTES * len(stream.events) for stream in streams)
    if size <= GROUP_BYTES:
        return 0
    removed = 0
    for stream in sorted(streams, key=lambda stream: stream.last_ingestion_time or 0):
        gone = 0
        while gone < len(stream.events) and size > GROUP_BYTES * 3 // 4:
            message = len(stream.events[gone].message)
            stream.stored_bytes -= message
            size -= message + EVENT_BYTES
            gone += 1
        del stream.events[:gone]
        removed += gone
    return removed
