"""The entry point `process` of the namespace localstack.lambda.runtime_executor."""

from __future__ import annotations

from functools import cache

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    """Chosen by LAMBDA_RUNTIME_EXECUTOR=process."""

    name = "process"

    def load(self, *args: object, **kwargs: object) -> type:
        from .executor import ProcessRuntimeExecutor

        _apply_patches()
        return ProcessRuntimeExecutor


# LocalStack loads the executor anew for every environment. Patches upon patches would soon be too deep to be called.
@cache
def _apply_patches() -> None:
    from stockroom_localstack.services.lambda_.event_sources import workers

    from . import asynchronous, client_context, function_calls, function_logs, metrics

    modules = (client_context, asynchronous, metrics, workers, function_calls, function_logs)
    for module in modules:
        module.apply_patches()
