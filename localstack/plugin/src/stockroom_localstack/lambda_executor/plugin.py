"""The entry point `process` of the namespace localstack.lambda.runtime_executor."""

from __future__ import annotations

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *args: object, **kwargs: object) -> type:
        from . import client_context, metrics, sqs_bodies, stream_pollers
        from .executor import ProcessRuntimeExecutor

        client_context.pass_on()
        metrics.collect()
        sqs_bodies.leave_untouched()
        stream_pollers.use()
        return ProcessRuntimeExecutor
