"""Hands the caller's client context to the executor."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.utils.patch import patch

from .executor import ProcessRuntimeExecutor


def decode(client_context: str | None) -> str:
    """The JSON text inside the base64 that the Invoke API carries; "" for none or for something else."""
    try:
        return base64.b64decode(client_context or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def apply_patches() -> None:
    """Give the client context to the executor. LocalStack's invocation knows it, but the payload that it builds for
    executors leaves it out. An environment handles one invocation at a time, so the executor can hold it."""

    @patch(ExecutionEnvironment.invoke)
    def invoke(original: Any, self: ExecutionEnvironment, invocation: Any) -> Any:
        executor = self.runtime_executor
        if isinstance(executor, ProcessRuntimeExecutor):
            executor.client_context = decode(invocation.client_context)
        return original(self, invocation)
