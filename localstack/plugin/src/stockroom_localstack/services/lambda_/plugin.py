"""The entry point `process` of the namespace localstack.lambda.runtime_executor."""

from __future__ import annotations

from functools import cache

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *args: object, **kwargs: object) -> type:
        from .executor import ProcessRuntimeExecutor

        _change_localstack()
        return ProcessRuntimeExecutor


# LocalStack loads the executor anew for every environment. Patches upon patches would soon be too deep to be called.
@cache
def _change_localstack() -> None:
    from stockroom_localstack.services.lambda_.event_sources import workers

    from . import asynchronous, client_context, function_calls, function_logs, metrics

    client_context.pass_on()
    asynchronous.use()
    metrics.collect()
    workers.use()
    asynchronous.watch()
    function_calls.use()
    function_logs.use()
