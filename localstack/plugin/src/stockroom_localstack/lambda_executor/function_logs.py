"""What functions print goes to CloudWatch Logs within the emulator's process.

LocalStack's handler makes a request to the emulator itself for each invocation, to say it to the same store.
"""

from __future__ import annotations

import logging
import time
from functools import cache
from typing import Any

from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation.logs import LogHandler, LogItem
from localstack.services.logs.models import get_moto_logs_backend
from localstack.services.plugins import SERVICE_PLUGINS
from localstack.utils.aws.arns import extract_account_id_from_arn
from localstack.utils.patch import patch

from ..state.gate import GATE

LOG = logging.getLogger(__name__)


@cache
def use() -> None:
    # A patch, because LocalStack makes its handler by name.
    @patch(LogHandler.run_log_loop)
    def run_log_loop(original: Any, self: LogHandler, *_: object) -> None:
        SERVICE_PLUGINS.require("logs")
        account = str(extract_account_id_from_arn(self.role_arn))
        while not self._shutdown_event.is_set():
            item = self.log_queue.get()
            if not isinstance(item, LogItem):
                return
            try:
                with GATE.work():
                    _put(account, self.region, item)
            except Exception as error:
                LOG.warning("could not write to the log group %s: %s", item.log_group, error)


def _put(account: str, region: str, item: LogItem) -> None:
    """Makes the log stream where there is none, and the log group, as Lambda does."""
    backend: Any = get_moto_logs_backend(account, region)
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": f"{line}\n"} for line in item.logs.split("\n") if line]
    if item.log_group not in backend.groups:
        backend.create_log_group(item.log_group, {})
    if item.log_stream not in backend.groups[item.log_group].streams:
        backend.create_log_stream(item.log_group, item.log_stream)
    if backend.filters.metric_filters:  # which only LocalStack's own way knows
        logs = connect_to(aws_access_key_id=account, region_name=region).logs
        logs.put_log_events(logGroupName=item.log_group, logStreamName=item.log_stream, logEvents=events)
    else:
        backend.put_log_events(item.log_group, item.log_stream, events)
